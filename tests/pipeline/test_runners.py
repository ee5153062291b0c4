"""The same folder on every runner: the same variants, the same rows."""

import hashlib
from pathlib import Path

import pytest

from stores.warehouse import open_warehouse
from tests.pipeline.jobs import run_to_end

TIMINGS = {"processed_at", "latency", "version_order", "trace_id"}
"""What tells one run from another: a file's order is when it was looked at."""


def variants(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def table(uri: str, name: str, folder: Path) -> list[str]:
    """Rows without timings, and without the folder that the variants lie in."""
    rows = open_warehouse(uri).query(f"SELECT * FROM {name}")
    kept = [{column: value for column, value in row.items() if column not in TIMINGS} for row in rows]
    return sorted(str(sorted(row.items())).replace(str(folder), "OUT") for row in kept)


@pytest.fixture(scope="module")
def photos(tmp_path_factory, corpus):
    root = tmp_path_factory.mktemp("photos")
    chosen = ["cameras/nikon-d40.jpg", "cameras/apple-iphone-6.jpg", "exif-samples/jpg/corrupted.jpg"]
    chosen += ["exif-samples/heic/mobile/iphone_13_pro_max.HEIC", "exif-samples/jpg/tests/35-empty.jpg"]
    chosen += ["media/with-gps.mp4", "exif-samples/jpg/orientation/portrait_6.jpg", "README.md"]
    for name in chosen:
        (root / Path(name).name).write_bytes((corpus / name).read_bytes())
    (root / "empty.jpg").touch()
    return root


def run(photos: Path, out: Path, *extra: str) -> str:
    uri = f"duckdb:{out / 'w.duckdb'}"
    arguments = [f"--input={photos}", f"--variants={out / 'variants'}", f"--warehouse={uri}", *extra]
    job = run_to_end(arguments, out / "log")
    assert job.counts()["in"] == len(list(photos.iterdir()))
    return uri


def test_direct_runner_and_prism_agree(photos, prism, tmp_path):
    direct, streaming = tmp_path / "direct", tmp_path / "prism"
    for folder in (direct, streaming):
        folder.mkdir()
    first = run(photos, direct)
    second = run(photos, streaming, "--runner=PrismRunner", f"--prism_location={prism}")
    assert variants(direct / "variants") == variants(streaming / "variants")
    assert len(variants(direct / "variants")) >= 24
    for name in ("asset_versions", "asset_raw", "metadata_completeness"):
        assert table(first, name, direct) == table(second, name, streaming)
        assert table(first, name, direct)


def test_a_rerun_changes_nothing_that_a_reader_sees(photos, tmp_path):
    uri = run(photos, tmp_path)
    files, live, coverage = (
        variants(tmp_path / "variants"),
        table(uri, "assets_live", tmp_path),
        table(uri, "metadata_coverage", tmp_path),
    )
    assert run(photos, tmp_path) == uri
    assert variants(tmp_path / "variants") == files
    assert table(uri, "assets_live", tmp_path) == live
    assert table(uri, "metadata_coverage", tmp_path) == coverage
