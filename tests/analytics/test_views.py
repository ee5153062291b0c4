"""The views, on rows whose answers are worked out by hand, on DuckDB and on the BigQuery emulator alike.

The rows, in the order in which they were written:

| asset | version | processed | what                                                                                   |
|-------|---------|-----------|----------------------------------------------------------------------------------------|
| A     | 1       | 12:01     | news, uploaded 10h: title present, credit missing                                      |
| A     | 2       | 12:02     | news, uploaded 11h: title and credit present                                           |
| A     | 1       | 12:03     | version 1 again, late: credit is now known to be a default text; still the old version |
| A     | 2       | 12:04     | version 2 replayed, nothing changed                                                    |
| B     | 1       | 12:01     | news, uploaded 10h: title missing, credit present                                      |
| B     | 2       | 12:05     | deleted                                                                                |
| C     | 1       | 12:01     | shop, uploaded 10h: title present; also scored for "web": alt_text missing             |
| C     | 1       | 12:06     | replayed with a better extractor, "web" no longer asked for: title missing             |
| D     | 2       | 12:01     | news, deleted before its upload is seen                                                |
| D     | 1       | 12:02     | the late upload, 11h: title present, credit present                                    |
| E     | 1       | 12:01     | news, no profile: live, never scored                                                   |

Live, then: A 2, C 1 (12:06), E 1.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml

from analytics.runner import FOLDER, VIEWS, apply_views, view_sql
from media.records import (
    AssetRecord,
    AssetRows,
    Completeness,
    CompletenessRow,
    DeadLetter,
    Notification,
    RawMetadata,
    Receipt,
    Status,
)
from media.schema import TABLES
from stores.warehouse import Warehouse, open_warehouse
from tests.parts.bigquery import BigQueryEmulator

DAY = datetime(2026, 11, 21, tzinfo=timezone.utc)
TEN, ELEVEN = DAY.replace(hour=10), DAY.replace(hour=11)


@pytest.fixture
def duckdb_warehouse(tmp_path: Path) -> Warehouse:
    return open_warehouse(f"duckdb:{tmp_path / 'x.duckdb'}")


@pytest.fixture
def bigquery_warehouse(bigquery_emulator: BigQueryEmulator, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    for name, value in bigquery_emulator.env.items():
        monkeypatch.setenv(name, value)
    return open_warehouse(bigquery_emulator.new_dataset())


@pytest.fixture(params=["duckdb", "bigquery"])
def warehouse(request: pytest.FixtureRequest) -> Iterator[Warehouse]:
    warehouse: Warehouse = request.getfixturevalue(f"{request.param}_warehouse")
    warehouse.prepare()
    apply_views(warehouse)
    yield warehouse
    warehouse.close()


def processed(
    asset_id: str,
    version: int,
    minute: int,
    *,
    team: str = "news",
    hour: datetime = TEN,
    status: Status = Status.COMPLETE,
    **profiles: dict[str, tuple[str, ...]],
) -> AssetRows:
    """All rows of one processed version; `agency={"present": (...), "missing": (...), "template": (...)}`."""
    record = AssetRecord(
        asset_id=asset_id,
        uri=f"/photos/{asset_id}",
        version=str(version),
        version_order=f"{version:05}.{int(status is Status.DELETED)}",
        team=team,
        uploaded_at=hour + timedelta(minutes=5),
        processed_at=DAY.replace(hour=12, minute=minute),
        completeness=tuple(Completeness(profile, 0.5) for profile in profiles),
        status=status,
    )
    assert record.processed_at is not None
    assert record.uploaded_at is not None
    scored = tuple(
        CompletenessRow(
            asset_id, record.version, record.version_order, record.uploaded_at, hour, team, profile, 0.5,
            record.processed_at, None, None, *(fields.get(name, ()) for name in ("present", "missing", "template")),
        )
        for profile, fields in profiles.items()
    )  # fmt: skip
    raw = RawMetadata(asset_id, record.version, record.processed_at, "{}")
    return AssetRows(record, Receipt(), Notification("s", asset_id, b""), raw, scored)


ROWS = [
    processed("A", 1, 1, agency={"present": ("title",), "missing": ("credit",)}),
    processed("A", 2, 2, hour=ELEVEN, agency={"present": ("title", "credit")}),
    processed("A", 1, 3, agency={"present": ("title",), "missing": ("credit",), "template": ("credit",)}),
    processed("A", 2, 4, hour=ELEVEN, agency={"present": ("title", "credit")}),
    processed("B", 1, 1, agency={"present": ("credit",), "missing": ("title",)}),
    processed("B", 2, 5, hour=ELEVEN, status=Status.DELETED),
    processed("C", 1, 1, team="shop", agency={"present": ("title",)}, web={"missing": ("alt_text",)}),
    processed("C", 1, 6, team="shop", agency={"missing": ("title",)}),
    processed("D", 2, 1, hour=ELEVEN, status=Status.DELETED),
    processed("D", 1, 2, hour=ELEVEN, agency={"present": ("title", "credit")}),
    processed("E", 1, 1),
]


def answers(warehouse: Warehouse, view: str, *columns: str) -> list[tuple]:
    """The view's rows, sorted."""
    quote = "`" if warehouse.dialect == "bigquery" else ""
    rows = warehouse.query(f"SELECT {', '.join(columns)} FROM {quote}{warehouse.dataset}.{view}{quote}")
    return sorted(tuple(row.values()) for row in rows)


FLOW = ("hour", "team", "profile", "field", "assets", "filled", "missing", "template", "share")
COVERAGE = FLOW[1:]


