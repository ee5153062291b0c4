"""What the steps of one fused stage hand to each other: an asset on its way from bytes to record."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from media.fields import Normalized
from media.records import Issue, StageLatency, UploadEvent, Variant
from stores.asset_source import AssetSource
from stores.objects import ObjectInfo


@dataclass
class Asset:
    """One asset in work. Mutable, and owned by one step at a time; it never leaves its fused stage.

    Attributes:
        event: what the notification said.
        source: the opened object; None for a delete.
        info: the object as its store describes it.
        path: local copy of the object, or the original itself, to be read only.
        checksum: SHA-256 of the object's bytes, hexadecimal.
        raw: everything that ExifTool said.
        metadata: the normalized fields of `raw`.
    """

    event: UploadEvent
    source: AssetSource | None = None
    info: ObjectInfo | None = None
    path: str = ""
    checksum: str = ""
    raw: dict[str, object] | None = None
    metadata: Normalized | None = None
    width: int | None = None
    height: int | None = None
    variants: tuple[Variant, ...] = ()
    issues: list[Issue] = field(default_factory=list)
    latency: list[StageLatency] = field(default_factory=list)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Records how long a stage took."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.latency.append(StageLatency(stage, round((time.perf_counter() - began) * 1000, 3)))

    def close(self) -> None:
        """Gives the opened object back."""
        if self.source is not None:
            self.source.close()
