"""The whole job over a folder on each local runner, beside the bare renderer on the same photos: are both cores used?

usage: python -m bench.job PHOTOS_DIR
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from media.render import render
from media.variants import load_presets
from tests.pipeline.jobs import run_to_end
from transforms.pooled import pool_threads


def bare(photos: list[Path]) -> None:
    """Renders every variant in a pool of threads, and writes nothing."""
    preset = load_presets()["product"]
    with ThreadPoolExecutor(pool_threads()) as pool:
        list(pool.map(lambda path: render(str(path), preset), photos))


def whole_job(folder: Path, *extra: str) -> None:
    """Folder → variants, metadata and DuckDB."""
    with tempfile.TemporaryDirectory() as room:
        outputs = [f"--variants={room}/variants", f"--warehouse=duckdb:{room}/w.duckdb"]
        run_to_end([f"--input={folder}", *outputs, *extra], Path(room) / "log")


def measure(name: str, photos: int, work: Callable[[], None]) -> float:
    """Prints one line; returns photos per second."""
    before, began = _cpu_seconds(), time.monotonic()
    work()
    seconds, cpu = time.monotonic() - began, _cpu_seconds() - before
    rate = photos / seconds
    print(f"{name:24} {seconds:6.1f} s {rate:5.2f} photos/s {cpu:6.1f} CPU s {cpu / seconds:5.2f} cores", flush=True)
    return rate


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main(folder: Path) -> None:
    """Prints the bare renderer, an empty job, and the job on each runner, as shares of the bare renderer's rate."""
    photos = sorted(folder.glob("*.jpg"))
    with tempfile.TemporaryDirectory() as nothing:
        began = time.monotonic()
        whole_job(Path(nothing))
        start = time.monotonic() - began
    print(f"starting and ending an empty job takes {start:.1f} s, which is part of the figures below")
    reference = measure("bare renderer", len(photos), lambda: bare(photos))
    for runner in ("DirectRunner", "PrismRunner"):
        rate = measure(runner, len(photos), lambda runner=runner: whole_job(folder, f"--runner={runner}"))
        without_start = len(photos) / (len(photos) / rate - start)
        print(f"{'':24} {rate / reference:.0%} of bare; {without_start / reference:.0%} without the start")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
