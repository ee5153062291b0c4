"""What every real part (emulator, tool, binary) of the tests shares: starting, waiting, and skipping with a reason."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
CORPUS = CHECKOUT.parent / "shared" / "corpus"
PARTS = CHECKOUT / ".parts"
"""Where `make parts` installs emulators that have an environment or a binary of their own."""


def missing(part: str, mend: str) -> None:
    """Skips the test for want of a part; in CI, where every part is installed, that is a failure instead."""
    message = f"{part} is not here: {mend}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def require_program(name: str, mend: str) -> str:
    """Path of a program on PATH."""
    found = shutil.which(name)
    if found is None:
        missing(name, mend)
    assert found is not None
    return found


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listening(port: int) -> Callable[[], bool]:
    """A probe: does somebody accept connections on 127.0.0.1:port?"""

    def probe() -> bool:
        with socket.socket() as attempt:
            attempt.settimeout(0.5)
            return attempt.connect_ex(("127.0.0.1", port)) == 0

    return probe


def wait_for(probe: Callable[[], object], seconds: float, what: str) -> None:
    """Waits until the probe is true; fails the test, naming what was waited for, after so many seconds."""
    end = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > end:
            pytest.fail(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.05)


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, ready: Callable[[], bool], seconds: float = 60, **kwargs: Any
) -> Iterator[subprocess.Popen]:
    """Runs a server in a process group of its own for the length of the block, its output in `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, **kwargs)
    try:
        end = time.monotonic() + seconds
        while not ready():
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.1)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
