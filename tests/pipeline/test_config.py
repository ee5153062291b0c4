"""Options → config: what cannot work is refused before the job starts, with a mend."""

import os

import pytest

from media.delivery import Delivery
from pipeline.config import ConfigError, config_from
from pipeline.options import parse_options
from transforms.sources.folder import FolderListing, FolderSpec


@pytest.fixture
def folders(tmp_path):
    for name in ("photos", "out"):
        (tmp_path / name).mkdir()
    return tmp_path


def config(folders, *extra, **options):
    given = {
        "input": folders / "photos",
        "variants": folders / "out" / "variants",
        "warehouse": f"duckdb:{folders / 'out' / 'w.duckdb'}",
        **options,
    }
    return config_from(parse_options([f"--{name}={value}" for name, value in given.items() if value] + list(extra)))


def test_a_folder_is_a_bounded_run_on_the_direct_runner(folders):
    made = config(folders)
    assert made.source == FolderListing(str(folders / "photos"))
    assert (made.runner, made.delivery, made.bounded) == ("DirectRunner", Delivery.BOUNDED, True)
    assert (made.dedup_window, made.max_bytes, made.limits.max_pixels) == (600, 2 * 2**30, 250_000_000)


def test_a_watched_folder_streams_on_prism(folders):
    made = config(folders, "--watch", "--dedup_window=1.5h", "--extract_deadline=0.5s", "--max_bytes=5MB")
    assert made.source == FolderSpec(str(folders / "photos"), 64)
    assert (made.runner, made.delivery, made.bounded) == ("PrismRunner", Delivery.RECEIPTS, False)
    assert (made.dedup_window, made.max_bytes, made.extract_deadline) == (5400, 5_000_000, 0.5)


def test_who_acknowledges_follows_from_the_runner(folders):
    assert config(folders, input="pubsub://project/subscription").delivery is Delivery.RECEIPTS
    durable = config(folders, input="pubsub://project/subscription", runner="DataflowRunner")
    assert durable.delivery is Delivery.RUNNER


def test_links_are_resolved(folders):
    os.symlink(folders / "photos", folders / "link")
    assert config(folders, input=folders / "link").source.root == str(folders / "photos")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input": None}, "--input is missing"),
        ({"variants": None}, "--variants is missing"),
        ({"warehouse": None}, "--warehouse is missing"),
        ({"input": "pubsub://projectonly"}, "this is not pubsub://PROJECT/SUBSCRIPTION"),
        ({"input": "kafka://x/y"}, "this is not pubsub://PROJECT/SUBSCRIPTION"),
        ({"variants": "ftp://x/y"}, "only gs://, s3:// and folders are known"),
        ({"warehouse": "sqlite:x"}, "this is neither"),
        ({"warehouse": "duckdb:"}, "this is neither"),
        ({"dedup_window": "soon"}, "--dedup_window=soon"),
        ({"max_bytes": "0.1"}, "less than one"),
        ({"warehouse": "duckdb::memory:"}, "this is neither"),
        ({"dedup_window": "0"}, "--dedup_window=0"),
        ({"max_bytes": "5 parsecs"}, "--max_bytes=5 parsecs"),
        ({"max_in_work": "0"}, "--max_in_work must be 1 or more"),
        ({"runner": "SparkRunner"}, "this job runs on"),
        ({"runner": "DataflowRunner"}, "Dataflow's workers cannot see"),
        ({"input": "pubsub://project/subscription", "runner": "DirectRunner"}, "DirectRunner cannot follow"),
        ({"routes": "/nowhere.yaml"}, "/nowhere.yaml"),
    ],
)
def test_what_cannot_work_is_refused_with_a_mend(folders, options, message):
    with pytest.raises(ConfigError) as refused:
        config(folders, **options)
    assert message in str(refused.value)


@pytest.mark.parametrize("option", ["--imput=x", "--inputs=x", "--in=x"])
def test_an_option_that_is_none_is_refused(option):
    with pytest.raises(ValueError, match=option.split("=")[0] + r" is no option; did you mean --input\?"):
        parse_options([option])


def test_routes_that_ask_for_an_unknown_preset_are_refused(folders):
    (folders / "routes.yaml").write_text("default: {preset: posters}")
    with pytest.raises(ConfigError, match=r"the preset 'posters'; known are .*product"):
        config(folders, routes=folders / "routes.yaml")


@pytest.mark.parametrize("place", ["photos", "photos/variants", "photos/deep/er", "link", "link/variants"])
def test_output_inside_the_input_is_refused(folders, place):
    os.symlink(folders / "photos", folders / "link")
    with pytest.raises(ConfigError, match="lies inside the input"):
        config(folders, variants=folders / place)
    with pytest.raises(ConfigError, match="lies inside the input"):
        config(folders, warehouse=f"duckdb:{folders / place / 'w.duckdb'}")


def test_an_input_inside_the_output_is_refused(folders):
    with pytest.raises(ConfigError, match=r"the input .* lies inside"):
        config(folders, variants=folders)


def test_output_beside_the_input_is_taken(folders):
    assert config(folders, variants=folders / "photos-variants").variants == str(folders / "photos-variants")
