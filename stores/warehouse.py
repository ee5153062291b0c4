"""What a warehouse is to the job, and how one is opened by its URI."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from media.records import AssetRows, DeadLetter


class WarehouseError(ValueError):
    """The warehouse cannot take the job's rows as it is; the message says how to mend it."""


@dataclass(frozen=True)
class RefusedRows:
    """An asset of which a table refused a row, with the table's own words; the asset does not become visible."""

    rows: AssetRows
    reason: str


@dataclass(frozen=True)
class RefusedDeadLetter:
    """A dead letter that its table refused, with the table's own words."""

    dead_letter: DeadLetter
    reason: str


@dataclass(frozen=True)
class WriteResult:
    """What became of one write; every asset and dead letter given is in exactly one of the four.

    Attributes:
        written: as written, in the order given: a record may have gained an issue of the stage `write`.
        refused: to be dead-lettered; trying them again changes nothing.
        dead_letters: written, in the order given.
        refused_dead_letters: neither written nor worth another try.
    """

    written: tuple[AssetRows, ...] = ()
    refused: tuple[RefusedRows, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    refused_dead_letters: tuple[RefusedDeadLetter, ...] = ()


class Warehouse(Protocol):
    """Tables that rows are appended to. Safe to share between threads; making one does no I/O."""

    @property
    def dialect(self) -> str:
        """Of its SQL, by sqlglot's name: `bigquery` or `duckdb`."""

    @property
    def dataset(self) -> str:
        """What stands before a table's name in SQL, without quotes: `PROJECT.DATASET`, or DuckDB's schema."""

    def prepare(self) -> None:
        """Creates the tables that are missing; to be called once, before the job starts.

        Raises:
            WarehouseError: where they cannot be made, or are there with other columns.
            StoreUnavailable: when the store does not answer.
        """

    def write(self, rows: Sequence[AssetRows], dead_letters: Sequence[DeadLetter] = ()) -> WriteResult:
        """Appends all rows of these assets, and the dead letters.

        The row of `asset_versions` comes last, so that whoever sees a version finds its other rows. After an exception
        some rows may have been written; writing all of them again is harmless, since every view keeps one per version.

        Raises:
            StoreUnavailable: when the store is down after retries; nothing may be settled.
        """

    def execute(self, sql: str) -> None:
        """Runs a statement of its own dialect, such as a view's definition.

        Raises:
            WarehouseError: where the statement is refused.
            StoreUnavailable: when the store does not answer.
        """

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query in its own dialect; JSON columns are parsed, times are aware, a repeated column is a list.

        Raises:
            WarehouseError: where the query is refused.
            StoreUnavailable: when the store does not answer.
        """

    def close(self) -> None:
        """Lets go of connections; the warehouse opens new ones when it is used again."""


BIGQUERY = re.compile(r"bigquery://(?P<project>[a-z][a-z0-9.:-]*)/(?P<dataset>\w+)", re.ASCII)


def open_warehouse(uri: str) -> Warehouse:
    """The warehouse that a URI names: `duckdb:FILE` or `bigquery://PROJECT/DATASET`. Does no I/O.

    Raises:
        ValueError: for any other URI, or where the packages of that store are not installed.
    """
    scheme, _, rest = uri.partition(":")
    if scheme == "duckdb" and rest and rest != ":memory:":
        from stores.duckdb_file import DuckDBFile

        return DuckDBFile(rest)
    if named := BIGQUERY.fullmatch(uri):
        try:
            from stores.bigquery import BigQueryDataset
        except ImportError as error:
            raise ValueError(f"{uri} needs Google's packages: pip install 'proofstream[gcp]' ({error})") from error
        return BigQueryDataset(named["project"], named["dataset"])
    raise ValueError(f"{uri!r} is no warehouse: give duckdb:FILE or bigquery://PROJECT/DATASET")
