"""A photo's bytes → its pixels, decoded once, or a reason that a person understands.

Formats are opened through Pillow's registry, as `Image.open` does, but past its limit of pixels and with the reason
for a failure. No switch of Pillow's is turned while threads decode: `LOAD_TRUNCATED_IMAGES` stays off, its limit of
pixels is taken away once, at import, because `open_photo` has its own.
"""

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple, TypeAlias

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageFile, JpegImagePlugin, TiffImagePlugin

from media.colour import lab_to_srgb
from media.errors import AssetTooLarge, RenderFailed
from media.variants import Size

PhotoSource: TypeAlias = bytes | bytearray | memoryview | str | os.PathLike[str]

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP", "JPEG2000", "PSD")
"""Pictures that people upload. Of the rest that Pillow reads, EPS would run Ghostscript on a stranger's program."""
PREFIX_BYTES = 16
"""What Pillow's plugins look at to recognise a format."""
RESIZABLE = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})
"""Modes that Pillow resizes as they are, with alpha premultiplied."""
TRUNCATED = "the file is cut off; the picture is rendered as far as it goes"
DAMAGED_EXIF = "the EXIF data is damaged; the picture may lie on its side"
_END_OF_IMAGE = b"\xff\xd9"  # ITU-T T.81, table B.1
_REDUCED = 1  # TIFF 6.0, NewSubfileType, bit 0: a reduced-resolution version of another image in this file
_SIXTEEN_BITS = 65_535
_MILLION = 1_000_000
_SAYABLE = re.compile(r"[A-Za-z][\w ,.:;'()/-]{4,120}")

# Every guard of Pillow's in the formats above is on the size that `open_photo` checks; its own would refuse TIFFs
# below our limit, and warn about every picture over 89 megapixels.
Image.MAX_IMAGE_PIXELS = None
# No embedded thumbnail may stand in for the picture. Photos run in parallel already: one thread for each decoder.
pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)
Image.init()


class Decoded(NamedTuple):
    """A photo's pixels, made small; not turned upright yet, and in the colours of its profile.

    Attributes:
        image: in a mode of `RESIZABLE`.
        size: the photo's own width and height in pixels, after orientation.
        orientation: 1 to 8, Exif's; what is left to be done.
        profile: the embedded ICC profile.
        issues: what is odd about it, for a person.
    """

    image: Image.Image
    size: Size
    orientation: int
    profile: bytes | None
    issues: tuple[str, ...]


class Photo:
    """An opened photo: its header is read, its pixels are not.

    Attributes:
        pixels: how many it has.
    """

    def __init__(self, image: ImageFile.ImageFile) -> None:
        self._image = image
        self._issues: list[str] = []
        self.pixels = image.width * image.height

    def decode(self, wanted: Callable[[Size], Size]) -> Decoded:
        """Decodes the first frame, once, and lets go of the large picture.

        Args:
            wanted: from the photo's width and height in pixels after orientation to those that are to come out.

        Raises:
            RenderFailed: the data is damaged, or of a kind that cannot be rendered.
        """
        image, full = self._image, self._image.size
        profile = image.info.get("icc_profile")
        drafted = None
        with _readable(f"the {image.format} picture cannot be decoded"):
            if isinstance(image, JpegImagePlugin.JpegImageFile):
                orientation = self._orientation()
                drafted = image.draft(None, turned(wanted(turned(full, orientation)), orientation))
                _end_early(image, self._issues)
            image.load()
            usable = _resizable(image)
        # Only now: a PNG may carry its EXIF behind the pixels, and Pillow turns a TIFF by itself while loading.
        orientation = self._orientation()
        size = turned(full if drafted else usable.size, orientation)
        # A JPEG of 9 pixels is 4.5 wide at a half, though 5 come out of the decoder.
        box = drafted[1] if drafted else None
        small = usable.resize(turned(wanted(size), orientation), Image.Resampling.LANCZOS, box=box)
        image.close()
        return Decoded(small, size, orientation, profile, tuple(dict.fromkeys(self._issues)))

    def _orientation(self) -> int:
        try:
            found = self._image.getexif().get(ExifTags.Base.Orientation, 1)
        except Exception:  # Pillow's EXIF reader raises whatever it stumbles over
            self._issues.append(DAMAGED_EXIF)
            return 1
        return found if found in range(1, 9) else 1


