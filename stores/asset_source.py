"""One version of one object, opened once and shared by the steps that work on it."""

import atexit
import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
import threading
import weakref
from functools import cached_property
from types import TracebackType

from media.errors import AssetError, AssetTooLarge, StoreUnavailable
from media.uris import parse_uri
from stores.objects import ObjectInfo, ObjectReader, open_reader

SIZE_LIMIT = 2 << 30
"""Bytes. Larger originals do not fit the temporary folders of small workers several at a time."""

SIGNED_URL_SECONDS = 900
"""Long enough for FFprobe on a slow link; short enough that a logged URL is soon worth nothing."""

FOLDER_PREFIX = "proofstream-"

_STALE = re.compile(rf"{FOLDER_PREFIX}\d+-")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}")
_UNITS = ("bytes", "KiB", "MiB", "GiB")


class AssetSource:
    """Reads lazily, keeps what it has read, and fetches no byte of a remote object twice.

    Every read is conditional on the version, so that two versions are never mixed. It belongs to one thread at a time,
    and pickles to URI, version, ETag and limit: where a runner moves it to another process, it is fetched again.

    Args:
        uri: of the object.
        version: as in `ObjectInfo`; empty takes what is there at the first look, and holds on to that.
        etag: as the notification gave it; may be empty.
        size_limit: bytes; a larger object can be described, and not be read.

    All methods raise what `ObjectReader` does; those that read also:
        AssetTooLarge: the object is, or turns out to be, over the limit.
    """

    def __init__(self, uri: str, version: str = "", etag: str = "", size_limit: int = SIZE_LIMIT) -> None:
        self.uri = uri
        self.version = version
        self.etag = etag
        self.size_limit = size_limit
        self._info: ObjectInfo | None = None
        self._spool: _Spool | None = None
        self._checksum = ""
        self._bytes_before = 0
        self._closed = False

    def __reduce__(self) -> tuple[type, tuple[str, str, str, int]]:
        version, etag = (self._info.version, self._info.etag) if self._info else (self.version, self.etag)
        return type(self), (self.uri, version, etag, self.size_limit)

    def __enter__(self) -> "AssetSource":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def _reader(self) -> ObjectReader:
        return open_reader(self.uri)

    @property
    def bytes_read(self) -> int:
        """How many bytes of content have been read from the store, failed tries included."""
        return self._bytes_before + (self._spool.fetched if self._spool else 0)

    def info(self) -> ObjectInfo:
        """The object as its store describes it; asked once."""
        if self._info is None:
            self._info = self._reader.stat(parse_uri(self.uri), self.version, self.etag)
        return self._info

    def check_unchanged(self) -> None:
        """Asks the store once more; for files, whose path is handed to tools that know no version.

        Raises:
            Superseded: the version is gone or replaced.
        """
        info = self.info()
        self._reader.stat(info.uri, info.version, info.etag)

    def head(self, size: int) -> bytes:
        """The first bytes; what is missing of them is read as a range."""
        info = self.info()
        size = min(size, info.size_bytes)
        spool = self._spooled()
        if spool.file is None:
            data = self._reader.read_range(info, 0, size)
            self._bytes_before += len(data)
            return data
        if spool.received < size:
            spool.write(self._reader.read_range(info, spool.received, size))
        return spool.kept(size)

    def path(self) -> str:
        """A local path with the whole content, to be read only, valid until `close()`.

        A local file's own path; for a remote object that of a temporary copy, with the extension of its name.
        """
        info = self.info()
        self._require_size(info)
        local = self._reader.local_path(info)
        if local is not None:
            self._require_open()
            return local
        return self._complete().path

    def checksum(self) -> str:
        """SHA-256 of the whole content, hexadecimal; computed while the content is read."""
        if not self._checksum:
            self._checksum = self._complete().sha256.hexdigest()
        return self._checksum

    def bytes(self) -> bytes:
        """The whole content; in memory, so for small objects."""
        info = self.info()
        self._require_size(info)
        if self._spooled().file is not None:
            return self._complete().kept(info.size_bytes)
        data = self._reader.read_range(info, 0, info.size_bytes)
        self._bytes_before += len(data)
        self._checksum = hashlib.sha256(data).hexdigest()
        return data

    def signed_url(self) -> str | None:
        """A URL that reads the object for 15 minutes without credentials; None where none can be made."""
        return self._reader.signed_url(self.info(), SIGNED_URL_SECONDS)

    def close(self) -> None:
        """Removes the temporary copy; what was learned stays, and nothing can be read any more."""
        self._closed = True
        self._drop()

    def _require_open(self) -> None:
        if self._closed:
            raise ValueError(f"the source of {self.uri} is closed")

    def _require_size(self, info: ObjectInfo) -> None:
        if info.size_bytes > self.size_limit:
            raise _too_large(self.uri, info.size_bytes, self.size_limit)

    def _spooled(self) -> "_Spool":
        self._require_open()
        if self._spool is None:
            info = self.info()
            kept = self._reader.local_path(info) is None
            self._spool = _Spool(self.uri, self.size_limit, _TemporaryFile(info.uri.basename) if kept else None)
        return self._spool

    def _complete(self) -> "_Spool":
        info = self.info()
        self._require_size(info)
        spool = self._spooled()
        if not spool.complete:
            try:
                self._reader.download(info, spool)
            except BaseException:
                self._drop()
                raise
            spool.complete = True
        return spool

    def _drop(self) -> None:
        if self._spool is not None:
            self._bytes_before += self._spool.fetched
            if self._spool.file is not None:
                self._spool.file.close()
            self._spool = None


