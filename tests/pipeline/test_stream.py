"""The whole job as a stream: Pub/Sub in, Cloud Storage and S3 objects, variants and BigQuery out."""

import contextlib
import json
import os
import time

import pytest

from tests.parts.bigquery import started_emulator
from tests.parts.common import free_port, wait_for
from tests.pipeline.jobs import DRAIN_LIMIT_SECONDS, children, job, upload_notification
from tests.pipeline.photos import small_photos
from tests.pipeline.streams import Stream

PRODUCT = ["large", "medium", "og", "retina", "small", "thumb"]
DOWN_SECONDS = 30
LATER = "2026-01-01T00:00:01.000Z"


@pytest.fixture
def stream(fake_gcs, pubsub_emulator, bigquery_emulator, moto, prism, monkeypatch):
    made = Stream(fake_gcs, pubsub_emulator, bigquery_emulator, prism, moto.env)
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    made.prepare()
    return made


def s3_record(bucket, key, answer):
    described = {"key": key.replace(" ", "+"), "eTag": answer["ETag"].strip('"'), "size": 1}
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "s3": {"bucket": {"name": bucket}, "object": described},
    }


def test_every_kind_of_message_ends_in_one_outcome(stream, corpus, moto, tmp_path):
    photos = small_photos(corpus)
    s3, s3_bucket = moto.client("s3"), moto.new_bucket()
    answers = {key: s3.put_object(Bucket=s3_bucket, Key=key, Body=next(photos)) for key in ("a b.jpg", "c.jpg")}
    with job(stream.arguments, stream.env, tmp_path / "log") as running:
        first = stream.upload("a.jpg", next(photos))
        doomed = stream.upload("doomed.jpg", next(photos))
        gone = stream.upload("gone.jpg", next(photos))
        gone.delete()
        stream.channel.publish(*upload_notification(first, stream.bucket))
        stream.channel.publish(b"\xff no notification", {"who": "knows"})
        records = [s3_record(s3_bucket, key, answer) for key, answer in answers.items()]
        stream.channel.publish(json.dumps({"Records": [*records, {"eventName": "s3:ObjectCreated:Put"}]}).encode())
        stream.upload("not a photo.jpg", b"")
        _, attributes = upload_notification(first, stream.bucket)
        stream.channel.publish(b"", {**attributes, "eventType": "OBJECT_METADATA_UPDATE"})
        wait_for(lambda: len(stream.live()) == 4 and len(stream.table("dead_letters")) == 3, 90, "the records")
        doomed.delete()
        _, attributes = upload_notification(doomed, stream.bucket)
        stream.channel.publish(b"", {**attributes, "eventType": "OBJECT_DELETE"})
        wait_for(lambda: len(stream.live()) == 3, 30, "the delete")
        s3.delete_object(Bucket=s3_bucket, Key="c.jpg")
        removed = [{**record, "eventName": "ObjectRemoved:Delete", "eventTime": LATER} for record in records]
        stream.channel.publish(json.dumps({"Records": removed}).encode())
        wait_for(lambda: len(stream.live()) == 2, 30, "the delete of S3")
        assert running.drain() < DRAIN_LIMIT_SECONDS
    # The variants are written into the same bucket, and nobody was told of them here.
    assert running.counts() == {
        "in": 13,
        "recorded": 5,
        "deleted": 2,
        "duplicate": 1,
        "ignored": 2,
        "dead-lettered": 3,
        "returned": 0,
        "in work": 0,
    }
    assert stream.channel.left() == []
    live = stream.live()
    # S3 said that both of its objects were removed, as it does for an old version too; one is still there.
    assert set(live) == {f"gs://{stream.bucket}/a.jpg", f"s3://{s3_bucket}/a b.jpg"}
    record = live[f"gs://{stream.bucket}/a.jpg"]
    assert (record["version"], record["status"], record["creator"]) == (
        str(first.generation),
        "complete",
        ["Ann Example"],
    )
    assert sorted(variant["name"] for variant in record["variants"]) == PRODUCT
    letters = {row["error_type"]: row for row in stream.table("dead_letters")}
    assert set(letters) == {"MalformedNotification", "ExtractionFailed"}
    assert letters["ExtractionFailed"]["message"] == "the file is empty"
    assert b"\xff no notification" in [row["payload"] for row in stream.table("dead_letters")]


