"""The warehouse's tables, derived from the records: a field of a record is a column, with the same name, everywhere.

A store turns these definitions into its own types; nothing here knows a database.
"""

import dataclasses
import enum
import re
import types
import typing
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cache
from typing import Any

from media.records import AssetRecord, CompletenessRow, DeadLetter, RawMetadata


class ColumnType(str, enum.Enum):
    """Types by BigQuery's names; JSON and GEOGRAPHY travel as text (JSON, WKT)."""

    STRING = "STRING"
    INTEGER = "INTEGER"
    FLOAT = "FLOAT"
    BOOLEAN = "BOOLEAN"
    TIMESTAMP = "TIMESTAMP"
    BYTES = "BYTES"
    JSON = "JSON"
    GEOGRAPHY = "GEOGRAPHY"
    RECORD = "RECORD"


class Mode(str, enum.Enum):
    """How many values a column holds, by BigQuery's names."""

    REQUIRED = "REQUIRED"
    NULLABLE = "NULLABLE"
    REPEATED = "REPEATED"


@dataclasses.dataclass(frozen=True)
class Column:
    """One column; `fields` are the columns of a RECORD and empty otherwise."""

    name: str
    type: ColumnType
    mode: Mode
    fields: tuple["Column", ...] = ()


@dataclasses.dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        name: in the dataset.
        record: the dataclass whose instances are its rows.
        columns: identity first, then in the order of the record's fields.
        partition_by: the TIMESTAMP column whose day partitions the table. Always the moment of writing, never that of
            the upload: BigQuery refuses to stream into partitions that are years old, and an archive is.
        cluster_by: at most four columns.
    """

    name: str
    record: type
    columns: tuple[Column, ...]
    partition_by: str
    cluster_by: tuple[str, ...]

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: where there is none.
        """
        return {column.name: column for column in self.columns}[name]


IDENTITY = ("asset_id", "version", "version_order", "uri", "bucket", "name", "team", "contributor")
"""Columns that come first in a table of assets; the other columns keep the order of the record's fields."""

REQUIRED = frozenset({"asset_id", "version", "version_order", "uri", "team", "status", "processed_at"})
"""Columns of `asset_versions` that views and partitions rest on, required although the record has defaults for them.

Elsewhere a field without a default is required, and one with a default is not: BigQuery cannot add a required column
to a table that exists, so a field added later needs a default here as it does in `media.coding`.
"""

SPECIAL_TYPES: Mapping[tuple[type, str], ColumnType] = {
    (AssetRecord, "location"): ColumnType.GEOGRAPHY,
    (RawMetadata, "raw"): ColumnType.JSON,
    (DeadLetter, "attributes"): ColumnType.JSON,
}

SCALARS: Mapping[type, ColumnType] = {
    str: ColumnType.STRING,
    int: ColumnType.INTEGER,
    float: ColumnType.FLOAT,
    bool: ColumnType.BOOLEAN,
    datetime: ColumnType.TIMESTAMP,
    bytes: ColumnType.BYTES,
}

JSON_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>\\u[dD][89a-fA-F]..)|\\.", re.DOTALL)
"""An escape in JSON text; `half` is half of a surrogate pair, which JSON may escape and no database can hold."""


def to_row(record: Any) -> dict[str, Any]:
    """One record as the row of its table: column name → plain value.

    Enums become their text, tuples lists, nested records dicts; datetimes are aware and UTC. What is no Unicode (half
    of a surrogate pair, from a file's damaged metadata) becomes U+FFFD, since no store can hold it.

    Raises:
        KeyError: for a record that has no table.
        ValueError: for a datetime without a zone.
    """
    table = _tables_by_record()[type(record)]
    row = {column.name: _plain(getattr(record, column.name)) for column in table.columns}
    for column in table.columns:
        if column.type is ColumnType.JSON and row[column.name] is not None:
            row[column.name] = JSON_ESCAPE.sub(_whole_escape, row[column.name])
    return row


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _has_halves(value) else value
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"the time {value.isoformat()} has no zone")
        return value.astimezone(timezone.utc)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {part.name: _plain(getattr(value, part.name)) for part in dataclasses.fields(value)}
    return value


def _has_halves(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _whole_escape(escape: "re.Match[str]") -> str:
    return "\\ufffd" if escape["half"] else escape[0]


def _columns(record: type) -> tuple[Column, ...]:
    hints = typing.get_type_hints(record)
    fields = {field.name: field for field in dataclasses.fields(record)}
    first = [name for name in IDENTITY if name in fields and "asset_id" in fields]
    names = first + [name for name in fields if name not in first]
    return tuple(_column(record, fields[name], hints[name]) for name in names)


def _column(record: type, field: "dataclasses.Field[Any]", hint: Any) -> Column:
    inner, mode = _mode(record, field, hint)
    if dataclasses.is_dataclass(inner):
        return Column(field.name, ColumnType.RECORD, mode, _columns(typing.cast(type, inner)))
    if isinstance(inner, type) and issubclass(inner, enum.Enum):
        inner = str
    special = SPECIAL_TYPES.get((record, field.name))
    return Column(field.name, special or SCALARS[inner], mode)


def _mode(record: type, field: "dataclasses.Field[Any]", hint: Any) -> tuple[Any, Mode]:
    """The type of one value, and how many there are of them."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return arguments[0], Mode.REPEATED
    inner = hint
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not type(None))
    has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    required = field.name in REQUIRED if record is AssetRecord else not has_default
    return inner, Mode.REQUIRED if required else Mode.NULLABLE


def _table(name: str, record: type, partition_by: str, *cluster_by: str) -> Table:
    return Table(name, record, _columns(record), partition_by, cluster_by)


ASSET_VERSIONS = _table("asset_versions", AssetRecord, "processed_at", "team", "media_type", "asset_id")
ASSET_RAW = _table("asset_raw", RawMetadata, "processed_at", "asset_id")
METADATA_COMPLETENESS = _table("metadata_completeness", CompletenessRow, "processed_at", "team", "profile", "asset_id")
DEAD_LETTERS = _table("dead_letters", DeadLetter, "occurred_at", "stage", "error_type")

TABLES: Mapping[str, Table] = types.MappingProxyType(
    {table.name: table for table in (ASSET_VERSIONS, ASSET_RAW, METADATA_COMPLETENESS, DEAD_LETTERS)}
)
"""Every table of the warehouse by name."""


@cache
def _tables_by_record() -> Mapping[type, Table]:
    return {table.record: table for table in TABLES.values()}