class _Spool:
    """A `Sink`: hashes what comes, holds it against the limit, and keeps it, unless the original is a file here."""

    def __init__(self, uri: str, limit: int, file: "_TemporaryFile | None") -> None:
        self._uri = uri
        self._limit = limit
        self.file = file
        self.fetched = 0
        self.complete = False
        self.restart()

    def restart(self) -> None:
        """Forgets what came; it will be overwritten."""
        self.received = 0
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        """Takes all of the bytes.

        Raises:
            AssetTooLarge: they are more than the limit.
            StoreUnavailable: the temporary folder cannot hold them.
        """
        self.fetched += len(data)
        if self.received + len(data) > self._limit:
            raise _too_large(self._uri, self.received + len(data), self._limit)
        if self.file is not None:
            self.file.write(data, self.received)
        self.sha256.update(data)
        self.received += len(data)
        return len(data)

    @property
    def path(self) -> str:
        """Where the bytes are kept."""
        assert self.file is not None, "the original is a file here, and has its own path"
        return self.file.path

    def kept(self, size: int) -> bytes:
        """The first bytes."""
        assert self.file is not None, "the original is a file here, and is not kept"
        return self.file.read(size)


class _TemporaryFile:
    """A file in this process's own temporary folder; removed when it is closed, or forgotten."""

    def __init__(self, name: str) -> None:
        suffix = os.path.splitext(name)[1]
        try:
            # ExifTool tells some raw formats apart by their extension.
            self._descriptor, self.path = tempfile.mkstemp(
                suffix if _SUFFIX.fullmatch(suffix) else "", dir=_folders.mine()
            )
        except OSError as error:
            raise _no_room(error) from error
        self.close = weakref.finalize(self, _discard, self._descriptor, self.path, os.getpid())

    def write(self, data: bytes, at: int) -> None:
        """Writes all bytes at that position."""
        view = memoryview(data)
        try:
            while view:
                written = os.pwrite(self._descriptor, view, at)
                view, at = view[written:], at + written
        except OSError as error:
            raise _no_room(error) from error

    def read(self, size: int) -> bytes:
        """The first bytes."""
        parts: list[bytes] = []
        done = 0
        while done < size and (part := os.pread(self._descriptor, size - done, done)):
            parts.append(part)
            done += len(part)
        return b"".join(parts)


class _Folders:
    """This process's folder for temporary copies, held locked for as long as the process lives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mine: tuple[int, str, int] | None = None

    def mine(self) -> str:
        """Path of the folder; made at first use, and anew in a forked child or after somebody removed it."""
        with self._lock:
            if self._mine is None or self._mine[0] != os.getpid() or not os.path.isdir(self._mine[1]):
                self._mine = (os.getpid(), *_locked_folder(tempfile.gettempdir()))
            return self._mine[1]

    def remove(self) -> None:
        """Removes this process's folder, not one inherited by a fork."""
        if self._mine is not None and self._mine[0] == os.getpid():
            shutil.rmtree(self._mine[1], ignore_errors=True)
            os.close(self._mine[2])
            self._mine = None


def sweep_stale() -> list[str]:
    """Removes the temporary folders of dead processes of this user; returns their paths.

    A living process holds its folder locked, which tells the two apart even where process ids begin anew (containers).
    """
    parent = tempfile.gettempdir()
    names = [name for name in os.listdir(parent) if _STALE.match(name)]
    return [path for path in (os.path.join(parent, name) for name in names) if _swept(path)]


def make_own_folder() -> str:
    """Makes this process's folder the place of every temporary file of the process; returns its path.

    Beam and ExifTool leave files behind when a process is killed; in here, `sweep_stale` finds them later.
    """
    folder, _ = _locked_folder(tempfile.gettempdir())
    tempfile.tempdir = folder
    return folder


def _swept(path: str) -> bool:
    try:
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            return False
        descriptor = _locked(path)
    except (FileNotFoundError, BlockingIOError):
        return False
    try:
        shutil.rmtree(path)
    finally:
        os.close(descriptor)
    return True


def _locked_folder(parent: str) -> tuple[str, int]:
    while True:
        path = tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-", dir=parent)
        try:
            descriptor = _locked(path)
        except (FileNotFoundError, BlockingIOError):
            # Another process's sweep came between; it removes the folder.
            continue
        if os.path.isdir(path):
            return path, descriptor
        os.close(descriptor)


def _locked(folder: str) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


def _discard(descriptor: int, path: str, owner: int) -> None:
    os.close(descriptor)
    if os.getpid() == owner and os.path.lexists(path):
        os.remove(path)


def _no_room(error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"the temporary folder {tempfile.gettempdir()} cannot hold a copy: {error.strerror}: "
        "make room, or name another in TMPDIR"
    )


def _too_large(uri: str, size: int, limit: int) -> AssetError:
    return AssetTooLarge(f"{uri} is larger than the limit: {_human(size)} of {_human(limit)} (--max_bytes)")


def _human(size: int) -> str:
    amount, unit = float(size), 0
    while amount >= 1024 and unit + 1 < len(_UNITS):
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{size} bytes"


_folders = _Folders()
atexit.register(_folders.remove)
