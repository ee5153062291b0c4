"""The warehouse in one DuckDB file, opened for each write and closed again.

DuckDB lets one process at a time open a file, readers included, so a file that is kept open locks everybody out. Open,
insert and close together take about 15 ms; whoever finds the file locked waits its turn.
"""

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import tenacity

from media.errors import StoreUnavailable
from media.records import AssetRows, DeadLetter
from media.schema import DEAD_LETTERS, TABLES, Column, ColumnType, Mode, Table
from stores.warehouse import WarehouseError, WriteResult
from stores.warehouse_rows import (
    CONVERSION_ERRORS,
    ORDER_OF_WRITING,
    Owned,
    letters_of,
    result_of,
    rows_of,
    to_batch,
)

LOCK_SECONDS = 15.0
"""How long a locked file is waited for: a thousand times what a writer needs, and a person's shell gets noticed."""

DUCKDB_TYPES = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.FLOAT: "DOUBLE",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.TIMESTAMP: "TIMESTAMPTZ",
    ColumnType.BYTES: "BLOB",
    ColumnType.JSON: "JSON",
    ColumnType.GEOGRAPHY: "VARCHAR",
}
"""GEOGRAPHY stays WKT text: DuckDB's own type needs an extension that has to be downloaded."""

ROW_ERRORS = (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException, *CONVERSION_ERRORS)
"""The fault of a row; every other error of DuckDB is the file's or the machine's."""

_guard = threading.Lock()
_locks: dict[Path, threading.RLock] = {}
"""One lock per file and process: DuckDB lets threads in together, but not writers beside read-only readers."""


class DuckDBFile:
    """A `Warehouse` in a file; see there for what the methods promise.

    Args:
        path: the file; made by `prepare` in a folder that exists.
        lock_seconds: how long a file that another process holds is waited for.
    """

    dialect = "duckdb"
    dataset = "main"

    def __init__(self, path: str | Path, lock_seconds: float = LOCK_SECONDS) -> None:
        self.path = Path(path)
        self._lock_seconds = lock_seconds

    def prepare(self) -> None:
        """Creates the file and its tables where they are missing."""
        if not self.path.absolute().parent.is_dir():
            raise WarehouseError(f"the folder {self.path.absolute().parent} of duckdb:{self.path} is not there")
        if self.path.is_file() and self.path.stat().st_size == 0:
            # What a full disk or `mktemp` leaves behind; DuckDB refuses it, and there is nothing in it to lose.
            self.path.unlink()
        with self._statements() as connection:
            for table in TABLES.values():
                connection.execute(_create_table(table))
                _check_columns(connection, table, self.path)

    def write(self, rows: Sequence[AssetRows], dead_letters: Sequence[DeadLetter] = ()) -> WriteResult:
        """One transaction; where a row is refused, one for each asset and dead letter instead."""
        assets = list(enumerate(rows))
        letters = letters_of(dead_letters)
        refused_assets: dict[int, str] = {}
        refused_letters: dict[int, str] = {}
        with self._writing() as connection:
            if _refusal(connection, assets, letters) is not None:
                for asset in assets:
                    if (reason := _refusal(connection, [asset], [])) is not None:
                        refused_assets[asset[0]] = reason
                for letter in letters:
                    if (reason := _refusal(connection, [], [letter])) is not None:
                        refused_letters[letter.owner] = reason
        return result_of(rows, dead_letters, refused_assets, refused_letters)

    def execute(self, sql: str) -> None:
        """Opens the file for one statement."""
        with self._statements() as connection:
            connection.execute(sql)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Opens the file read-only for one query."""
        with self._statements(read_only=True) as connection:
            return fetch(connection, sql)

    def close(self) -> None:
        """Nothing is open between calls."""

    @contextlib.contextmanager
    def _writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with _opened(self.path, self._lock_seconds) as connection:
                yield connection
        except duckdb.Error as error:
            raise StoreUnavailable(f"duckdb:{self.path}: {error}") from error

    @contextlib.contextmanager
    def _statements(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with _opened(self.path, self._lock_seconds, read_only=read_only) as connection:
                yield connection
        except duckdb.Error as error:
            raise WarehouseError(f"duckdb:{self.path}: {error}") from error


@contextlib.contextmanager
def read_only(path: str | Path, lock_seconds: float = LOCK_SECONDS) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the file for the length of the block, during which nobody can write: be quick.

    Raises:
        StoreUnavailable: where another process holds the file all the time.
        duckdb.Error: where there is no such file, or it is no database.
    """
    with _opened(Path(path), lock_seconds, read_only=True) as connection:
        yield connection


