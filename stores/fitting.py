"""Makes rows fit the size that BigQuery takes, and says so on the record."""

import dataclasses
import json
from typing import Any

from media.records import AssetRows, DeadLetter, Issue

MAX_ROW_BYTES = 9_500_000
"""BigQuery takes requests of 10 MB (https://cloud.google.com/bigquery/quotas#write-api-limits), schema included."""

MAX_RAW_BYTES = 9_000_000
"""Of `raw`, which shares its row with identifiers only."""

MAX_PAYLOAD_BYTES = 8_000_000
"""Of a dead letter's payload; brokers take messages of up to 10 MB, notifications have a few hundred bytes."""

MAX_LEAF_CHARACTERS = 16_384
"""Of one text within `raw` that is too large: a tag's value that is longer is a blob, not a description."""


def fit_asset(rows: AssetRows) -> AssetRows:
    """The same rows, where `raw` is too large with its long values cut and an issue on the record."""
    if rows.raw is None:
        return rows
    size = len(rows.raw.raw.encode("utf-8", "replace"))
    if size <= MAX_RAW_BYTES:
        return rows
    issue = Issue("write", f"the raw metadata of {size} bytes was cut: the warehouse takes {MAX_RAW_BYTES}")
    return dataclasses.replace(
        rows,
        raw=dataclasses.replace(rows.raw, raw=cut_raw(rows.raw.raw, size)),
        record=dataclasses.replace(rows.record, issues=(*rows.record.issues, issue)),
    )


def cut_raw(raw: str, size: int) -> str:
    """JSON that says `"truncated": true` and keeps every short value; only the former where that is still too large."""
    note = {"truncated": True, "bytes": size}
    try:
        short = _cut_leaves(json.loads(raw))
    except (ValueError, RecursionError):
        return json.dumps(note)
    cut = json.dumps({**short, **note} if isinstance(short, dict) else {**note, "raw": short}, ensure_ascii=False)
    return cut if len(cut.encode("utf-8", "replace")) <= MAX_RAW_BYTES else json.dumps(note)


def fit_dead_letter(letter: DeadLetter) -> DeadLetter:
    """The same dead letter, its payload cut where it is too large, which its message then says."""
    size = len(letter.payload)
    if size <= MAX_PAYLOAD_BYTES:
        return letter
    return dataclasses.replace(
        letter,
        payload=letter.payload[:MAX_PAYLOAD_BYTES],
        message=f"{letter.message} (payload of {size} bytes cut to {MAX_PAYLOAD_BYTES})",
    )


def _cut_leaves(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cut_leaves(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut_leaves(item) for item in value]
    if isinstance(value, str) and len(value) > MAX_LEAF_CHARACTERS:
        return f"{value[:MAX_LEAF_CHARACTERS]}… ({len(value)} characters)"
    return value
