"""Colour: from a photo's own profile to sRGB, which is what the web takes for granted."""

import functools
import io
from typing import NamedTuple

from PIL import Image, ImageCms

PROFILES_KEPT = 32
"""Transforms kept, since a camera's photos share a profile; a CMYK one takes 0.1 s to build and about 2 MB to keep."""
SAME_WITHIN = 2
"""Of 255: profiles that call themselves sRGB differ by so much in rounding, and no eye sees it."""
SPACES = {"RGB ": "RGB", "CMYK": "CMYK", "GRAY": "L"}
"""Data colour space of an ICC profile (ICC.1:2022, table 19) → Pillow's mode."""
_COLOURS = {"LA": "L", "RGBA": "RGB"}
"""Mode with alpha → its colours alone; profiles say nothing of alpha."""


class Converted(NamedTuple):
    """A picture in sRGB, `RGB` or `RGBA`, and what is wrong with its profile, for a person."""

    image: Image.Image
    problem: str | None = None


def to_srgb(image: Image.Image, profile: bytes | None) -> Converted:
    """Converts a picture of mode L, LA, RGB, RGBA or CMYK.

    Args:
        profile: the ICC profile embedded in the file; without one, or with one that cannot be used, the picture counts
            as sRGB, and CMYK is converted by Pillow's plain formula.
    """
    alpha = image.getchannel("A") if image.mode in _COLOURS else None
    colours = image.convert(_COLOURS[image.mode]) if alpha else image
    problem = None
    if profile:
        try:
            colours = _apply(colours, profile)
        except (ImageCms.PyCMSError, OSError, ValueError):
            problem = "the embedded colour profile cannot be used; the colours may be off"
    if colours.mode != "RGB":
        colours = colours.convert("RGB")
    if alpha is not None:
        colours.putalpha(alpha)
    return Converted(colours, problem)


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """Converts CIELAB (TIFF's, D50), which has no profile because it needs none."""
    return _applied(image, _transform(ImageCms.createProfile("LAB"), "LAB"))


def _apply(colours: Image.Image, profile: bytes) -> Image.Image:
    space, transform = _conversion(profile)
    if transform is None:
        return colours
    if space == "RGB" and colours.mode == "L":
        colours = colours.convert("RGB")
    if space != colours.mode:
        raise ValueError(f"a profile for {space} in a picture of mode {colours.mode}")
    return _applied(colours, transform)


def _applied(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # None is the answer to inPlace only
    return converted


@functools.lru_cache(maxsize=PROFILES_KEPT)
def _conversion(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """Mode that the profile describes, and how to get from it to sRGB; None where it is sRGB already.

    LittleCMS copies a transform's cache on the stack of each call, so threads share one without locks.
    """
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = SPACES.get(opened.profile.xcolor_space)
    if space is None:
        raise ValueError(f"a profile for {opened.profile.xcolor_space!r}")
    transform = _transform(opened, space)
    return space, None if space == "RGB" and _changes_nothing(transform) else transform


def _transform(profile: ImageCms.ImageCmsProfile | ImageCms.core.CmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    # Perceptual is the intent of photographs; between matrix profiles it equals relative colorimetric.
    return ImageCms.buildTransform(profile, _SRGB, mode, "RGB", ImageCms.Intent.PERCEPTUAL)


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    # By what it does, not by its name: there are dozens of names for sRGB, and profiles that borrow one.
    probe = _probe()
    before, after = probe.tobytes(), _applied(probe, transform).tobytes()
    return all(abs(a - b) <= SAME_WITHIN for a, b in zip(before, after, strict=True))


def _probe() -> Image.Image:
    levels = range(0, 256, 17)
    values = bytes(level for red in levels for green in levels for blue in levels for level in (red, green, blue))
    return Image.frombytes("RGB", (len(levels) ** 2, len(levels)), values)


_SRGB = ImageCms.createProfile("sRGB")
