"""A BigQuery emulator (local-bigquery) on 127.0.0.1, in an environment of its own."""

import contextlib
import itertools
import json
import os
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.parts.common import PARTS, free_port, listening, missing, running

PROJECT = "proofstream-test"


@dataclass(frozen=True)
class BigQueryEmulator:
    """Where a running emulator is; `env` leads a process (this one too) to it."""

    http: str
    grpc: str
    project: str = PROJECT
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def env(self) -> Mapping[str, str]:
        """For a job's process: the variables that `stores.bigquery` honours."""
        return {
            "BIGQUERY_EMULATOR_HOST": self.http,
            "BIGQUERY_STORAGE_EMULATOR_HOST": self.grpc,
            "GOOGLE_CLOUD_PROJECT": self.project,
        }

    def new_dataset(self) -> str:
        """Makes an empty dataset and gives its URI, `bigquery://PROJECT/DATASET`."""
        name = f"dataset_{next(self.numbers)}_{os.getpid()}"
        body = {"datasetReference": {"projectId": self.project, "datasetId": name}}
        request = urllib.request.Request(
            f"{self.http}/bigquery/v2/projects/{self.project}/datasets",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30):
            return f"bigquery://{self.project}/{name}"


def emulator_program() -> Path:
    """`local-bigquery` as `make parts` installs it, or the one named in PROOFSTREAM_BIGQUERY_EMULATOR."""
    named = os.environ.get("PROOFSTREAM_BIGQUERY_EMULATOR")
    program = Path(named) if named else PARTS / "bigquery" / "bin" / "local-bigquery"
    if not program.exists():
        missing("the BigQuery emulator", f"make parts (or tools/bigquery_emulator.sh) puts it at {program}")
    return program


@contextlib.contextmanager
def started_emulator(
    folder: Path, http_port: int | None = None, grpc_port: int | None = None
) -> Iterator[BigQueryEmulator]:
    """Runs an emulator whose data lies in the folder; with the same folder and ports it is the same one again."""
    program = emulator_program()
    http_port, grpc_port = http_port or free_port(), grpc_port or free_port()
    command = [str(program), "serve", "--host", "127.0.0.1", "--port", str(http_port), "--grpc-port", str(grpc_port)]
    command += ["--project", PROJECT, "--data-dir", str(folder / "data")]
    # Its DuckDB extensions are installed there (tools/bigquery_emulator.sh); elsewhere it would download them.
    env = {**os.environ, "HOME": str(program.parent.parent / "home")}
    ready = listening(http_port)
    with running(command, folder / "emulator.log", ready, env=env):
        yield BigQueryEmulator(f"http://127.0.0.1:{http_port}", f"127.0.0.1:{grpc_port}")


@pytest.fixture(scope="session")
def bigquery_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryEmulator]:
    """One emulator for all tests; each takes a dataset of its own."""
    with started_emulator(tmp_path_factory.mktemp("bigquery")) as emulator:
        yield emulator