@contextmanager
def open_photo(source: PhotoSource, max_pixels: int) -> Iterator[Photo]:
    """Opens a photo and checks its size before anything is decoded.

    Raises:
        AssetTooLarge: more than `max_pixels`.
        RenderFailed: no picture, or of a kind that cannot be rendered.
        OSError: the path cannot be read.
    """
    with _open_bytes(source) as stream, _open_image(stream) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise AssetTooLarge(
                f"the picture has {width} × {height} pixels, that is {width * height / _MILLION:.0f} megapixels; "
                f"the limit is {max_pixels / _MILLION:g}"
            )
        yield Photo(image)


def turned(size: Size, orientation: int) -> Size:
    """Width and height before orientation from those after it, or the other way round."""
    return (size[1], size[0]) if orientation >= 5 else size


def _open_bytes(source: PhotoSource) -> BinaryIO:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(source)
    return open(source, "rb")


def _open_image(stream: BinaryIO) -> ImageFile.ImageFile:
    prefix = stream.read(PREFIX_BYTES)
    if not prefix:
        raise RenderFailed("the file is empty")
    for name in FORMATS:
        factory, accept = Image.OPEN[name]
        if accept is None or accept(prefix) is True:
            stream.seek(0)
            with _readable(f"the {name} file is damaged, or of a kind that cannot be rendered"):
                image = factory(stream, "")
            _refuse_preview(image)
            return image
    raise RenderFailed(f"this is no picture in a format that is rendered ({', '.join(FORMATS)})")


def _refuse_preview(image: ImageFile.ImageFile) -> None:
    # NEF, DNG and other raw files are TIFFs whose first image is a thumbnail of 160 × 120.
    if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(ExifTags.Base.NewSubfileType) == _REDUCED:
        raise RenderFailed("this is a camera's raw file, of which only a preview could be rendered")


def _end_early(image: JpegImagePlugin.JpegImageFile, issues: list[str]) -> None:
    """Gives libjpeg an end-of-image marker where the file ends too soon: it then fills the rest with grey.

    This is what Pillow does under `LOAD_TRUNCATED_IMAGES`, for this one image instead of for the whole process.
    """
    stream = image.fp  # not the image: a cycle would keep its pixels until Python happens to collect them
    endings = iter([_END_OF_IMAGE])

    def read_or_end(read_bytes: int) -> bytes:
        assert stream is not None
        data = stream.read(read_bytes) or next(endings, b"")
        if data is _END_OF_IMAGE:
            issues.append(TRUNCATED)
        return data

    image.load_read = read_or_end  # type: ignore[method-assign]


def _resizable(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _eight_bits(image)
    if image.mode == "LAB":
        return lab_to_srgb(image)
    if image.has_transparency_data:
        return image if image.mode in ("LA", "RGBA") else image.convert("RGBA")
    if image.mode in RESIZABLE:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    # Pillow's own conversion clips at 255, which leaves a white picture.
    if image.mode == "F":
        raise RenderFailed("the picture's samples are floating-point numbers without a known white")
    samples = np.asarray(image)
    if samples.min() < 0 or samples.max() > _SIXTEEN_BITS:
        raise RenderFailed("the picture's samples have more than 16 bits")
    return Image.fromarray((samples >> 8).astype(np.uint8))


@contextmanager
def _readable(what: str) -> Iterator[None]:
    """Turns whatever a plugin raises over a file into a reason for a person."""
    try:
        yield
    except (RenderFailed, MemoryError):
        raise
    except Exception as error:  # plugins raise what their parsers stumble over: struct.error, KeyError, zlib.error, …
        detail = str(error) if isinstance(error, (OSError, SyntaxError, ValueError, RuntimeError)) else ""
        raise RenderFailed(f"{what}: {detail}" if _SAYABLE.fullmatch(detail) else what) from error
