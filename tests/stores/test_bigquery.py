"""BigQuery by its emulator, also while that is away."""

import contextlib
import dataclasses
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.errors import StoreUnavailable
from media.schema import TABLES
from stores import fitting
from stores.bigquery import BigQueryDataset, bigquery_table
from stores.warehouse import WarehouseError, open_warehouse
from tests.parts.bigquery import BigQueryEmulator, started_emulator
from tests.parts.common import free_port
from tests.stores.warehouse_contract import WarehouseContract
from tests.stores.warehouse_samples import EMPTY, LETTER, asset, changed, scored


@pytest.fixture
def emulator(bigquery_emulator: BigQueryEmulator, monkeypatch: pytest.MonkeyPatch) -> BigQueryEmulator:
    for name, value in bigquery_emulator.env.items():
        monkeypatch.setenv(name, value)
    return bigquery_emulator


@pytest.fixture
def warehouse(emulator: BigQueryEmulator) -> Iterator[BigQueryDataset]:
    opened = open_warehouse(emulator.new_dataset())
    assert isinstance(opened, BigQueryDataset)
    with contextlib.closing(opened):
        opened.prepare()
        yield opened


class TestBigQueryDataset(WarehouseContract):
    """The contract, over the emulator."""


def test_tables_are_partitioned_and_clustered() -> None:
    definition = bigquery_table("p.d", TABLES["asset_versions"]).to_api_repr()
    assert definition["timePartitioning"] == {"type": "DAY", "field": "processed_at"}
    assert definition["clustering"] == {"fields": ["team", "media_type", "asset_id"]}
    fields = {field["name"]: field for field in definition["schema"]["fields"]}
    assert (fields["location"]["type"], fields["keywords"]["mode"], fields["asset_id"]["mode"]) == (
        "GEOGRAPHY",
        "REPEATED",
        "REQUIRED",
    )
    assert [field["name"] for field in fields["latency"]["fields"]] == ["stage", "ms"]


def test_a_place_that_is_none_is_refused_with_the_tables_words(warehouse: BigQueryDataset) -> None:
    bad = asset(changed(EMPTY, location="POINT(nowhere)"))
    result = warehouse.write([asset(changed(EMPTY, asset_id="good")), bad])
    assert [refused.rows for refused in result.refused] == [bad]
    assert result.refused[0].reason
    assert [row["asset_id"] for row in WarehouseContract.rows(warehouse, "asset_versions")] == ["good"]


def test_raw_metadata_beyond_a_row_is_cut_with_an_issue(
    warehouse: BigQueryDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "MAX_RAW_BYTES", 100_000)
    raw = json.dumps({"XMP:Title": "kept", "Preview": "x" * 200_000, "deep": [{"blob": "é" * 20_000}]})
    (written,) = warehouse.write([asset(EMPTY, raw)]).written
    said = [{"stage": "write", "reason": f"the raw metadata of {len(raw)} bytes was cut: the warehouse takes 100000"}]
    assert [dataclasses.asdict(issue) for issue in written.record.issues] == said
    (row,) = WarehouseContract.rows(warehouse, "asset_versions")
    assert row["issues"] == said
    (kept,) = WarehouseContract.rows(warehouse, "asset_raw")
    assert kept["raw"] == {
        "XMP:Title": "kept",
        "Preview": "x" * 16_384 + "… (200000 characters)",
        "deep": [{"blob": "é" * 16_384 + "… (20000 characters)"}],
        "truncated": True,
        "bytes": len(raw),
    }


@pytest.mark.parametrize("raw", ["{nope" * 30_000, json.dumps({str(n): "v" for n in range(20_000)}), "[" * 110_000])
def test_raw_metadata_that_cannot_be_shortened_leaves_a_note(raw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "MAX_RAW_BYTES", 100_000)
    assert json.loads(fitting.cut_raw(raw, len(raw))) == {"truncated": True, "bytes": len(raw)}


