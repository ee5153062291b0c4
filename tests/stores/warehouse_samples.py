"""Rows that both warehouses are tested with."""

import dataclasses
from datetime import datetime, timezone
from typing import Any

from media.records import (
    AssetRecord,
    AssetRows,
    Completeness,
    CompletenessRow,
    DeadLetter,
    Issue,
    Notification,
    Provenance,
    RawMetadata,
    Receipt,
    StageLatency,
    Status,
    Variant,
)

NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=timezone.utc)

FULL = AssetRecord(
    asset_id="a1",
    uri="gs://photos/müller/köln 🌉.jpg",
    bucket="photos",
    name="müller/köln 🌉.jpg",
    version="1700000000000001",
    version_order="00000000001700000000.1.0",
    team="news",
    contributor='Zoë O\'Hara; "DROP TABLE" \\ 100 %',
    media_type="image/jpeg",
    width=6000,
    height=4000,
    duration_seconds=1.5,
    page_count=1,
    captured_at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone.utc),
    captured_at_local="2026-03-04T07:06:07",
    captured_at_offset="+02:00",
    date_created="1944",
    title="1.10",
    description="line one\nline two\t日本語",
    keywords=("köln", "bridge", ""),
    creator=("A", "B"),
    location="POINT(6.9603 50.9375)",
    rating=5,
    exposure_time=0.004,
    iso=100,
    size_bytes=5_000_000_000,
    uploaded_at=NOON,
    processed_at=NOON,
    latency=(StageLatency("open", 1.25), StageLatency("render", 800.0)),
    variants=(Variant("thumb", "gs://v/a1/x.webp", 150, 150, 4321, "webp"),),
    completeness=(Completeness("agency", 0.5, ("credit", "country")), Completeness("accessibility", 1.0)),
    provenance=(Provenance("title", "XMP-dc:Title"),),
    status=Status.PARTIAL,
    issues=(Issue("render", "no profile"),),
    trace_id="0af7651916cd43dd8448eb211c80319c",
)

EMPTY = AssetRecord(asset_id="a2", uri="/photos/x.jpg", version="1", version_order="1", processed_at=NOON)


def asset(record: AssetRecord, raw: str | None = "{}", completeness: tuple[CompletenessRow, ...] = ()) -> AssetRows:
    """The record with its other rows."""
    assert record.processed_at is not None
    raw_row = None if raw is None else RawMetadata(record.asset_id, record.version, record.processed_at, raw)
    receipt = Receipt("folder", record.asset_id)
    return AssetRows(record, receipt, Notification("folder", record.asset_id, b"{}"), raw_row, completeness)


def scored(
    record: AssetRecord,
    profile: str = "agency",
    present: tuple[str, ...] = (),
    missing: tuple[str, ...] = (),
) -> CompletenessRow:
    """A row of `metadata_completeness` for the record."""
    assert record.processed_at is not None
    return CompletenessRow(
        asset_id=record.asset_id,
        version=record.version,
        version_order=record.version_order,
        uploaded_at=NOON,
        hour=NOON.replace(minute=0, second=0, microsecond=0),
        team=record.team,
        profile=profile,
        score=0.5,
        processed_at=record.processed_at,
        present=present,
        missing=missing,
    )


LETTER = DeadLetter(
    dead_letter_id="d1",
    stage="extract",
    error_type="ExtractionFailed",
    message="ExifTool: not a JPEG – „kaputt“",
    retryable=False,
    occurred_at=NOON,
    payload=bytes(range(256)),
    attributes='{"eventType": "OBJECT_FINALIZE"}',
    source="pubsub://p/s",
    message_id="42",
)


def changed(record: AssetRecord, **fields: Any) -> AssetRecord:
    """The record with other values."""
    return dataclasses.replace(record, **fields)
