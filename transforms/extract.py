"""UploadEvent → Asset: opens the object once and asks ExifTool what it is. Required: failing dead-letters the asset."""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from media.delivery import Delivery
from media.errors import Gone, StoreUnavailable
from media.exiftool import ExifToolPool
from media.fields import normalize
from media.records import EventKind, UploadEvent
from stores.asset_source import AssetSource
from transforms.asset import Asset
from transforms.ends import DONE, EARLY_ENDS, RETURNED, early_end
from transforms.pooled import STOPPING, PooledDoFn, pool_threads

STAGE = "extract"

_lock = threading.Lock()
_tools: dict[tuple[int, float], ExifToolPool] = {}


@dataclass
class Extract(beam.PTransform):
    """Opens and extracts; deletes pass through, since there is nothing to open.

    Attributes:
        delivery: what happens when the object store is down.
        max_bytes: larger objects are refused before they are read.
        deadline_seconds: how long ExifTool may take for one file.
    """

    delivery: Delivery
    max_bytes: int
    deadline_seconds: float

    def expand(self, events: beam.PCollection[UploadEvent]) -> Any:
        """Main output: `DONE`."""
        do_fn = _ExtractDoFn(self.delivery, self.max_bytes, self.deadline_seconds)
        return events | "Open and extract" >> beam.ParDo(do_fn).with_outputs(*EARLY_ENDS, main=DONE)


def close_exiftool() -> None:
    """Ends this process's ExifTools; the next use starts new ones."""
    with _lock:
        tools = list(_tools.values())
        _tools.clear()
    for tool in tools:
        tool.close()


def _exiftool(deadline_seconds: float) -> ExifToolPool:
    # Keyed by process: a forked child must not talk to its parent's ExifTools.
    key = (os.getpid(), deadline_seconds)
    with _lock:
        if key not in _tools:
            _tools[key] = ExifToolPool(pool_threads(), deadline_seconds)
        return _tools[key]


class _ExtractDoFn(PooledDoFn):
    def __init__(self, delivery: Delivery, max_bytes: int, deadline_seconds: float) -> None:
        self._delivery = delivery
        self._max_bytes = max_bytes
        self._deadline_seconds = deadline_seconds

    def work(self, element: UploadEvent) -> Iterator[Asset | TaggedOutput]:
        if STOPPING.is_set():
            yield TaggedOutput(RETURNED, element.receipt)
            return
        asset = Asset(element)
        try:
            if element.kind is EventKind.DELETE and self._is_gone(asset):
                yield asset
                return
            self._open(asset)
            self._extract(asset)
        except MemoryError as error:
            asset.close()
            yield early_end(STAGE, StoreUnavailable(f"not enough memory: {error}"), element, self._delivery)
        except Exception as error:
            asset.close()
            if STOPPING.is_set():
                # The tools were closed under it.
                yield TaggedOutput(RETURNED, element.receipt)
            else:
                yield early_end(STAGE, error, element, self._delivery)
        else:
            yield asset

    def _is_gone(self, asset: Asset) -> bool:
        """Whether a delete is to be believed.

        S3 says the same when an old version, or a delete marker, is removed and a current object stays or comes back:
        then that object is recorded. Generations order the deletes of Cloud Storage.
        """
        event = asset.event
        if not event.uri.startswith("s3://"):
            return True
        try:
            info = AssetSource(event.uri).info()
        except Gone:
            return True
        asset.event = replace(event, kind=EventKind.UPLOAD, version=info.version, etag=info.etag)
        return False

    def _open(self, asset: Asset) -> None:
        event = asset.event
        # A listing is not told of a file's next version, so it takes the one that is there now.
        version = "" if self._delivery is Delivery.BOUNDED else event.version
        asset.source = AssetSource(event.uri, version, event.etag, self._max_bytes)
        with asset.timed("open"):
            asset.info = asset.source.info()
            asset.path = asset.source.path()
            asset.checksum = asset.source.checksum()

    def _extract(self, asset: Asset) -> None:
        with asset.timed(STAGE):
            asset.raw = _exiftool(self._deadline_seconds).read(asset.path)
            asset.metadata = normalize(asset.raw)
        asset.issues.extend(asset.metadata.issues)