def test_a_dead_letters_payload_beyond_a_row_is_cut() -> None:
    cut = fitting.fit_dead_letter(dataclasses.replace(LETTER, payload=b"x" * 9_000_000))
    assert len(cut.payload) == 8_000_000
    assert cut.message == "ExifTool: not a JPEG – „kaputt“ (payload of 9000000 bytes cut to 8000000)"
    assert fitting.fit_dead_letter(LETTER) is LETTER


def test_a_record_beyond_a_row_is_refused(warehouse: BigQueryDataset) -> None:
    result = warehouse.write(
        [asset(changed(EMPTY, description="x" * 9_600_000)), asset(changed(EMPTY, asset_id="good"))]
    )
    assert [written.record.asset_id for written in result.written] == ["good"]
    assert "over the limit of 9500000" in result.refused[0].reason


def test_a_dataset_that_is_not_there_is_named(emulator: BigQueryEmulator) -> None:
    with pytest.raises(WarehouseError, match=f"mk --dataset {emulator.project}:nowhere"):
        BigQueryDataset(emulator.project, "nowhere").prepare()


def test_half_of_an_emulator_is_refused_rather_than_writing_to_the_cloud(
    emulator: BigQueryEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BIGQUERY_STORAGE_EMULATOR_HOST")
    with pytest.raises(WarehouseError, match="set both"):
        BigQueryDataset(emulator.project, "d").prepare()
    with pytest.raises(StoreUnavailable, match="set both"):
        BigQueryDataset(emulator.project, "d").write([asset(EMPTY)])


def test_a_table_that_is_gone_is_unavailable_at_once(warehouse: BigQueryDataset) -> None:
    warehouse.execute(f"DROP TABLE `{warehouse.dataset}.asset_versions`")
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="asset_versions"):
        warehouse.write([asset(EMPTY)])
    assert time.monotonic() - began < 5


def test_the_emulator_is_killed_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bigquery_emulator: BigQueryEmulator
) -> None:
    assert bigquery_emulator.project
    ports = free_port(), free_port()
    with started_emulator(tmp_path, *ports) as emulator:
        for name, value in emulator.env.items():
            monkeypatch.setenv(name, value)
        warehouse = open_warehouse(emulator.new_dataset())
        warehouse.prepare()
        warehouse.write([asset(changed(EMPTY, asset_id="before"))])
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="asset_raw"):
        warehouse.write([asset(changed(EMPTY, asset_id="during"))])
    assert time.monotonic() - began < 20
    with monkeypatch.context() as hurried:
        hurried.setattr("stores.bigquery.CALL_SECONDS", 1.0)
        for ask in (warehouse.prepare, lambda: warehouse.query("SELECT 1")):
            with pytest.raises(StoreUnavailable, match="does not answer"):
                ask()
    with started_emulator(tmp_path, *ports):
        assert len(warehouse.write([asset(changed(EMPTY, asset_id="after"))]).written) == 1
        rows = WarehouseContract.rows(warehouse, "asset_versions")
    assert sorted(row["asset_id"] for row in rows) == ["after", "before"]


def test_a_version_that_is_visible_has_its_other_rows(warehouse: BigQueryDataset) -> None:
    place = WarehouseContract.place
    orphans = (
        f"SELECT v.asset_id FROM {place(warehouse, 'asset_versions')} AS v "
        f"LEFT JOIN {place(warehouse, 'asset_raw')} AS r ON r.asset_id = v.asset_id "
        f"LEFT JOIN {place(warehouse, 'metadata_completeness')} AS c ON c.asset_id = v.asset_id "
        "WHERE r.asset_id IS NULL OR c.asset_id IS NULL"
    )
    done = threading.Event()

    def work() -> None:
        for number in range(15):
            record = changed(EMPTY, asset_id=f"a{number}")
            warehouse.write([asset(record, completeness=(scored(record),))])
        done.set()

    writer = threading.Thread(target=work)
    writer.start()
    while not done.is_set():
        assert warehouse.query(orphans) == []
    writer.join()
    assert len(WarehouseContract.rows(warehouse, "asset_versions")) == 15


def test_without_googles_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stores.bigquery", None)
    with pytest.raises(ValueError, match=r"pip install 'proofstream\[gcp\]'"):
        open_warehouse("bigquery://project/dataset")