def fetch(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """Rows of a query by column name, JSON columns parsed."""
    cursor = connection.execute(sql)
    described = [(str(name), str(kind)) for name, kind, *_ in cursor.description or ()]
    return [
        {
            name: json.loads(value) if kind == "JSON" and value is not None else value
            for (name, kind), value in zip(described, row, strict=True)
        }
        for row in cursor.fetchall()
    ]


@contextlib.contextmanager
def _opened(path: Path, lock_seconds: float, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    with _guard:
        lock = _locks.setdefault(path.resolve(), threading.RLock())
    with lock:
        connection = _connect(path, lock_seconds, read_only)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()


def _connect(path: Path, lock_seconds: float, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_locked),
            stop=tenacity.stop_after_delay(lock_seconds),
            wait=tenacity.wait_random_exponential(multiplier=0.02, max=0.5),
            reraise=True,
        ):
            with attempt:
                return duckdb.connect(path, read_only=read_only)
    except duckdb.IOException as error:
        if not _is_locked(error):
            raise
        raise StoreUnavailable(f"duckdb:{path} stayed locked for {lock_seconds:g} s: {error}") from error
    raise AssertionError("tenacity returns or raises")


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, duckdb.IOException) and "lock" in str(error)


def _refusal(
    connection: duckdb.DuckDBPyConnection, assets: Sequence[tuple[int, AssetRows]], letters: Sequence[Owned]
) -> str | None:
    """Writes these in one transaction; where a row is refused, nothing of it stays, and DuckDB's words come back."""
    parts = [(table, rows_of(table, assets)) for table in ORDER_OF_WRITING]
    connection.begin()
    try:
        for table, rows in [*parts, (DEAD_LETTERS, letters)]:
            if not rows:
                continue
            connection.register("batch", to_batch(table, rows))
            connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM batch")
        connection.commit()
    except ROW_ERRORS as error:
        connection.rollback()
        return str(error)
    return None


def _create_table(table: Table) -> str:
    columns = ", ".join(
        f'"{column.name}" {_duckdb_type(column)}{" NOT NULL" if column.mode is Mode.REQUIRED else ""}'
        for column in table.columns
    )
    return f"CREATE TABLE IF NOT EXISTS {table.name} ({columns})"


def _duckdb_type(column: Column) -> str:
    if column.type is ColumnType.RECORD:
        inner = ", ".join(f'"{field.name}" {_duckdb_type(field)}' for field in column.fields)
        kind = f"STRUCT({inner})"
    else:
        kind = DUCKDB_TYPES[column.type]
    return f"{kind}[]" if column.mode is Mode.REPEATED else kind


def _check_columns(connection: duckdb.DuckDBPyConnection, table: Table, path: Path) -> None:
    """A table of another release is found here, before the job, and not by every row."""
    here = {row["column_name"]: row["column_type"] for row in fetch(connection, f"DESCRIBE {table.name}")}
    missing = [column.name for column in table.columns if column.name not in here]
    if missing:
        raise WarehouseError(
            f"the table {table.name} in duckdb:{path} is of another release and lacks {', '.join(missing)}: "
            "take another file, or add the columns"
        )
