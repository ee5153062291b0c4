"""Every file of the corpus through the whole job: a record or a dead letter that a person understands."""

import re

import pytest

from stores.warehouse import open_warehouse
from tests.pipeline.jobs import run_to_end

MACHINE_WORDS = re.compile(r"Traceback|<_io\.|0x[0-9a-f]{8}|Error\(|NoneType|errno", re.IGNORECASE)
"""What a reason for a person does not say."""


@pytest.mark.timeout(600)
def test_every_file_ends_with_a_reason_that_a_person_understands(corpus, tmp_path):
    files = {str(path) for path in corpus.resolve().rglob("*") if path.is_file()}
    uri = f"duckdb:{tmp_path / 'w.duckdb'}"
    arguments = [f"--input={corpus}", f"--variants={tmp_path / 'variants'}", f"--warehouse={uri}"]
    counts = run_to_end(arguments, tmp_path / "log", seconds=500).counts()
    warehouse = open_warehouse(uri)
    records = warehouse.query("SELECT uri, status, media_type, issues, variants, completeness FROM assets_live")
    letters = warehouse.query("SELECT uri, message FROM dead_letters")
    assert counts["in"] == len(files) == counts["recorded"] + counts["dead-lettered"]
    assert {row["uri"] for row in records} | {row["uri"] for row in letters} == files
    reasons = [issue["reason"] for row in records for issue in row["issues"]] + [row["message"] for row in letters]
    assert not [reason for reason in reasons if MACHINE_WORDS.search(reason) or not reason.strip()]
    for row in records:
        assert row["media_type"], row["uri"]
        assert [score["profile"] for score in row["completeness"]] == ["agency"], row["uri"]
        rendered = row["media_type"].startswith("image/") and row["status"] == "complete"
        assert len(row["variants"]) == (6 if rendered else 0) or row["status"] == "partial", row["uri"]


def test_the_hourly_view_adds_up(corpus, tmp_path):
    uri = f"duckdb:{tmp_path / 'w.duckdb'}"
    photos = corpus / "exif-samples" / "jpg" / "gps"
    run_to_end([f"--input={photos}", "--variants=none", f"--warehouse={uri}"], tmp_path / "log")
    rows = open_warehouse(uri).query("SELECT field, assets, filled, missing FROM metadata_flow")
    assert rows
    by_field = {}
    for row in rows:
        assert row["assets"] == row["filled"] + row["missing"]
        by_field[row["field"]] = by_field.get(row["field"], 0) + row["assets"]
    assert set(by_field.values()) == {len(list(photos.iterdir()))}
