"""The graph as Dataflow gets it, translated with Dataflow's own overrides and without Dataflow."""

import apache_beam as beam
import pytest

from pipeline.config import config_from
from pipeline.graph import build
from pipeline.options import parse_options
from transforms.coders import CROSSING

ARGUMENTS = [
    "--input=pubsub://some-project/uploads",
    "--variants=gs://variants/out",
    "--warehouse=bigquery://some-project/photos",
    "--runner=DataflowRunner",
    "--dry_run=true",
    "--no_auth",
    "--project=some-project",
    "--region=europe-west1",
    "--temp_location=gs://bucket/tmp",
    "--staging_location=gs://bucket/staging",
    "--sdk_container_image=gcr.io/some-project/proofstream",
    "--streaming",
]


@pytest.fixture
def translated(fake_gcs, monkeypatch):
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    for name, value in fake_gcs.env.items():
        monkeypatch.setenv(name, value)
    options = parse_options(ARGUMENTS)
    pipeline = beam.Pipeline(options=options)
    build(pipeline, config_from(options))
    return pipeline.run().job.proto_pipeline


def test_pubsub_is_read_natively_and_nothing_of_ours_pulls(translated):
    urns = {transform.spec.urn for transform in translated.components.transforms.values()}
    names = [transform.unique_name for transform in translated.components.transforms.values()]
    assert "beam:transform:pubsub_read:v1" in urns
    assert not [name for name in names if "ReadUnbounded" in name]


def test_the_steps_have_names_that_an_update_keeps(translated):
    names = {transform.unique_name.split("/")[0] for transform in translated.components.transforms.values()}
    assert {"Read", "Parse", "Deduplicate", "Extract", "Render", "Index", "Write"} <= names


def test_records_that_cross_a_shuffle_have_our_coder(translated):
    payloads = [coder.spec.payload for coder in translated.components.coders.values()]
    # Dataflow's form of a Python coder: its class's name, a dollar sign, and the packed coder.
    assert len([payload for payload in payloads if b"RecordCoder$" in payload]) == len(CROSSING)
