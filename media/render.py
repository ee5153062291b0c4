"""Renders a photo's variants: decoded once, each variant made from the next larger picture.

Order, which is what keeps it cheap: decode (JPEG at a half, a quarter, an eighth where that is enough), resize straight
to the largest variant, and only then colours and orientation, on the small picture. Nothing of the original's metadata
gets into a variant. The same bytes give the same variants, in whatever thread.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from PIL import Image

from media.colour import to_srgb
from media.decode import Decoded, PhotoSource, open_photo
from media.pixel_budget import process_budget
from media.records import Issue
from media.variants import Preset, Size, VariantSpec, scaled, variant_scale, variant_size

STAGE = "render"
WEBP_METHOD = 4
"""libwebp's default; method 2 takes 40 % less CPU, and 10 % more bytes for the same quality."""
WHITE = (255, 255, 255)
OPAQUE = 255
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Exif's Orientation (Exif 2.32, 4.6.4 A) → what puts the picture upright; Pillow turns anticlockwise."""


@dataclass(frozen=True)
class RenderLimits:
    """Limits of pixels.

    Attributes:
        max_pixels: of one photo; 250 megapixels are more than any camera takes at once, and 1 GB of memory.
        pixels_in_flight: decoded at once in this process, a larger photo alone; 120 megapixels are about 0.5 GB.
    """

    max_pixels: int = 250_000_000
    pixels_in_flight: int = 120_000_000


@dataclass(frozen=True)
class RenderedVariant:
    """A variant's file; `width` and `height` in pixels."""

    spec: VariantSpec
    width: int
    height: int
    data: bytes


@dataclass(frozen=True)
class Rendering:
    """What came of a photo.

    Attributes:
        width: the photo's, in pixels after orientation.
        height: the photo's, in pixels after orientation.
        variants: in the preset's order.
        issues: what is odd about the photo although it was rendered.
    """

    width: int
    height: int
    variants: tuple[RenderedVariant, ...]
    issues: tuple[Issue, ...] = ()


def render(source: PhotoSource, preset: Preset, limits: RenderLimits = RenderLimits()) -> Rendering:
    """Renders all variants of a preset; of an animation or a file of several pages, the first picture.

    Args:
        source: the photo's bytes, or the path of a file that is only read.

    Waits while other threads hold the process's budget of pixels. A JPEG that is cut off is rendered as far as it goes,
    with an issue.

    Raises:
        AssetTooLarge: more pixels than the limit; seen in the header, before anything is decoded.
        RenderFailed: no picture, damaged, or of a kind that cannot be rendered; the message says so to a person.
        OSError: the path cannot be read.
    """
    with open_photo(source, limits.max_pixels) as photo, process_budget(limits.pixels_in_flight).hold(photo.pixels):
        decoded = photo.decode(lambda size: _largest(size, preset))
        whole, problem = _upright(decoded)
        pictures = dict(_cascade(whole, decoded.size, preset))
        variants = tuple(_encoded(spec, pictures[spec.name]) for spec in preset.variants)
    issues = (*decoded.issues, problem) if problem else decoded.issues
    return Rendering(*decoded.size, variants, tuple(Issue(STAGE, reason) for reason in issues))


def _largest(size: Size, preset: Preset) -> Size:
    """Size of the smallest whole picture that every variant can be cut or shrunk from."""
    return _whole(size, max(variant_scale(size, spec) for spec in preset.variants))


def _whole(size: Size, scale: Fraction) -> Size:
    return scaled(size[0], scale), scaled(size[1], scale)


def _upright(decoded: Decoded) -> tuple[Image.Image, str | None]:
    """The whole photo in sRGB, turned upright, without metadata and without an alpha channel that is idle."""
    picture, problem = to_srgb(decoded.image, decoded.profile)
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (OPAQUE, OPAQUE):
        picture = picture.convert("RGB")
    if decoded.orientation in _TURNS:
        picture = picture.transpose(_TURNS[decoded.orientation])
    picture.info = {}  # Pillow's encoders would write comments and profiles that they find here
    return picture, problem


def _cascade(whole: Image.Image, original: Size, preset: Preset) -> Iterator[tuple[str, Image.Image]]:
    """Each variant's name and picture, from large to small.

    A variant is made from the smallest whole picture that has at least its scale, so that nothing is enlarged on the
    way: `og` of an upright photo is cut from 2400 pixels, since 1200 pixels of height are too few for its width.
    """
    for spec in sorted(preset.variants, key=lambda spec: variant_scale(original, spec), reverse=True):
        size = variant_size(original, spec)
        box = (0, 0, *whole.size) if spec.fit == "inside" else _window(whole.size, original, spec)
        picture = whole.resize(size, Image.Resampling.LANCZOS, box=box)
        if spec.fit == "inside":
            whole = picture
        yield spec.name, picture


def _window(whole: Size, original: Size, spec: VariantSpec) -> tuple[float, float, float, float]:
    """The middle of a whole picture, in the variant's proportions, in pixels of the whole picture."""
    scale, size = variant_scale(original, spec), variant_size(original, spec)
    width, height = (
        float(whole[axis] * min(Fraction(1), Fraction(size[axis]) / (original[axis] * scale))) for axis in (0, 1)
    )
    # Whole pixels: where nothing is scaled, half a pixel's shift would blur the picture.
    left, top = (whole[0] - width) // 2, (whole[1] - height) // 2
    return left, top, left + width, top + height


def _encoded(spec: VariantSpec, picture: Image.Image) -> RenderedVariant:
    written = io.BytesIO()
    if spec.format == "webp":
        picture.save(written, "WEBP", quality=spec.quality, method=WEBP_METHOD)
    else:
        _on_white(picture).save(written, "JPEG", quality=spec.quality, progressive=True, optimize=True)
    return RenderedVariant(spec, *picture.size, written.getvalue())


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture
    flat = Image.new("RGB", picture.size, WHITE)
    flat.paste(picture, mask=picture.getchannel("A"))
    return flat
