"""A process's limit on decoded pixels at one time: memory follows pixels, not files."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class PixelBudget:
    """A weighted semaphore, first come, first served.

    A large image is never overtaken for ever by small ones; one larger than the whole budget runs alone. A thread that
    holds pixels must not ask for more: it could wait for itself.
    """

    def __init__(self, pixels: int) -> None:
        if pixels < 1:
            raise ValueError(f"a budget of {pixels} pixels would let nothing pass")
        self._capacity = pixels
        self._in_use = 0
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Waits until so many pixels are free, and holds them."""
        weight = min(pixels, self._capacity)
        self._take(weight)
        try:
            yield
        finally:
            with self._changed:
                self._in_use -= weight
                self._changed.notify_all()

    def _take(self, weight: int) -> None:
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                self._changed.wait_for(
                    lambda: self._queue[0] is ticket and self._in_use + weight <= self._capacity,
                )
                self._in_use += weight
            finally:
                self._queue.remove(ticket)  # on an interrupt too, or everybody behind it would wait for ever
                self._changed.notify_all()


_BUDGETS: dict[int, PixelBudget] = {}


def process_budget(pixels: int) -> PixelBudget:
    """The one budget of this size in this process, whoever asks; limits travel by pickle, and a lock cannot."""
    return _BUDGETS.setdefault(pixels, PixelBudget(pixels))