def test_assets_live_has_the_newest_version_that_is_not_deleted(warehouse: Warehouse) -> None:
    warehouse.write(ROWS)
    assert answers(warehouse, "assets_live", "asset_id", "version", "processed_at") == [
        ("A", "2", DAY.replace(hour=12, minute=4)),
        ("C", "1", DAY.replace(hour=12, minute=6)),
        ("E", "1", DAY.replace(hour=12, minute=1)),
    ]


def test_metadata_flow_counts_every_uploaded_version_once(warehouse: Warehouse) -> None:
    warehouse.write(ROWS)
    assert answers(warehouse, "metadata_flow", *FLOW) == [
        (TEN, "news", "agency", "credit", 2, 1, 1, 1, 0.5),  # A 1 (default text), B 1
        (TEN, "news", "agency", "title", 2, 1, 1, 0, 0.5),  # A 1, B 1
        (TEN, "shop", "agency", "title", 1, 0, 1, 0, 0.0),  # C 1 by its replay
        (TEN, "shop", "web", "alt_text", 1, 0, 1, 0, 0.0),  # C 1 as it was first scored
        (ELEVEN, "news", "agency", "credit", 2, 2, 0, 0, 1.0),  # A 2, D 1
        (ELEVEN, "news", "agency", "title", 2, 2, 0, 0, 1.0),  # A 2, D 1
    ]


def test_metadata_coverage_knows_only_what_is_live_now(warehouse: Warehouse) -> None:
    warehouse.write(ROWS)
    assert answers(warehouse, "metadata_coverage", *COVERAGE) == [
        ("news", "agency", "credit", 1, 1, 0, 0, 1.0),  # A 2
        ("news", "agency", "title", 1, 1, 0, 0, 1.0),  # A 2
        ("shop", "agency", "title", 1, 0, 1, 0, 0.0),  # C 1 by its replay, which asked for no "web"
    ]


def letter(dead_letter_id: str, minute: int, uri: str | None) -> DeadLetter:
    at = DAY.replace(hour=12, minute=minute)
    return DeadLetter(dead_letter_id, "extract", "ExtractionFailed", "the file is empty", False, at, b"", uri=uri)


def test_open_dead_letters_are_each_failure_once_until_its_object_is_recorded(warehouse: Warehouse) -> None:
    """A was recorded at 12:04, after its failure; E at 12:01, before its own; X never; one names no object."""
    letters = [letter("a", 3, "/photos/A"), letter("e", 2, "/photos/E"), letter("e", 5, "/photos/E")]
    letters += [letter("x", 1, "/photos/X"), letter("x", 4, "/photos/X"), letter("none", 1, None)]
    warehouse.write(ROWS, letters)
    assert answers(warehouse, "open_dead_letters", "dead_letter_id", "occurred_at") == [
        ("e", DAY.replace(hour=12, minute=5)),
        ("none", DAY.replace(hour=12, minute=1)),
        ("x", DAY.replace(hour=12, minute=4)),
    ]


def test_a_replay_of_everything_changes_no_view(warehouse: Warehouse) -> None:
    views = {"assets_live": ("asset_id", "version"), "metadata_flow": FLOW, "metadata_coverage": COVERAGE}
    warehouse.write(ROWS)
    before = {view: answers(warehouse, view, *columns) for view, columns in views.items()}
    warehouse.write(ROWS)
    warehouse.write(list(reversed(ROWS)))
    assert {view: answers(warehouse, view, *columns) for view, columns in views.items()} == before


def test_views_of_an_empty_warehouse_are_empty(warehouse: Warehouse) -> None:
    apply_views(warehouse)
    for view in VIEWS:
        assert answers(warehouse, view, "COUNT(*) AS n") == [(0,)]


def test_a_share_is_exact_to_the_last_digit_on_both(warehouse: Warehouse) -> None:
    warehouse.write(
        [processed(name, 1, 1, agency={"present" if name == "A" else "missing": ("title",)}) for name in "ABC"]
    )
    assert answers(warehouse, "metadata_coverage", "assets", "share") == [(3, 1 / 3)]


def test_each_views_columns_are_those_of_its_schema(warehouse: Warehouse) -> None:
    warehouse.write(ROWS, [letter("x", 1, None)])
    quote = "`" if warehouse.dialect == "bigquery" else ""
    for view in VIEWS:
        schema = yaml.safe_load((FOLDER / view / "schema.yaml").read_text())
        if "columns_of" in schema:
            expected = [column.name for column in TABLES[schema["columns_of"]].columns]
        else:
            expected = [column["name"] for column in schema["columns"]]
        row = warehouse.query(f"SELECT * FROM {quote}{warehouse.dataset}.{view}{quote} LIMIT 1")[0]
        assert list(row) == expected


def test_every_folder_is_a_view_with_a_schema_and_a_line_in_the_readme() -> None:
    folders = {path.parent.name for path in FOLDER.glob("*/query.sql")}
    assert folders == set(VIEWS)
    readme = (FOLDER / "README.md").read_text()
    for view in VIEWS:
        assert (FOLDER / view / "schema.yaml").exists()
        assert f"- `{view}`: " in readme


def test_bigquery_gets_the_query_as_it_is_written() -> None:
    sql = view_sql("assets_live", "bigquery", "p.d")
    assert sql == (FOLDER / "assets_live" / "query.sql").read_text().replace("{dataset}", "p.d")
    assert "FROM `p.d.asset_versions`" in sql
    assert 'FROM "main"."asset_versions"' in view_sql("assets_live", "duckdb", "main")
