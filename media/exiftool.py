"""ExifTool, kept open: a file in, everything that ExifTool says of it out, or a reason that a person understands.

PyExifTool starts ExifTool and parses its JSON. Its own reading loop is replaced, since it waits for ever when ExifTool
hangs, spins when ExifTool has died (its issues 95 and 96), and deadlocks when ExifTool fills stderr first.
"""

import contextlib
import ctypes
import itertools
import json
import os
import queue
import re
import resource
import secrets
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import exiftool

from media.errors import ExtractionFailed

MINIMUM_VERSION = (12, 24)
"""Older ones run code out of a file's DjVu annotations (CVE-2021-22204)."""
INSTALL = (
    "install it with `apt-get install libimage-exiftool-perl` (Debian, Ubuntu) or `brew install exiftool` (macOS), "
    "or from https://exiftool.org"
)
READ_ARGUMENTS = ("-n", "-G1", "-struct", "-charset", "utf8", "-api", "LargeFileSupport=1", "--System:all")
"""Raw values, groups that tell IFD0 from XMP-dc, structures whole, files over 2 GB. System tags would describe our
temporary link, not the asset. Nothing here writes, and no argument ever comes from outside."""
START_SECONDS = 30.0
"""A cold start takes 0.1 s; this is for a machine under heavy load."""
REAP_SECONDS = 5.0
"""A killed process is gone at once, unless the kernel holds it in a broken network mount; nobody waits for that."""
MEMORY_BYTES = 1 << 30
"""Address space of one ExifTool: ordinary photos take 0.06 GB, a hostile file would take all there is."""
ANSWER_BYTES = 64 << 20
"""More than this is no metadata (the most seen in practice is under 1 MB)."""
FILES_PER_PROCESS = 1000
"""Perl gives no memory back; a restart every so often costs 0.1 ms a file."""
_CHUNK = 1 << 16
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,10}")
_READABLE = {
    "File is empty": "the file is empty",
    "Unknown file type": "not a known file type",
    "File format error": "the content is not what the file's extension says, and not a known file type",
    "Entire file is binary zeros": "the file holds nothing but zeros",
}


class ExifToolMissingError(RuntimeError):
    """ExifTool is not installed, does not run or is too old; the message says how to mend it."""


class _LostError(Exception):
    """ExifTool died or did not answer; its process is of no further use."""


