"""Moto's server, which plays S3, SQS, Kinesis and more of AWS, on 127.0.0.1."""

import contextlib
import itertools
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3.session
import pytest

from tests.parts.common import free_port, listening, missing, running

REGION = "us-east-1"
KEY, SECRET = "testing", "testing"


@dataclass(frozen=True)
class Moto:
    """Where a running server is; `env` leads a process (this one too) to it.

    Attributes:
        endpoint: `http://127.0.0.1:PORT`.
        log: every request it was asked, among other lines.
    """

    endpoint: str
    log: Path
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    clients: dict[str, Any] = field(default_factory=dict)

    @property
    def env(self) -> Mapping[str, str]:
        """The variables that boto3 honours."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """A client of the test's own, past the code under test."""
        if service not in self.clients:
            session = boto3.session.Session(KEY, SECRET, region_name=REGION)
            self.clients[service] = session.client(service, endpoint_url=self.endpoint)
        return self.clients[service]

    def new_bucket(self, *, versioned: bool = False) -> str:
        """Makes an empty bucket and gives its name."""
        s3, name = self.client("s3"), f"bucket-{next(self.numbers)}"
        s3.create_bucket(Bucket=name)
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name


@contextlib.contextmanager
def started_moto(folder: Path, port: int | None = None) -> Iterator[Moto]:
    """Runs a server, with its log in the folder; what it is told, it forgets when it ends."""
    program = Path(sys.executable).parent / "moto_server"
    if not program.is_file():
        missing("moto_server", "pip install -e '.[dev]'")
    port = port or free_port()
    log = folder / "moto.log"
    with running([str(program), "-H", "127.0.0.1", "-p", str(port)], log, listening(port)):
        yield Moto(f"http://127.0.0.1:{port}", log)


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """One server for all tests; each takes buckets, queues and streams of its own."""
    with started_moto(tmp_path_factory.mktemp("moto")) as server:
        yield server
