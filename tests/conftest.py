"""Fixtures for every test: the corpus, and the real parts, each in a file of `tests/parts`."""

import gc
from pathlib import Path

import pytest

from tests.parts.common import CORPUS

pytest_plugins = [
    "tests.parts.bigquery",
    "tests.parts.gcs",
    "tests.parts.moto",
    "tests.parts.prism",
    "tests.parts.pubsub",
]


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Folder of real photos, videos and damaged files that the project does not ship."""
    if not CORPUS.is_dir():
        pytest.skip(f"the corpus of real photos is not at {CORPUS}")
    return CORPUS


def pytest_unconfigure() -> None:
    """Lets pytest's lines be the last: Hypothesis's callback would keep DuckDB alive, whose binding reports leaks."""
    gc.callbacks[:] = [each for each in gc.callbacks if "gc_cumulative_time" not in getattr(each, "__qualname__", "")]
