"""The command line: what is wrong is said before the job starts, with a mend, and without a traceback."""

import os
import subprocess
import sys

import pytest

from tests.parts.common import CHECKOUT, free_port


def proofstream(*arguments, **env):
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "NO_GCE_CHECK": "true", **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def options(tmp_path):
    (tmp_path / "photos").mkdir()
    given = {
        "input": tmp_path / "photos",
        "variants": tmp_path / "variants",
        "warehouse": f"duckdb:{tmp_path / 'w.duckdb'}",
    }

    def command(**changes):
        return ["run", *(f"--{name}={value}" for name, value in {**given, **changes}.items())]

    return command


def refused(done, *words):
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("proofstream: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_an_empty_folder_is_an_empty_run(options):
    done = proofstream(*options())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "in 0 = recorded 0 + deleted 0 + duplicate 0 + ignored 0 + dead-lettered 0\n"


def test_a_missing_folder(options):
    refused(proofstream(*options(input="/nowhere")), "--input=/nowhere", "no such folder")


def test_a_misspelt_option(options):
    refused(proofstream(*options(), "--varients=x"), "--varients is no option; did you mean --variants?")


def test_missing_exiftool(options):
    refused(proofstream(*options(), PATH="/nowhere"), "ExifTool", "apt-get install libimage-exiftool-perl")


def test_a_variants_folder_that_cannot_be_written(options, tmp_path):
    (tmp_path / "file").touch()
    refused(proofstream(*options(variants=tmp_path / "file" / "variants")), str(tmp_path / "file"))


def test_a_missing_bucket(options, fake_gcs):
    refused(proofstream(*options(variants="gs://no-such-bucket/x"), **fake_gcs.env), "no-such-bucket")


def test_a_missing_bucket_of_s3(options, moto):
    refused(proofstream(*options(variants="s3://no-such-bucket/x"), **moto.env), "no-such-bucket")


def test_a_missing_subscription(options, pubsub_emulator):
    done = proofstream(*options(input=f"pubsub://{pubsub_emulator.project}/nobody"), **pubsub_emulator.env)
    refused(done, "--input=pubsub://", "nobody", "create it")


def test_a_warehouse_that_does_not_answer(options):
    host = f"127.0.0.1:{free_port()}"
    emulator = {"BIGQUERY_EMULATOR_HOST": f"http://{host}", "BIGQUERY_STORAGE_EMULATOR_HOST": host}
    refused(proofstream(*options(warehouse="bigquery://some-project/photos"), **emulator), "some-project")


def test_an_empty_file_is_taken_for_no_database_yet(options, tmp_path):
    (tmp_path / "w.duckdb").touch()
    assert proofstream(*options()).returncode == 0


def test_a_pipe_is_no_database(options, tmp_path):
    os.mkfifo(tmp_path / "w.duckdb")
    refused(proofstream(*options()), "w.duckdb", "is no file")


def test_a_file_that_is_no_database(options, tmp_path):
    (tmp_path / "w.duckdb").write_text("a text")
    refused(proofstream(*options()), "w.duckdb")


def test_a_decision_is_explained(tmp_path):
    (tmp_path / "routes.yaml").write_text('routes: [{match: "gs://photos/{team}/**", profiles: [google-badge]}]')
    done = proofstream("route", "gs://photos/nature/a.jpg", f"--routes={tmp_path / 'routes.yaml'}")
    assert done.stdout.splitlines()[0] == "rule 1: gs://photos/{team}/** matches"
    assert "  team: nature" in done.stdout.splitlines()


def test_help_names_every_option_of_ours():
    shown = proofstream("run", "--help").stdout
    for option in ("--input", "--watch", "--variants", "--warehouse", "--routes", "--dedup_window", "--progress"):
        assert option in shown
