"""Variants: which renditions a photo gets, how large each becomes, and the name under which it lies."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeAlias

import yaml
from pydantic import TypeAdapter, ValidationError, with_config

Fit: TypeAlias = Literal["cover", "inside"]
Format: TypeAlias = Literal["webp", "jpeg"]
Size: TypeAlias = tuple[int, int]

CONTENT_TYPES: Mapping[Format, str] = {"webp": "image/webp", "jpeg": "image/jpeg"}
CACHE_CONTROL = "public, max-age=31536000, immutable"
"""A variant's name changes with its content, so a year, the longest that RFC 2616 allowed, is safe."""
RENDERER_VERSION = 1
"""Goes up whenever `media.render` would make other bytes of the same photo and spec: the variants get new names."""
LARGEST_SIDE: Mapping[Format, int] = {"webp": 16_383, "jpeg": 65_500}
"""Pixels; what libwebp (WEBP_MAX_DIMENSION) and libjpeg (JPEG_MAX_DIMENSION) can write."""
CONTENT_DIGITS = 32
"""128 bits of a SHA-256: two photos under one asset never meet."""
SPEC_DIGITS = 12
"""48 bits tell apart the few dozen specs that an asset ever has."""
_KEY = re.compile(rf"[0-9a-f]{{32}}/[0-9a-f]{{{CONTENT_DIGITS}}}-[0-9a-f]{{{SPEC_DIGITS}}}\.[a-z]+")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@with_config({"extra": "forbid"})
@dataclass(frozen=True)
class VariantSpec:
    """One rendition of a photo.

    Attributes:
        name: lower-case letters, digits, `-` and `_`.
        width: pixels; what is smaller stays as it is.
        height: pixels.
        fit: `inside` keeps the whole picture within width × height, `cover` fills them and crops what sticks out,
            evenly at both ends.
        format: `webp` keeps transparency, `jpeg` puts the picture on white.
        quality: 1 to 100, on the format's own scale.
    """

    name: str
    width: int
    height: int
    fit: Fit
    format: Format
    quality: int

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"the name {self.name!r} may hold only a-z, 0-9, - and _ (at most 63)")
        largest = LARGEST_SIDE[self.format]
        for side, pixels in (("width", self.width), ("height", self.height)):
            if not 1 <= pixels <= largest:
                raise ValueError(f"the {side} of {self.name} must be 1 to {largest} for {self.format}, not {pixels}")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"the quality of {self.name} must be 1 to 100, not {self.quality}")


@dataclass(frozen=True)
class Preset:
    """The variants that a photo gets, in the order in which they are listed."""

    name: str
    variants: tuple[VariantSpec, ...]

    def __post_init__(self) -> None:
        names = [spec.name for spec in self.variants]
        if not names:
            raise ValueError(f"preset {self.name} has no variants")
        if len(set(names)) < len(names):
            raise ValueError(f"preset {self.name} names a variant twice")


def load_presets(path: str | None = None) -> Mapping[str, Preset]:
    """Presets by name: those that come with the project, and over them those of a file.

    Raises:
        ValueError: naming the file, the place in it and what is wrong.
    """
    own = _read("presets.yaml", (files("media") / "data" / "presets.yaml").read_bytes())
    if path is None:
        return own
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    return {**own, **_read(path, content)}


def variant_scale(original: Size, spec: VariantSpec) -> Fraction:
    """How much of its size the whole picture keeps, before any cropping: above 0, at most 1."""
    choose = min if spec.fit == "inside" else max
    return min(Fraction(1), choose(Fraction(spec.width, original[0]), Fraction(spec.height, original[1])))


def variant_size(original: Size, spec: VariantSpec) -> Size:
    """Width and height of a variant in pixels, as sharp gives them with `withoutEnlargement: true`.

    Args:
        original: width and height in pixels after orientation.

    Nothing is enlarged. `inside` rounds half a pixel up, and leaves at least one. `cover` gives width × height of the
    spec where the original has them; where it is smaller in one dimension, it is not scaled at all, and only the other
    dimension is cropped (sharp's ResolveShrink clamps the shrink to 1): 1000 × 2000 as 1200 × 630 becomes 1000 × 630.
    """
    scale = variant_scale(original, spec)
    return min(spec.width, scaled(original[0], scale)), min(spec.height, scaled(original[1], scale))


def scaled(pixels: int, scale: Fraction) -> int:
    """A side times a scale, half a pixel rounded up, at least 1; exact, since sizes are part of a variant's bytes."""
    return max(1, int(pixels * scale + Fraction(1, 2)))


def spec_hash(spec: VariantSpec) -> str:
    """Short hexadecimal name of what the bytes depend on: the spec without its name, and the renderer."""
    parts = [RENDERER_VERSION, spec.width, spec.height, spec.fit, spec.format, spec.quality]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:SPEC_DIGITS]


def is_variant_key(key: str) -> bool:
    """Whether a name below the variants' place is one that `variant_key` gives; uploads may lie beside them."""
    return bool(_KEY.fullmatch(key))


def variant_key(asset_id: str, checksum: str, spec: VariantSpec) -> str:
    """Where a variant lies, relative to the variants' folder: `asset_id/<content hash>-<spec hash>.<format>`.

    Args:
        checksum: SHA-256 of the original's bytes, hexadecimal.

    Raises:
        ValueError: the checksum is none; every version of an asset would share one name.
    """
    if not _SHA256.fullmatch(checksum):
        raise ValueError(f"{checksum!r} is not a SHA-256 in hexadecimal")
    return f"{asset_id}/{checksum[:CONTENT_DIGITS]}-{spec_hash(spec)}.{spec.format}"


@with_config({"extra": "forbid"})
@dataclass(frozen=True)
class _File:
    presets: Mapping[str, tuple[VariantSpec, ...]]


def _read(path: str, content: bytes) -> dict[str, Preset]:
    try:
        read = TypeAdapter(_File).validate_python(yaml.safe_load(content) or {})
        return {name: Preset(name, variants) for name, variants in read.presets.items()}
    except ValidationError as error:
        found = [f"{'.'.join(str(step) for step in one['loc'])}: {one['msg']}" for one in error.errors()]
        raise ValueError(f"{path}: {'; '.join(found)}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error
