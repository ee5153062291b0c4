"""The DuckDB file, also while another process holds it."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from media.errors import StoreUnavailable
from stores.duckdb_file import DuckDBFile, read_only
from stores.warehouse import WarehouseError, open_warehouse
from tests.stores.warehouse_contract import WarehouseContract
from tests.stores.warehouse_samples import EMPTY, asset, scored


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photos.duckdb"


@pytest.fixture
def warehouse(path: Path) -> DuckDBFile:
    warehouse = open_warehouse(f"duckdb:{path}")
    warehouse.prepare()
    assert isinstance(warehouse, DuckDBFile)
    return warehouse


class TestDuckDBFile(WarehouseContract):
    """The contract, over a file."""


HOLD = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def held(path: Path, seconds: float) -> "subprocess.Popen[str]":
    """Another process that has the file open for so long."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_write_waits_until_another_process_lets_go(warehouse: DuckDBFile, path: Path) -> None:
    with held(path, 1.5):
        began = time.monotonic()
        assert len(warehouse.write([asset(EMPTY)]).written) == 1
    assert time.monotonic() - began > 0.5
    assert [row["asset_id"] for row in warehouse.query("SELECT asset_id FROM asset_versions")] == ["a2"]


def test_a_file_that_stays_locked_is_unavailable_and_says_who_holds_it(warehouse: DuckDBFile, path: Path) -> None:
    impatient = DuckDBFile(path, lock_seconds=0.3)
    with held(path, 60) as holder:
        for attempt in (
            lambda: impatient.write([asset(EMPTY)]),
            lambda: impatient.query("SELECT 1"),
            impatient.prepare,
        ):
            with pytest.raises(StoreUnavailable, match=rf"stayed locked for 0.3 s: .*\(PID {holder.pid}\)"):
                attempt()
        holder.kill()
    assert len(impatient.write([asset(EMPTY)]).written) == 1
    assert len(warehouse.query("SELECT * FROM asset_versions")) == 1


def test_a_reader_waits_for_another_process(warehouse: DuckDBFile, path: Path) -> None:
    warehouse.write([asset(EMPTY)])
    with held(path, 1), read_only(path) as connection:
        assert connection.execute("SELECT asset_id FROM asset_versions").fetchall() == [("a2",)]
    with pytest.raises(duckdb.InvalidInputException, match="read-only"), read_only(path) as connection:
        connection.execute("DELETE FROM asset_versions")


def test_readers_and_writers_of_one_process_take_turns(warehouse: DuckDBFile, path: Path) -> None:
    seen: list[int] = []

    def read() -> None:
        for _ in range(20):
            with read_only(path) as connection:
                seen.append(len(connection.execute("SELECT * FROM asset_versions").fetchall()))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        warehouse.write([asset(EMPTY)])
    reader.join()
    assert len(seen) == 20
    assert seen == sorted(seen)
    assert len(warehouse.query("SELECT * FROM asset_versions")) == 20


def test_of_a_refused_asset_no_row_stays(warehouse: DuckDBFile) -> None:
    bad = asset(EMPTY, completeness=(scored(EMPTY, profile="agency"), scored(EMPTY, profile=None)))  # type: ignore[arg-type]
    result = warehouse.write([bad])
    assert "NOT NULL constraint failed: metadata_completeness.profile" in result.refused[0].reason
    for table in ("asset_versions", "asset_raw", "metadata_completeness"):
        assert warehouse.query(f"SELECT * FROM {table}") == []


def test_a_writer_killed_in_the_middle_leaves_the_file_whole(warehouse: DuckDBFile, path: Path) -> None:
    warehouse.write([asset(EMPTY)])
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from stores.duckdb_file import DuckDBFile\n"
            "from tests.stores.warehouse_samples import EMPTY, asset\n"
            "print('writing', flush=True)\n"
            "while True: DuckDBFile(sys.argv[1]).write([asset(EMPTY)])\n",
            str(path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    time.sleep(0.5)
    writer.kill()
    writer.wait()
    assert len(warehouse.write([asset(EMPTY)]).written) == 1
    versions = warehouse.query("SELECT COUNT(*) AS n FROM asset_versions")
    assert versions == warehouse.query("SELECT COUNT(*) AS n FROM asset_raw")
    assert versions[0]["n"] >= 2


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"the folder .*/nowhere of duckdb:.* is not there"):
        DuckDBFile(tmp_path / "nowhere" / "x.duckdb").prepare()


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"hello" * 1000)
    with pytest.raises(WarehouseError, match="not a valid DuckDB database file"):
        DuckDBFile(path).prepare()
    with pytest.raises(StoreUnavailable, match="not a valid DuckDB database file"):
        DuckDBFile(path).write([asset(EMPTY)])
    assert path.read_bytes() == b"hello" * 1000


@pytest.mark.parametrize(
    "uri",
    ["", "duckdb:", "duckdb::memory:", "bigquery://p", "bigquery://p/d/t", "bigquery:///d", "postgres://x", "x.duckdb"],
)
def test_what_is_no_warehouse_is_explained(uri: str) -> None:
    with pytest.raises(ValueError, match=r"is no warehouse: give duckdb:FILE or bigquery://PROJECT/DATASET"):
        open_warehouse(uri)


def test_opening_does_no_io(path: Path) -> None:
    open_warehouse(f"duckdb:{path}")
    assert not path.exists()
