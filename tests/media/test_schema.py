"""The tables as they are derived from the records."""

import dataclasses
import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.records import AssetRecord, RawMetadata, Status, Variant
from media.schema import (
    ASSET_RAW,
    ASSET_VERSIONS,
    DEAD_LETTERS,
    METADATA_COMPLETENESS,
    TABLES,
    Column,
    ColumnType,
    Mode,
    to_row,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


def test_tables_have_these_names_partitions_and_clusters() -> None:
    assert {name: (table.partition_by, table.cluster_by) for name, table in TABLES.items()} == {
        "asset_versions": ("processed_at", ("team", "media_type", "asset_id")),
        "asset_raw": ("processed_at", ("asset_id",)),
        "metadata_completeness": ("processed_at", ("team", "profile", "asset_id")),
        "dead_letters": ("occurred_at", ("stage", "error_type")),
    }


def test_every_field_of_a_record_is_a_column_and_identity_comes_first() -> None:
    for table in TABLES.values():
        assert {column.name for column in table.columns} == {field.name for field in dataclasses.fields(table.record)}
    assert [column.name for column in ASSET_VERSIONS.columns[:9]] == [
        "asset_id", "version", "version_order", "uri", "bucket", "name", "team", "contributor", "media_type",
    ]  # fmt: skip
    assert DEAD_LETTERS.columns[0].name == "dead_letter_id"


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (ASSET_VERSIONS.column("asset_id"), Column("asset_id", ColumnType.STRING, Mode.REQUIRED)),
        (ASSET_VERSIONS.column("status"), Column("status", ColumnType.STRING, Mode.REQUIRED)),
        (ASSET_VERSIONS.column("trace_id"), Column("trace_id", ColumnType.STRING, Mode.NULLABLE)),
        (ASSET_VERSIONS.column("width"), Column("width", ColumnType.INTEGER, Mode.NULLABLE)),
        (ASSET_VERSIONS.column("captured_at"), Column("captured_at", ColumnType.TIMESTAMP, Mode.NULLABLE)),
        (ASSET_VERSIONS.column("location"), Column("location", ColumnType.GEOGRAPHY, Mode.NULLABLE)),
        (ASSET_VERSIONS.column("keywords"), Column("keywords", ColumnType.STRING, Mode.REPEATED)),
        (ASSET_RAW.column("raw"), Column("raw", ColumnType.JSON, Mode.REQUIRED)),
        (METADATA_COMPLETENESS.column("score"), Column("score", ColumnType.FLOAT, Mode.REQUIRED)),
        (DEAD_LETTERS.column("attributes"), Column("attributes", ColumnType.JSON, Mode.NULLABLE)),
        (DEAD_LETTERS.column("payload"), Column("payload", ColumnType.BYTES, Mode.REQUIRED)),
        (DEAD_LETTERS.column("retryable"), Column("retryable", ColumnType.BOOLEAN, Mode.REQUIRED)),
        (
            ASSET_VERSIONS.column("completeness"),
            Column(
                "completeness",
                ColumnType.RECORD,
                Mode.REPEATED,
                (
                    Column("profile", ColumnType.STRING, Mode.REQUIRED),
                    Column("score", ColumnType.FLOAT, Mode.REQUIRED),
                    Column("missing", ColumnType.STRING, Mode.REPEATED),
                ),
            ),
        ),
    ],
)
def test_a_column_follows_its_fields_type(column: Column, expected: Column) -> None:
    assert column == expected


def test_a_row_holds_plain_values_in_the_columns_order() -> None:
    berlin = timezone(timedelta(hours=1))
    variant = Variant("thumb", "file:///v", 150, 150, 10, "webp")
    row = to_row(
        AssetRecord(
            asset_id="a",
            status=Status.DELETED,
            keywords=("x",),
            variants=(variant,),
            processed_at=NOON.astimezone(berlin),
        )
    )
    assert list(row) == [column.name for column in ASSET_VERSIONS.columns]
    assert row["status"] == "deleted"
    assert type(row["status"]) is str
    assert row["keywords"] == ["x"]
    assert row["variants"] == [
        {"name": "thumb", "uri": "file:///v", "width": 150, "height": 150, "bytes": 10, "format": "webp"}
    ]
    assert row["processed_at"].isoformat() == "2026-11-21T12:00:00+00:00"
    assert row["title"] is None


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-11-21T12:00:00 has no zone"):
        to_row(AssetRecord(processed_at=datetime(2026, 11, 21, 12)))


def test_half_characters_become_the_replacement_character() -> None:
    row = to_row(RawMetadata("a", "1", NOON, r'{"a":"\ud800x","b":"\ud83d\ude00","c":"\\ud800","d":"\udc00\ud800"}'))
    assert row["raw"] == r'{"a":"\ufffdx","b":"\ud83d\ude00","c":"\\ud800","d":"\ufffd\ufffd"}'
    assert to_row(AssetRecord(title="a\ud800b"))["title"] == "a\ufffdb"


@given(st.dictionaries(st.text(), st.text(st.characters(codec=None))))
def test_json_always_comes_out_as_json_that_utf8_can_hold(tags: dict[str, str]) -> None:
    raw = to_row(RawMetadata("a", "1", NOON, json.dumps(tags)))["raw"]
    parsed = json.loads(raw)
    assert list(parsed) == list(tags)
    json.dumps(parsed, ensure_ascii=False).encode()
