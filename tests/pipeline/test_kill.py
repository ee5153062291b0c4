"""kill -9 of the whole job: nothing is lost, nothing is doubled, every variant is there."""

import itertools
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from stores.warehouse import open_warehouse
from tests.parts.common import wait_for
from tests.pipeline.jobs import DRAIN_LIMIT_SECONDS, Job, children, job, upload_notification
from tests.pipeline.photos import small_photos

PHOTOS, DUPLICATES, REUPLOADS = 150, 50, 12
PRODUCT = {"thumb", "small", "medium", "large", "retina", "og"}
ACK_DEADLINE_SECONDS = 10


class Bucket:
    """Uploads photos, and publishes what Cloud Storage would."""

    def __init__(self, gcs, channel):
        self.client = gcs.client
        self.name = self.client.create_bucket(f"photos-{random.randrange(10**9)}").name
        self.channel = channel
        self.newest = {}

    def upload(self, name: str, photo: bytes) -> None:
        blob = self.client.bucket(self.name).blob(name)
        blob.upload_from_string(photo, content_type="image/jpeg")
        self.newest[f"gs://{self.name}/{name}"] = str(blob.generation)
        self.channel.publish(*upload_notification(blob, self.name))

    def notify_again(self, names: Sequence[str]) -> None:
        for name in names:
            blob = self.client.bucket(self.name).get_blob(name)
            self.channel.publish(*upload_notification(blob, self.name))

    def objects(self, prefix: str) -> set[str]:
        return {f"gs://{self.name}/{blob.name}" for blob in self.client.list_blobs(self.name, prefix=prefix)}


@pytest.mark.timeout(600)
def test_a_killed_job_loses_nothing(corpus, fake_gcs, bigquery_emulator, pubsub_emulator, prism, tmp_path, monkeypatch):
    env = {**fake_gcs.env, **bigquery_emulator.env, **pubsub_emulator.env}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    channel = pubsub_emulator.channel(ACK_DEADLINE_SECONDS)
    bucket, photos = Bucket(fake_gcs, channel), small_photos(corpus)
    warehouse = open_warehouse(bigquery_emulator.new_dataset())
    uri = f"bigquery://{warehouse.dataset.replace('.', '/')}"
    arguments = [f"--input={channel.uri}", f"--variants=gs://{bucket.name}/variants", f"--warehouse={uri}"]
    arguments.append(f"--prism_location={prism}")

    def rows() -> int:
        return warehouse.query(f"SELECT COUNT(*) AS n FROM `{warehouse.dataset}.asset_versions`")[0]["n"]

    names = [f"wedding/{number:03d} é+.jpg" for number in range(PHOTOS)]
    for name, photo in zip(names[:100], photos, strict=False):
        bucket.upload(name, photo)
    with job(arguments, env, tmp_path / "first.log") as first:
        moment = random.randrange(15, 80)
        wait_for(lambda: _tables_and(rows) >= moment or _ended(first), 120, f"the first {moment} rows")
        for name, photo in zip(names[:REUPLOADS], photos, strict=False):
            bucket.upload(name, photo)
        (prism_process,) = children(first.process.pid, "prism")
        first.kill()
    wait_for(lambda: not Path(f"/proc/{prism_process}").exists(), 5, "the end of the killed job's Prism")

    for name, photo in zip(names[100:], photos, strict=False):
        bucket.upload(name, photo)
    bucket.notify_again(random.sample(names, DUPLICATES))
    with job(arguments, env, tmp_path / "second.log") as second:
        wait_for(lambda: _settled(second, warehouse, bucket), 240, "the end of the work")
        # What the killed job held comes back when its lease has run out, and is then recorded already.
        time.sleep(ACK_DEADLINE_SECONDS + 5)
        assert second.drain() < DRAIN_LIMIT_SECONDS
        counts = second.counts()
    assert (counts["in work"], counts["dead-lettered"]) == (0, 0), second.text()
    assert counts["duplicate"] > 0
    assert channel.left() == []
    _check_archive(warehouse, bucket)


def _tables_and(rows) -> int:
    try:
        return rows()
    except ValueError:
        return 0


def _ended(started: Job) -> bool:
    assert started.process.poll() is None, started.text()
    return False


def _settled(started: Job, warehouse, bucket: Bucket) -> bool:
    _ended(started)
    live = warehouse.query(f"SELECT uri, version FROM `{warehouse.dataset}.assets_live`")
    return {row["uri"]: row["version"] for row in live} == bucket.newest


def _check_archive(warehouse, bucket: Bucket) -> None:
    live = warehouse.query(f"SELECT uri, version, status, variants FROM `{warehouse.dataset}.assets_live`")
    assert len(live) == PHOTOS
    assert {row["uri"]: row["version"] for row in live} == bucket.newest
    assert {row["status"] for row in live} == {"complete"}
    assert {tuple(sorted(variant["name"] for variant in row["variants"])) for row in live} == {tuple(sorted(PRODUCT))}
    referenced = set(itertools.chain.from_iterable((variant["uri"] for variant in row["variants"]) for row in live))
    assert len(referenced) == PHOTOS * len(PRODUCT)
    assert referenced <= bucket.objects("variants/")
    assert warehouse.query(f"SELECT COUNT(*) AS n FROM `{warehouse.dataset}.dead_letters`")[0]["n"] == 0
