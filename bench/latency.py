"""From published photo to visible row, live: Pub/Sub emulator → Prism → variants in fake GCS, row in BigQuery emulator.

usage: python -m bench.latency PHOTOS_DIR   (its photos of 5 to 8.2 megapixels, one at a time, each meeting an idle job)
"""

import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from PIL import Image

from tests.parts.bigquery import started_emulator
from tests.parts.common import wait_for
from tests.parts.gcs import started_fake_gcs
from tests.parts.pubsub import started_pubsub
from tests.pipeline.jobs import job
from tests.pipeline.streams import Stream

MEGAPIXELS = (5.0, 8.2)
ROUNDS = 2
IDLE_SECONDS = 1.0


def chosen(folder: Path) -> list[Path]:
    """The photos of the sizes that are measured."""
    found = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as photo:
            if MEGAPIXELS[0] <= photo.width * photo.height / 1e6 <= MEGAPIXELS[1]:
                found.append(path)
    return found


def measured(stream: Stream, path: Path, number: int) -> float:
    """Seconds from publishing to the row, as a query sees it."""
    name = f"{number}-{path.name}"
    blob = stream.gcs.client.bucket(stream.bucket).blob(name)
    began = time.monotonic()
    stream.upload(name, path.read_bytes())
    published = time.monotonic()
    wait_for(lambda: f"gs://{stream.bucket}/{blob.name}" in stream.live(), 60, f"the row of {name}")
    print(f"{time.monotonic() - published:6.2f} s  (upload {published - began:.2f} s)  {path.name}", flush=True)
    return time.monotonic() - published


def main(folder: Path) -> None:
    """Prints a line for each photo, then the median."""
    with ExitStack() as parts:
        room = Path(parts.enter_context(tempfile.TemporaryDirectory()))
        gcs_room, bigquery_room, pubsub_room = (room / name for name in ("gcs", "bigquery", "pubsub"))
        for made in (gcs_room, bigquery_room, pubsub_room):
            made.mkdir()
        gcs = parts.enter_context(started_fake_gcs(gcs_room))
        bigquery = parts.enter_context(started_emulator(bigquery_room))
        pubsub = parts.enter_context(started_pubsub(pubsub_room))
        stream = Stream(gcs, pubsub, bigquery)
        os.environ.update(stream.env)
        stream.prepare()
        running = parts.enter_context(job(stream.arguments, stream.env, room / "log"))
        photos = chosen(folder)
        measured(stream, photos[0], -1)
        seconds = []
        for number in range(ROUNDS):
            for path in photos:
                time.sleep(IDLE_SECONDS)
                seconds.append(measured(stream, path, number))
        running.drain()
        print(running.counts())
    print(
        f"published to visible: median {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s, {len(seconds)}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
