"""DoFns whose work runs in one pool of threads per process.

Decoding, resizing, encoding and ExifTool release the GIL. A runner may hand a worker one bundle at a time; submitting
its elements to a pool that all bundles share, and collecting them before the bundle ends, keeps every core busy
whatever the runner does.
"""

import abc
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

PENDING_PER_THREAD = 2
"""Elements of one bundle that may wait in the pool: enough that no thread idles while a result is handed on."""

STOPPING = threading.Event()
"""Set when the process drains: work that has not begun is given back instead."""

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def pool_threads() -> int:
    """One thread for each core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shared_pool() -> ThreadPoolExecutor:
    """The pool of this process; made at its first use."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(pool_threads(), thread_name_prefix="work")
        return _pool


class PooledDoFn(beam.DoFn, abc.ABC):
    """Runs `work` on the elements of a bundle side by side; outputs keep the order of their elements.

    `work` must not wait for other work of the pool. Its outputs are values or `TaggedOutput`s; it is the guard of its
    step, and raises only what must fail the bundle.
    """

    MAX_PENDING: ClassVar[int] = PENDING_PER_THREAD * pool_threads()

    @abc.abstractmethod
    def work(self, element: Any) -> Iterable[Any]:
        """What one element becomes; called in a thread of the pool."""

    def start_bundle(self) -> None:
        """Begins a bundle."""
        self._pending: deque[tuple[Future[list[Any]], Timestamp, Any]] = deque()

    def process(
        self,
        element: Any,
        timestamp: Any = beam.DoFn.TimestampParam,
        window: Any = beam.DoFn.WindowParam,
    ) -> Iterator[Any]:
        """Submits the element, and hands on what is ready."""
        self._pending.append((shared_pool().submit(lambda: list(self.work(element))), timestamp, window))
        yield from self._collect(self.MAX_PENDING)

    def finish_bundle(self) -> Iterator[Any]:
        """Waits for the rest of the bundle."""
        yield from self._collect(0)

    def _collect(self, allowed: int) -> Iterator[Any]:
        while self._pending and (len(self._pending) > allowed or self._pending[0][0].done()):
            future, timestamp, window = self._pending.popleft()
            for output in future.result():
                yield _windowed(output, timestamp, window)


def _windowed(output: Any, timestamp: Timestamp, window: Any) -> Any:
    if isinstance(output, TaggedOutput):
        return TaggedOutput(output.tag, WindowedValue(output.value, timestamp, (window,)))
    return WindowedValue(output, timestamp, (window,))
