"""Runs the job as its users do: a process of its own, real brokers and stores around it."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.parts.common import CHECKOUT

DRAIN_LIMIT_SECONDS = 30

_COUNTS = re.compile(
    r"^in (\d+) = recorded (\d+) \+ deleted (\d+) \+ duplicate (\d+) \+ ignored (\d+) \+ dead-lettered (\d+)"
    r"(?: \+ returned (\d+))?(?: \+ in work (\d+))?$",
    re.MULTILINE,
)
NAMES = ("in", "recorded", "deleted", "duplicate", "ignored", "dead-lettered", "returned", "in work")


class Job:
    """One started `proofstream run`."""

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._output = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "run", *arguments],
            cwd=CHECKOUT,
            env={**os.environ, "NO_GCE_CHECK": "true", **env},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def kill(self) -> None:
        """kill -9, as the kernel does it when memory is short."""
        self.process.kill()
        self.process.wait()
        self._output.close()

    def drain(self) -> float:
        """SIGTERM; returns the seconds until the process has ended, which must be with status 0."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(DRAIN_LIMIT_SECONDS + 10)
        self._output.close()
        assert status == 0, self.text()
        return time.monotonic() - began

    def wait(self, seconds: float = 240) -> int:
        """The exit status of a run that ends by itself."""
        status = self.process.wait(seconds)
        self._output.close()
        return status

    def text(self) -> str:
        """Everything that was printed."""
        return self.log.read_text(errors="replace")

    def counts(self) -> dict[str, int]:
        """The last line of counts, which must add up."""
        found = _COUNTS.findall(self.text())
        assert found, f"no line of counts in:\n{self.text()}"
        values = dict(zip(NAMES, (int(number or 0) for number in found[-1]), strict=True))
        assert values["in"] == sum(values[name] for name in NAMES[1:]), values
        return values


@contextlib.contextmanager
def job(arguments: Sequence[str], env: Mapping[str, str], log: Path) -> Iterator[Job]:
    """A job that does not outlive the block."""
    started = Job(arguments, env, log)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.kill()


def run_to_end(arguments: Sequence[str], log: Path, env: Mapping[str, str] | None = None, seconds: float = 240) -> Job:
    """A bounded run; it must succeed."""
    with job(arguments, env or {}, log) as started:
        assert started.wait(seconds) == 0, started.text()
    return started


def children(process: int, name: str) -> list[int]:
    """Running processes of that name, started by a process, however deep."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "comm").read_text().strip()
            if int(fields[1]) == process:
                found += [int(folder.name)] if command == name else []
                found += children(int(folder.name), name)
    return found


def upload_notification(blob: "object", bucket: str) -> tuple[bytes, dict[str, str]]:
    """What Cloud Storage publishes for an object of google-cloud-storage, as payload and attributes."""
    resource = {
        "kind": "storage#object",
        "name": blob.name,
        "bucket": bucket,
        "generation": str(blob.generation),
        "metageneration": "1",
        "contentType": blob.content_type,
        "size": str(blob.size),
        "timeCreated": blob.time_created.isoformat().replace("+00:00", "Z"),
    }
    attributes = {
        "eventType": "OBJECT_FINALIZE",
        "payloadFormat": "JSON_API_V1",
        "bucketId": bucket,
        "objectId": blob.name,
        "objectGeneration": str(blob.generation),
        "eventTime": resource["timeCreated"],
    }
    return json.dumps(resource).encode(), attributes
