"""Small photographs for jobs that must be quick: pieces of real ones, no two alike, each with metadata."""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

SIZE = (800, 600)
STEP = 97
"""Pieces overlap by all but so many pixels; a prime, so that no two have the same corner."""


def small_photos(corpus: Path) -> Iterator[bytes]:
    """JPEG files of 0.5 MP, cut from the corpus's camera photos, with EXIF naming their number."""
    cameras = sorted((corpus / "cameras").glob("*.jpg"))
    for number in itertools.count():
        yield _piece(cameras[number % len(cameras)], number)


def _piece(path: Path, number: int) -> bytes:
    with Image.open(path) as photo:
        photo.draft("RGB", (SIZE[0] * 2, SIZE[1] * 2))
        left = number * STEP % (photo.width - SIZE[0])
        top = number * STEP % (photo.height - SIZE[1])
        piece = photo.convert("RGB").crop((left, top, left + SIZE[0], top + SIZE[1]))
    exif = Image.Exif()
    exif[0x010E] = f"photograph {number}"
    exif[0x013B] = "Ann Example"
    written = io.BytesIO()
    piece.save(written, "JPEG", quality=85, exif=exif)
    return written.getvalue()
