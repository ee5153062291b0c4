"""Prism, Beam's portable runner in Go, as a binary that is here; tests never download it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.common import PARTS, missing

BEAM_CACHE = Path("~/.apache_beam/cache/prism/bin").expanduser()
"""Where Beam puts the binary that it downloads at first use."""


@pytest.fixture(scope="session")
def prism() -> Path:
    """Path of the Prism binary, for `--prism_location`."""
    for candidate in _candidates():
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    missing("Prism", "run `make prism` where Go is, or name a binary in PROOFSTREAM_PRISM")
    raise AssertionError("unreachable: missing() skips or fails the test")


def _candidates() -> Iterator[Path]:
    named = os.environ.get("PROOFSTREAM_PRISM")
    if named:
        yield Path(named)
    yield PARTS / "prism" / "prism"
    on_path = shutil.which("prism")
    if on_path:
        yield Path(on_path)
    yield from sorted(BEAM_CACHE.glob("prism*"), reverse=True)
