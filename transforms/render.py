"""Asset → Asset with its variants. Optional: failing adds an issue, and the record says `partial`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from media.delivery import Delivery
from media.errors import AssetError, StoreUnavailable
from media.records import Issue, Variant
from media.render import RenderedVariant, Rendering, RenderLimits, render
from media.uris import asset_id
from media.variants import CACHE_CONTROL, CONTENT_TYPES, Preset, variant_key
from stores.objects import ObjectWriter, open_writer
from transforms.asset import Asset
from transforms.ends import DONE, EARLY_ENDS, alert, early_end
from transforms.pooled import PooledDoFn

STAGE = "render"

IMAGES = ("image/", "application/vnd.adobe.photoshop")
"""Variants are made of images; video, audio and documents have none."""


@dataclass
class Render(beam.PTransform):
    """Renders the variants of each asset's preset and writes those that are not there yet.

    Attributes:
        delivery: what happens when the variants' store is down.
        output: URI of the folder or prefix for variants; None renders nothing.
        presets: by name; routes choose among them.
        limits: pixels, for one image and in flight.
    """

    delivery: Delivery
    output: str | None
    presets: Mapping[str, Preset]
    limits: RenderLimits

    def expand(self, assets: beam.PCollection[Asset]) -> Any:
        """Main output: `DONE`."""
        do_fn = _RenderDoFn(self.delivery, self.output, self.presets, self.limits)
        return assets | "Render and store" >> beam.ParDo(do_fn).with_outputs(*EARLY_ENDS, main=DONE)


class _RenderDoFn(PooledDoFn):
    def __init__(
        self, delivery: Delivery, output: str | None, presets: Mapping[str, Preset], limits: RenderLimits
    ) -> None:
        self._delivery = delivery
        self._output = output
        self._presets = presets
        self._limits = limits

    def setup(self) -> None:
        self._writer: ObjectWriter | None = open_writer(self._output) if self._output else None

    def work(self, element: Asset) -> Iterator[Asset | TaggedOutput]:
        try:
            if self._writer is not None and _media_type(element).startswith(IMAGES):
                self._render(element, self._writer)
        except Exception as error:
            if isinstance(error, StoreUnavailable) and self._delivery is not Delivery.BOUNDED:
                element.close()
                yield early_end(STAGE, error, element.event, self._delivery)
                return
            alert(STAGE, error, element.event.uri)
            element.issues.append(Issue(STAGE, str(error) if isinstance(error, AssetError) else repr(error)))
        yield element

    def _render(self, asset: Asset, writer: ObjectWriter) -> None:
        preset = self._presets[asset.event.decision.preset]
        with asset.timed(STAGE):
            rendering = render(asset.path, preset, self._limits)
        with asset.timed("store"):
            asset.variants = tuple(_store(asset, rendered, writer) for rendered in rendering.variants)
        _describe(asset, rendering)


def _media_type(asset: Asset) -> str:
    return (asset.metadata and asset.metadata.fields.media_type) or ""


def _describe(asset: Asset, rendering: Rendering) -> None:
    # What was decoded is the truth about the picture's size; metadata may lie.
    asset.width, asset.height = rendering.width, rendering.height
    asset.issues.extend(rendering.issues)


def _store(asset: Asset, rendered: RenderedVariant, writer: ObjectWriter) -> Variant:
    spec = rendered.spec
    key = variant_key(asset_id(asset.event.uri), asset.checksum, spec)
    uri = writer.put_if_absent(key, rendered.data, CONTENT_TYPES[spec.format], CACHE_CONTROL)
    return Variant(spec.name, uri, rendered.width, rendered.height, len(rendered.data), spec.format)