def find_exiftool(executable: str | None = None) -> tuple[str, str]:
    """Absolute path and version of ExifTool.

    Raises:
        ExifToolMissingError: when there is none, it does not run, or it is older than `MINIMUM_VERSION`.
    """
    found = shutil.which(executable or "exiftool")
    if found is None:
        raise ExifToolMissingError(f"ExifTool is not installed ({executable or 'exiftool'} not found); {INSTALL}")
    command = [found, "-config", "", "-ver"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ExifToolMissingError(f"{found} does not run ({error}); {INSTALL}") from error
    version = re.fullmatch(r"(\d+)\.(\d+)", run.stdout.strip())
    if version is None:
        raise ExifToolMissingError(f"{found} is not ExifTool: it gives its version as {run.stdout[:40]!r}; {INSTALL}")
    if (int(version[1]), int(version[2])) < MINIMUM_VERSION:
        raise ExifToolMissingError(
            f"{found} is ExifTool {version[0]}, which can be made to run code by a file (CVE-2021-22204); "
            f"12.24 is the oldest that is safe: {INSTALL}"
        )
    return os.path.abspath(found), version[0]


class ExifToolPool:
    """Kept-open ExifTool processes that threads share; started when first needed.

    Args:
        size: how many processes, at least 1; so many files are read at once, further readers wait.
        deadline_seconds: for one file, from the moment a process takes it.
        executable: path or name of ExifTool; by default the one on PATH.
    """

    def __init__(self, size: int, deadline_seconds: float, executable: str | None = None) -> None:
        if size < 1 or deadline_seconds <= 0:
            raise ValueError(f"size {size} must be at least 1, and deadline_seconds {deadline_seconds:g} above 0")
        self._executable = executable
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._closed = False
        self._slots = tuple(_Slot(self._start, deadline_seconds) for _ in range(size))
        self._free: queue.LifoQueue[_Slot] = queue.LifoQueue()
        for slot in self._slots:
            self._free.put(slot)
        # Linux kills a child when the *thread* that started it ends: one thread that lives as long as the pool does it.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="exiftool-start")

    def read(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Everything that ExifTool says of a file, keyed `Group1:Tag`; numbers as the text they are in the file.

        The file is opened read-only, through a link with a safe name: its own name never reaches ExifTool.

        Raises:
            ExtractionFailed: the file cannot be identified, or ExifTool died or missed the deadline.
            ExifToolMissingError: there is no usable ExifTool.
            RuntimeError: the pool is closed.
        """
        if not os.path.isfile(path):
            # ExifTool would walk into a folder, and wait for ever on a named pipe.
            raise ExtractionFailed("there is no such file, or it is a folder or a device")
        slot = self._free.get()
        try:
            if self._closed:
                raise RuntimeError("this ExifToolPool is closed")
            return _identified(slot.read(path))
        except ExtractionFailed as error:
            if self._closed:
                raise RuntimeError("this ExifToolPool was closed while it read") from error
            raise
        finally:
            self._free.put(slot)

    def close(self) -> None:
        """Kills every process, a reading one included, and removes the folder of links; may be called again."""
        self._closed = True
        for slot in self._slots:
            slot.kill()
        taken = [self._free.get() for _ in self._slots]
        for slot in taken:
            slot.drop()
            self._free.put(slot)
        self._starter.shutdown()
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> "ExifToolPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, deadline_seconds: float) -> "_Process":
        return self._starter.submit(self._start_here, deadline_seconds).result()

    def _start_here(self, deadline_seconds: float) -> "_Process":
        if self._folder is None:
            self._executable, _ = find_exiftool(self._executable)
            self._folder = tempfile.TemporaryDirectory(prefix="exiftool-", ignore_cleanup_errors=True)
        assert self._executable is not None
        process = _Process(self._executable, self._folder.name, deadline_seconds)
        try:
            process.run()
        except (_LostError, OSError, exiftool.exceptions.ExifToolException) as error:
            process.terminate()
            raise ExtractionFailed(f"ExifTool did not start: {error}") from error
        return process


class _Slot:
    """One place of the pool: a process, replaced when it is lost or has read its share of files."""

    def __init__(self, start: Callable[[float], "_Process"], deadline_seconds: float) -> None:
        self._start = start
        self._deadline_seconds = deadline_seconds
        self._process: _Process | None = None

    def read(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        process = self._process
        if process is None or process.spent:
            self.drop()
            process = self._process = self._start(self._deadline_seconds)
        try:
            return process.read(path)
        except _LostError as lost:
            self.drop()
            raise ExtractionFailed(f"ExifTool {lost}") from lost

    def kill(self) -> None:
        """Ends the process from another thread; who is reading from it sees it die."""
        process = self._process
        if process is not None:
            process.kill()

    def drop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()


class _Process(exiftool.ExifTool):
    """PyExifTool's process in a session of its own (no Ctrl-C from the terminal), with a deadline on every answer."""

    def __init__(self, executable: str, folder: str, deadline_seconds: float) -> None:
        self._process: Any
        super().__init__(executable=executable, common_args=list(READ_ARGUMENTS), config_file="", encoding="utf-8")
        self.set_json_loads(json.loads, parse_float=str, parse_int=str)
        self._folder = folder
        self._deadline_seconds = deadline_seconds
        self._seconds = START_SECONDS
        self._files = 0
        self._names = itertools.count()

    @property
    def spent(self) -> bool:
        """Whether the next file needs another process."""
        return self._process is None or self._process.poll() is not None or self._files >= FILES_PER_PROCESS

    def run(self) -> None:
        """Starts ExifTool without anybody's configuration file, and waits until it answers."""
        command = [self._executable, "-config", "", "-stay_open", "True", "-@", "-", "-common_args", *READ_ARGUMENTS]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._folder,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        self._running = True
        if sys.platform == "linux":
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(self._process.pid, resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        self._ver = self._parse_ver()
        self._seconds = self._deadline_seconds

    def read(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """ExifTool's JSON object of one file; names are handed over as links, since arguments are lines."""
        self._files += 1
        suffix = Path(path).suffix
        name = f"{id(self)}-{next(self._names)}{suffix if _EXTENSION.fullmatch(suffix) else ''}"
        link = Path(self._folder, name)
        os.symlink(os.path.abspath(path), link)
        try:
            (answer,) = self.execute_json(f"./{name}")
        except (exiftool.exceptions.ExifToolExecuteException, ValueError) as error:
            raise ExtractionFailed(f"ExifTool gave no answer: {self._said()}") from error
        finally:
            link.unlink(missing_ok=True)
        answer.pop("SourceFile", None)
        return dict(answer)

    def execute(self, *params: str) -> str:
        """What ExifTool prints for one command.

        Raises:
            _LostError: ExifTool died, missed the deadline or printed more than `ANSWER_BYTES`.
        """
        # So many digits that no file can hold them by chance or design.
        token = f"{secrets.randbelow(10**18):018d}"
        command = "\n".join([*params, "-echo4", f"{{done{token}}}", f"-execute{token}", ""])
        try:
            self._process.stdin.write(command.encode())
            self._process.stdin.flush()
        except OSError as error:
            raise _LostError("ended before it read the file") from error
        end, done = f"{{ready{token}}}", f"{{done{token}}}"
        stdout, stderr = self._answers(end.encode(), done.encode())
        self._last_stdout = stdout.decode(errors="replace").rstrip().removesuffix(end)
        self._last_stderr = stderr.decode(errors="replace").rstrip().removesuffix(done)
        return self._last_stdout

    def kill(self) -> None:
        """Ends ExifTool and whatever a wrapper script started; nothing is lost, as it only reads."""
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    def terminate(self, timeout: float = REAP_SECONDS, _del: bool = False) -> None:
        """Kills ExifTool and leaves neither zombie nor open pipe behind."""
        process = self._process
        if process is None:
            return
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()
        self._flag_running_false()

    def __del__(self) -> None:
        self.terminate()

    def _answers(self, end: bytes, done: bytes) -> tuple[bytes, bytes]:
        """Reads stdout up to `end` and stderr up to `done`, side by side."""
        stop = time.monotonic() + self._seconds
        stdout, stderr = bytearray(), bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ, (stdout, end))
            selector.register(self._process.stderr, selectors.EVENT_READ, (stderr, done))
            while selector.get_map():
                left = stop - time.monotonic()
                if left <= 0:
                    raise _LostError(f"did not answer within {self._seconds:g} s and was killed")
                for key, _ in selector.select(left):
                    chunk = os.read(key.fd, _CHUNK)
                    if not chunk:
                        raise _LostError("died while it read the file")
                    buffer, mark = key.data
                    buffer += chunk
                    if len(buffer) > ANSWER_BYTES:
                        raise _LostError(f"printed more than {ANSWER_BYTES >> 20} MB of metadata and was killed")
                    if buffer[-len(mark) - 2 :].rstrip().endswith(mark):
                        selector.unregister(key.fileobj)
        return bytes(stdout), bytes(stderr)

    def _said(self) -> str:
        said = (self._last_stderr or "").strip().splitlines()
        return said[0].split(" - ./")[0][:200] if said else "nothing that can be parsed"


def _die_with_parent() -> None:
    # A kept-open ExifTool outlives its parent otherwise, and polls the closed pipe a hundred times a second.
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _identified(answer: dict[str, Any]) -> dict[str, Any]:
    if "File:MIMEType" in answer:
        return answer
    words = str(answer.get("ExifTool:Error", "Unknown file type"))
    raise ExtractionFailed(_READABLE.get(words, f"ExifTool cannot read it: {words}"))
