"""What every warehouse promises; each store's test file runs all of it against the real store."""

import json
import threading
from datetime import timedelta

import pytest

from media.schema import TABLES
from stores.warehouse import Warehouse, WarehouseError
from tests.stores.warehouse_samples import EMPTY, FULL, LETTER, NOON, asset, changed, scored


class WarehouseContract:
    """Tests over a fixture `warehouse`: prepared and empty."""

    def test_prepare_twice_changes_nothing(self, warehouse: Warehouse) -> None:
        warehouse.write([asset(EMPTY)])
        warehouse.prepare()
        assert [row["asset_id"] for row in self.rows(warehouse, "asset_versions")] == ["a2"]

    def test_tables_have_the_schemas_columns_in_order(self, warehouse: Warehouse) -> None:
        warehouse.write([asset(FULL, "{}", (scored(FULL),))], [LETTER])
        for name, table in TABLES.items():
            (row,) = self.rows(warehouse, name)
            assert list(row) == [column.name for column in table.columns]

    def test_a_full_record_comes_back_as_it_went(self, warehouse: Warehouse) -> None:
        written = asset(FULL, '{"XMP:Title": "1.10", "n": [1, null, {"ü": "🌉"}]}', (scored(FULL, present=("title",)),))
        assert warehouse.write([written]).written == (written,)
        (row,) = self.rows(warehouse, "asset_versions")
        assert {name: row[name] for name in ("name", "contributor", "description", "title", "date_created")} == {
            "name": "müller/köln 🌉.jpg",
            "contributor": 'Zoë O\'Hara; "DROP TABLE" \\ 100 %',
            "description": "line one\nline two\t日本語",
            "title": "1.10",
            "date_created": "1944",
        }
        assert (row["size_bytes"], row["exposure_time"], row["rating"]) == (5_000_000_000, 0.004, 5)
        assert row["processed_at"] == NOON
        assert row["captured_at"].isoformat() == "2026-03-04T05:06:07+00:00"
        assert row["location"].replace(" (", "(") == "POINT(6.9603 50.9375)"
        assert row["keywords"] == ["köln", "bridge", ""]
        assert row["latency"] == [{"stage": "open", "ms": 1.25}, {"stage": "render", "ms": 800.0}]
        assert row["variants"] == [
            {"name": "thumb", "uri": "gs://v/a1/x.webp", "width": 150, "height": 150, "bytes": 4321, "format": "webp"}
        ]
        assert row["completeness"] == [
            {"profile": "agency", "score": 0.5, "missing": ["credit", "country"]},
            {"profile": "accessibility", "score": 1.0, "missing": []},
        ]
        assert (row["status"], row["issues"]) == ("partial", [{"stage": "render", "reason": "no profile"}])
        (raw,) = self.rows(warehouse, "asset_raw")
        assert raw["raw"] == {"XMP:Title": "1.10", "n": [1, None, {"ü": "🌉"}]}
        (completeness,) = self.rows(warehouse, "metadata_completeness")
        assert completeness["hour"].isoformat() == "2026-11-21T12:00:00+00:00"
        assert (completeness["present"], completeness["missing"]) == (["title"], [])

    def test_an_empty_record_comes_back_with_nulls_and_empty_lists(self, warehouse: Warehouse) -> None:
        warehouse.write([asset(EMPTY, raw=None)])
        (row,) = self.rows(warehouse, "asset_versions")
        assert (row["title"], row["width"], row["location"], row["bucket"], row["uploaded_at"]) == (None,) * 5
        assert (row["keywords"], row["variants"], row["issues"]) == ([], [], [])
        assert (row["name"], row["trace_id"], row["status"]) == ("", "", "complete")
        assert self.rows(warehouse, "asset_raw") == []

    def test_a_dead_letter_comes_back_with_its_bytes(self, warehouse: Warehouse) -> None:
        assert warehouse.write([], [LETTER]).dead_letters == (LETTER,)
        (row,) = self.rows(warehouse, "dead_letters")
        assert row["payload"] == bytes(range(256))
        assert row["attributes"] == {"eventType": "OBJECT_FINALIZE"}
        assert (row["retryable"], row["uri"]) == (False, None)
        assert row["message"] == "ExifTool: not a JPEG – „kaputt“"

    def test_nothing_to_write_is_written(self, warehouse: Warehouse) -> None:
        assert warehouse.write([]).written == ()
        assert self.rows(warehouse, "asset_versions") == []

    def test_raw_metadata_of_three_megabytes_is_kept_whole(self, warehouse: Warehouse) -> None:
        raw = json.dumps({f"tag{number}": "é" * 1000 for number in range(1500)}, ensure_ascii=False)
        assert len(raw.encode()) > 3_000_000
        (written,) = warehouse.write([asset(EMPTY, raw)]).written
        assert written.record.issues == ()
        (row,) = self.rows(warehouse, "asset_raw")
        assert row["raw"] == json.loads(raw)

    def test_many_rows_larger_together_than_one_request(self, warehouse: Warehouse) -> None:
        raw = json.dumps({"blob": "x" * 400_000})
        rows = [asset(changed(EMPTY, asset_id=f"a{number:02}"), raw) for number in range(30)]
        assert len(warehouse.write(rows).written) == 30
        assert [
            row["n"] for row in warehouse.query(f"SELECT COUNT(*) AS n FROM {self.place(warehouse, 'asset_raw')}")
        ] == [30]

    @pytest.mark.parametrize("position", [0, 1, 2])
    def test_a_refused_version_does_not_take_its_neighbours_along(self, warehouse: Warehouse, position: int) -> None:
        rows = [asset(changed(EMPTY, asset_id=name)) for name in ("x", "y")]
        bad = asset(EMPTY, completeness=(scored(EMPTY),))
        bad = type(bad)(changed(EMPTY, processed_at=None), bad.receipt, bad.notification, bad.raw, bad.completeness)
        rows.insert(position, bad)
        result = warehouse.write(rows, [LETTER])
        assert [refused.rows for refused in result.refused] == [bad]
        assert "processed_at" in result.refused[0].reason
        assert [written.record.asset_id for written in result.written] == ["x", "y"]
        assert result.dead_letters == (LETTER,)
        assert sorted(row["asset_id"] for row in self.rows(warehouse, "asset_versions")) == ["x", "y"]
        assert len(self.rows(warehouse, "dead_letters")) == 1

    @pytest.mark.parametrize("alone", [True, False])
    def test_an_asset_whose_raw_metadata_is_no_json_is_refused_whole(self, warehouse: Warehouse, alone: bool) -> None:
        good, bad = asset(changed(EMPTY, asset_id="good")), asset(EMPTY, "{nope")
        if alone:
            assert warehouse.write([bad]).written == ()
        result = warehouse.write([bad, good])
        assert result.written == (good,)
        assert [refused.rows for refused in result.refused] == [bad]
        assert result.refused[0].reason
        assert [row["asset_id"] for row in self.rows(warehouse, "asset_versions")] == ["good"]
        assert {row["asset_id"] for row in self.rows(warehouse, "asset_raw")} == {"good"}

    def test_a_number_beyond_64_bits_is_refused(self, warehouse: Warehouse) -> None:
        result = warehouse.write([asset(changed(EMPTY, iso=2**70)), asset(changed(EMPTY, asset_id="good"))])
        assert [refused.rows.record.iso for refused in result.refused] == [2**70]
        assert [written.record.asset_id for written in result.written] == ["good"]

    def test_a_refused_dead_letter_is_reported(self, warehouse: Warehouse) -> None:
        bad = type(LETTER)(**{**LETTER.__dict__, "attributes": "{nope"})
        result = warehouse.write([asset(EMPTY)], [bad, LETTER])
        assert [refused.dead_letter for refused in result.refused_dead_letters] == [bad]
        assert result.dead_letters == (LETTER,)
        assert len(result.written) == 1

    def test_threads_share_a_warehouse(self, warehouse: Warehouse) -> None:
        problems: list[BaseException] = []

        def work(worker: int) -> None:
            try:
                for turn in range(4):
                    record = changed(EMPTY, asset_id=f"{worker}-{turn}", processed_at=NOON + timedelta(seconds=turn))
                    assert len(warehouse.write([asset(record, completeness=(scored(record),))]).written) == 1
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert len(self.rows(warehouse, "asset_versions")) == 16
        assert len(self.rows(warehouse, "metadata_completeness")) == 16

    def test_a_wrong_query_says_so(self, warehouse: Warehouse) -> None:
        with pytest.raises(WarehouseError, match="no_such_column"):
            warehouse.query(f"SELECT no_such_column FROM {self.place(warehouse, 'asset_raw')}")

    def test_a_table_of_another_release_is_refused_at_start(self, warehouse: Warehouse) -> None:
        place = self.place(warehouse, "asset_raw")
        warehouse.execute(f"ALTER TABLE {place} DROP COLUMN raw")
        with pytest.raises(WarehouseError, match=r"asset_raw .*of another release and lacks raw"):
            warehouse.prepare()

    def test_it_can_be_used_again_after_close(self, warehouse: Warehouse) -> None:
        warehouse.close()
        warehouse.write([asset(EMPTY)])
        warehouse.close()
        assert len(self.rows(warehouse, "asset_versions")) == 1

    @staticmethod
    def place(warehouse: Warehouse, table: str) -> str:
        """The table's name in a query."""
        quote = "`" if warehouse.dialect == "bigquery" else ""
        return f"{quote}{warehouse.dataset}.{table}{quote}"

    @classmethod
    def rows(cls, warehouse: Warehouse, table: str) -> list[dict]:
        """All of a table."""
        return warehouse.query(f"SELECT * FROM {cls.place(warehouse, table)}")