def test_variants_are_served_with_type_and_cache_time(stream, corpus, fake_gcs, tmp_path):
    with job(stream.arguments, stream.env, tmp_path / "log") as running:
        stream.upload("a.jpg", next(small_photos(corpus)))
        wait_for(lambda: stream.live(), 60, "the record")
        running.drain()
    ((record),) = stream.live().values()
    types = {"webp": "image/webp", "jpeg": "image/jpeg"}
    for variant in record["variants"]:
        name = variant["uri"].removeprefix(f"gs://{stream.bucket}/")
        blob = fake_gcs.client.bucket(stream.bucket).get_blob(name)
        assert blob.content_type == types[variant["format"]]
        assert blob.cache_control == "public, max-age=31536000, immutable"
        assert blob.size == variant["bytes"]


def test_the_jobs_own_variants_are_no_uploads(stream, corpus, fake_gcs, tmp_path):
    with job(stream.arguments, stream.env, tmp_path / "log") as running:
        stream.upload("a.jpg", next(small_photos(corpus)))
        wait_for(lambda: stream.live(), 60, "the record")
        for blob in fake_gcs.client.list_blobs(stream.bucket, prefix="variants/"):
            stream.channel.publish(*upload_notification(blob, stream.bucket))
        time.sleep(3)
        running.drain()
        assert running.counts()["ignored"] == 6
    assert len(stream.table("asset_versions")) == 1
    assert stream.channel.left() == []


def test_a_warehouse_that_is_down_loses_and_doubles_nothing(
    fake_gcs, pubsub_emulator, prism, corpus, tmp_path, monkeypatch
):
    folder, ports = tmp_path / "bigquery", (free_port(), free_port())
    folder.mkdir()
    photos = small_photos(corpus)
    with contextlib.ExitStack() as jobs:
        with started_emulator(folder, *ports) as emulator:
            stream = Stream(fake_gcs, pubsub_emulator, emulator, prism)
            for name, value in stream.env.items():
                monkeypatch.setenv(name, value)
            stream.prepare()
            running = jobs.enter_context(job(stream.arguments, stream.env, tmp_path / "log"))
            for number in range(5):
                stream.upload(f"{number}.jpg", next(photos))
            wait_for(lambda: len(stream.live()) == 5, 60, "the first records")
        for number in range(5, 20):
            stream.upload(f"{number}.jpg", next(photos))
        time.sleep(DOWN_SECONDS)
        assert running.process.poll() is None, running.text()
        assert "returned" in running.text()
        with started_emulator(folder, *ports):
            wait_for(lambda: len(stream.live()) == 20, 120, "the other records")
            assert running.drain() < DRAIN_LIMIT_SECONDS
            assert {row["status"] for row in stream.live().values()} == {"complete"}
            assert stream.table("dead_letters") == []
    assert running.counts()["returned"] > 0
    assert stream.channel.left() == []


def test_a_stream_whose_runner_dies_starts_again(stream, corpus, tmp_path):
    photos = small_photos(corpus)
    with job(stream.arguments, stream.env, tmp_path / "log") as running:
        stream.upload("a.jpg", next(photos))
        wait_for(lambda: stream.live(), 60, "the first record")
        (prism,) = children(running.process.pid, "prism")
        os.kill(prism, 9)
        stream.upload("b.jpg", next(photos))
        wait_for(lambda: len(stream.live()) == 2, 60, "the second record")
        assert "starts again" in running.text()
        assert running.drain() < DRAIN_LIMIT_SECONDS
    assert stream.channel.left() == []


def test_drain_finishes_or_returns_a_full_queue(stream, corpus, tmp_path):
    photos = small_photos(corpus)
    for number in range(60):
        stream.upload(f"{number}.jpg", next(photos))
    with job(stream.arguments, stream.env, tmp_path / "log") as running:
        wait_for(lambda: stream.table("asset_versions", "uri"), 60, "the first record")
        assert running.drain() < DRAIN_LIMIT_SECONDS
    counts = running.counts()
    assert counts["in work"] == 0
    recorded = {row["uri"] for row in stream.table("asset_versions", "uri")}
    # What is acknowledged is recorded; what was written too late to be acknowledged comes back, and changes nothing.
    assert len(stream.channel.left()) == 60 - counts["recorded"]
    assert len(recorded) >= counts["recorded"]
