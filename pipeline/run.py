"""Runs the job: checks, starts, counts aloud, drains on SIGTERM, starts again after a failure."""

import contextlib
import logging
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import NoReturn

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.prism_runner import PrismRunner
from apache_beam.runners.runner import PipelineRunner
from tqdm import tqdm

from media.errors import StoreUnavailable
from media.records import OutcomeKind
from pipeline.config import DATAFLOW, PRISM, Config, ConfigError
from pipeline.graph import build
from pipeline.preflight import check
from pipeline.prism import running_prism
from stores.asset_source import make_own_folder, sweep_stale
from transforms.counts import COUNTS, IN, RETURNED
from transforms.extract import close_exiftool
from transforms.pooled import STOPPING
from transforms.sources.feed import FEEDS

DRAIN_SECONDS = 22
"""Work that is not finished by then is returned, so that the job ends within 30 s of SIGTERM."""

COUNT_SECONDS = 60
"""How often a stream says its counts."""

LOOK_SECONDS = 0.2
"""How often the main thread looks at the job."""

RESTARTS = "PROOFSTREAM_RESTARTS"
"""Environment variable that counts restarts in a row, for the backoff."""

HEALTHY_SECONDS = 600
"""A run of this length starts the backoff anew."""

LONGEST_BACKOFF_SECONDS = 60

START_AGAIN = -1
"""Result of `run` for a stream that failed: the caller replaces the process with `start_again`."""


def run(config: Config, options: PipelineOptions) -> int:
    """Runs the job to its end, or until SIGTERM or SIGINT.

    Returns:
        The exit status: 0 after an end or a drain, 1 if a bounded run failed; `START_AGAIN` if a stream failed.
    """
    try:
        check(config)
    except ConfigError as error:
        if RESTARTS not in os.environ or not isinstance(error.__cause__, StoreUnavailable):
            raise
        # The outage that broke the stream may not be over.
        print(f"proofstream: {error}", file=sys.stderr)
        time.sleep(_backoff(0))
        return START_AGAIN
    sweep_stale()
    own_folder = make_own_folder()
    try:
        return _run_here(config, options)
    finally:
        shutil.rmtree(own_folder, ignore_errors=True)


def _run_here(config: Config, options: PipelineOptions) -> int:
    if config.runner == DATAFLOW:
        return _submit(config, options)
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    began = time.monotonic()
    prism = running_prism(options) if config.runner == PRISM else contextlib.nullcontext()
    with prism:
        job = _Job(config, options)
        job.start()
        with _aloud(config) as say:
            while job.is_alive() and not asked_to_stop.is_set():
                job.join(LOOK_SECONDS)
                say()
        if asked_to_stop.is_set():
            _drain(job)
        STOPPING.set()
        FEEDS.close()
        close_exiftool()
        _silence_threads()
    status = _conclude(config, job, asked_to_stop.is_set())
    stopped_while_waiting = status == START_AGAIN and asked_to_stop.wait(_backoff(time.monotonic() - began))
    return 0 if stopped_while_waiting else status


class _Job(threading.Thread):
    """The pipeline in a thread of its own, so that the main thread hears signals."""

    def __init__(self, config: Config, options: PipelineOptions) -> None:
        super().__init__(name="job", daemon=True)
        self._config = config
        self._options = options
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            pipeline = beam.Pipeline(runner=_runner(self._config), options=_beam_options(self._config, self._options))
            build(pipeline, self._config)
            pipeline.run().wait_until_finish()
        except BaseException as error:
            self.failure = error


def _runner(config: Config) -> PipelineRunner:
    # Beam's DirectRunner would hand the job to Prism where it thinks it can; ours means the in-process FnApiRunner.
    return PrismRunner() if config.runner == PRISM else FnApiRunner()


def _beam_options(config: Config, options: PipelineOptions) -> PipelineOptions:
    options.view_as(StandardOptions).streaming = config.runner == PRISM
    options.view_as(StandardOptions).runner = None
    if config.runner != PRISM:
        options.view_as(DirectOptions).direct_num_workers = 1
    return options


def _submit(config: Config, options: PipelineOptions) -> int:
    options.view_as(StandardOptions).streaming = True
    pipeline = beam.Pipeline(options=options)
    build(pipeline, config)
    result = pipeline.run()
    print(f"submitted to Dataflow: {result}")
    return 0


@contextlib.contextmanager
def _aloud(config: Config) -> Iterator:
    """Says the counts every minute of a stream, or shows a bar on a bounded run that asks for one."""
    if config.bounded:
        with tqdm(unit="asset", disable=not config.progress) as bar:

            def show() -> None:
                bar.total = COUNTS.get(IN)
                bar.update(COUNTS.settled() - bar.n)

            yield show
            show()
        return
    said_at = time.monotonic()

    def say() -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= COUNT_SECONDS:
            said_at = time.monotonic()
            print(COUNTS.line(), flush=True)

    yield say


def _drain(job: _Job) -> None:
    """Hands out nothing new, waits for what is in work, returns the rest."""
    print("draining: what is in work is finished, the rest is returned", flush=True)
    STOPPING.set()
    FEEDS.stop()
    end = time.monotonic() + DRAIN_SECONDS
    while job.is_alive() and time.monotonic() < end and COUNTS.in_work() > 0:
        job.join(LOOK_SECONDS)


def _silence_threads() -> None:
    """Prism is about to end, and every thread that talks to it would say so with a traceback."""
    logging.disable(logging.CRITICAL)
    threading.excepthook = lambda _: None


def _conclude(config: Config, job: _Job, stopped: bool) -> int:
    unfinished = COUNTS.in_work()
    if not config.bounded or stopped:
        # What never reached its end in this process is the broker's again, or waits in the folder.
        COUNTS.add(RETURNED, unfinished)
    print(COUNTS.line(), *COUNTS.reasons(), sep="\n", flush=True)
    if COUNTS.get(OutcomeKind.DEAD_LETTERED.value):
        print(f"why some were dead-lettered is in the view open_dead_letters of {config.warehouse}")
    if config.bounded and COUNTS.get(RETURNED):
        print("what was returned has not been processed: run the job again")
    if stopped or job.failure is None:
        return 0
    print(f"the job failed: {(str(job.failure).strip().splitlines() or [repr(job.failure)])[-1]}", file=sys.stderr)
    if config.bounded and unfinished:
        print(f"{unfinished} were not finished: mend this, and run the job again", file=sys.stderr)
    return START_AGAIN if not config.bounded else 1


def _backoff(seconds: float) -> float:
    """Seconds to wait after a run of so many seconds: longer after each failure in a row."""
    restarts = 0 if seconds > HEALTHY_SECONDS else int(os.environ.get(RESTARTS, "0"))
    os.environ[RESTARTS] = str(restarts + 1)
    wait = min(LONGEST_BACKOFF_SECONDS, 2**restarts) * random.uniform(0.5, 1)
    print(f"the job starts again in {wait:.1f} s", file=sys.stderr, flush=True)
    return wait


def start_again() -> NoReturn:
    """Replaces this process with a fresh one: whatever a failed bundle left behind is gone with it."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
