"""Finds and runs Prism, Beam's local runner for endless input.

We start it ourselves instead of leaving it to `PrismRunner`, for two reasons that were measured: it spins on a whole
core while bundles are in work, which `nice` gives back to rendering; and it outlives a client that was killed,
spinning, which the kernel's parent-death signal prevents.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.error import URLError

from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions, PrismRunnerOptions
from apache_beam.runners.portability.prism_runner import PrismJobServer

BUILT = Path(__file__).resolve().parents[1] / ".parts" / "prism" / "prism"
"""Where `make prism` puts it in a checkout."""

START_SECONDS = 30
"""Submitting to an endpoint that does not answer hangs silently, so the port is waited for first."""

NICENESS = "19"


class PrismUnavailable(RuntimeError):
    """Prism is not here and could not be fetched, or does not start."""


def find_prism(options: PipelineOptions) -> str:
    """Path of the binary: `--prism_location`, `PROOFSTREAM_PRISM`, `make prism`, PATH, Beam's cache or its download.

    Raises:
        PrismUnavailable: saying how to get it.
    """
    asked = options.view_as(PrismRunnerOptions).prism_location
    for candidate in (asked, os.environ.get("PROOFSTREAM_PRISM"), str(BUILT), shutil.which("prism")):
        if candidate and os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return candidate
    try:
        return str(PrismJobServer(options).path_to_binary())
    except (RuntimeError, ValueError, OSError, URLError) as error:
        raise PrismUnavailable(
            f"following an input without end needs Prism, which is not here and could not be downloaded ({error}); "
            "build it with `make prism` (needs Go), or give --prism_location"
        ) from error


@contextlib.contextmanager
def running_prism(options: PipelineOptions) -> Iterator[None]:
    """Runs Prism for the length of the block and points the options at it."""
    binary = find_prism(options)
    port = _free_port()
    command = [*_wrapper(), binary, "--job_port", str(port), "--log_level", "warn", "--serve_http=false"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_listening(process, port, log)
            options.view_as(PortableOptions).job_endpoint = f"127.0.0.1:{port}"
            yield
        finally:
            options.view_as(PortableOptions).job_endpoint = None
            process.kill()
            process.wait()


def _wrapper() -> list[str]:
    # The signal follows the thread that starts Prism: this must be called in the main thread.
    dies_with_us = ["setpriv", "--pdeathsig", "KILL"] if sys.platform == "linux" and shutil.which("setpriv") else []
    return [*dies_with_us, "nice", "-n", NICENESS]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    log.seek(0)
    raise PrismUnavailable(f"Prism does not start: {log.read()[-2000:].decode(errors='replace')}")
