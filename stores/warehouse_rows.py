"""How records become the Arrow batches that both warehouses are fed with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa

from media.records import AssetRows, DeadLetter
from media.schema import ASSET_RAW, ASSET_VERSIONS, METADATA_COMPLETENESS, Column, ColumnType, Mode, Table
from media.schema import to_row as record_to_row
from stores.warehouse import RefusedDeadLetter, RefusedRows, WriteResult

ARROW_TYPES = {
    ColumnType.STRING: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.FLOAT: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.TIMESTAMP: pa.timestamp("us", "UTC"),
    ColumnType.BYTES: pa.binary(),
    ColumnType.JSON: pa.string(),
    ColumnType.GEOGRAPHY: pa.string(),
}
"""What BigQuery's Storage Write API takes for each type (https://cloud.google.com/bigquery/docs/supported-data-types)."""

CONVERSION_ERRORS = (ValueError, TypeError, OverflowError)
"""What `to_batch` raises for a value that its column cannot hold (pyarrow's own errors are among them)."""

ORDER_OF_WRITING = (ASSET_RAW, METADATA_COMPLETENESS, ASSET_VERSIONS)
"""Tables of an asset: the version last, so that whoever sees it finds its other rows."""


@dataclass(frozen=True)
class Owned:
    """One row to be, and the index of the asset or dead letter that it belongs to."""

    owner: int
    record: Any


def rows_of(table: Table, assets: Iterable[tuple[int, AssetRows]]) -> list[Owned]:
    """The rows that these assets have in one of the tables of `ORDER_OF_WRITING`."""
    rows: list[Owned] = []
    for owner, asset in assets:
        records: Sequence[Any] = (asset.record,)
        if table is ASSET_RAW:
            records = () if asset.raw is None else (asset.raw,)
        elif table is METADATA_COMPLETENESS:
            records = asset.completeness
        rows.extend(Owned(owner, record) for record in records)
    return rows


def letters_of(dead_letters: Iterable[DeadLetter]) -> list[Owned]:
    """The rows of these dead letters."""
    return [Owned(owner, letter) for owner, letter in enumerate(dead_letters)]


def to_batch(table: Table, rows: Sequence[Owned]) -> pa.RecordBatch:
    """The rows as one batch.

    Raises:
        ValueError, TypeError, OverflowError: where a value does not fit its column.
    """
    return pa.RecordBatch.from_pylist([record_to_row(row.record) for row in rows], schema=arrow_schema(table))


@cache
def arrow_schema(table: Table) -> pa.Schema:
    """The table's columns; all may be null here, so that a missing value is the table's to refuse."""
    return pa.schema([_field(column) for column in table.columns])


def _field(column: Column) -> pa.Field:
    if column.type is ColumnType.RECORD:
        arrow_type = pa.struct([_field(inner) for inner in column.fields])
    else:
        arrow_type = ARROW_TYPES[column.type]
    return pa.field(column.name, pa.list_(arrow_type) if column.mode is Mode.REPEATED else arrow_type)


def result_of(
    assets: Sequence[AssetRows],
    dead_letters: Sequence[DeadLetter],
    refused_assets: dict[int, str],
    refused_letters: dict[int, str],
) -> WriteResult:
    """Sorts assets and dead letters into written and refused, by the indices of those refused."""
    return WriteResult(
        tuple(asset for index, asset in enumerate(assets) if index not in refused_assets),
        tuple(RefusedRows(assets[index], reason) for index, reason in sorted(refused_assets.items())),
        tuple(letter for index, letter in enumerate(dead_letters) if index not in refused_letters),
        tuple(RefusedDeadLetter(dead_letters[index], reason) for index, reason in sorted(refused_letters.items())),
    )
