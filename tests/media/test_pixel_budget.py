"""The budget of pixels, with real threads."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from media.pixel_budget import PixelBudget, process_budget

PATIENCE = 10
"""Seconds; a thread that is not done by then waits for ever."""


class Gauge:
    """How much is held, and the most that ever was."""

    def __init__(self):
        self.now = self.most = 0
        self.lock = threading.Lock()

    def add(self, pixels):
        with self.lock:
            self.now += pixels
            self.most = max(self.most, self.now)


def started(budget, pixels):
    """A thread that holds pixels until it is told to let go; returns the events `holds` and `let_go`."""
    holds, let_go = threading.Event(), threading.Event()

    def work():
        with budget.hold(pixels):
            holds.set()
            let_go.wait(PATIENCE)

    threading.Thread(target=work, daemon=True).start()
    return holds, let_go


def test_no_more_than_the_budget_is_held_and_everybody_gets_through():
    budget, gauge = PixelBudget(100), Gauge()

    def work(pixels):
        with budget.hold(pixels):
            gauge.add(min(pixels, 100))
            time.sleep(0.001)
            gauge.add(-min(pixels, 100))
        return pixels

    asked = [10, 60, 100, 33, 1, 400] * 20
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, asked, timeout=PATIENCE)) == asked
    assert gauge.now == 0
    assert 60 < gauge.most <= 100


def test_an_image_above_the_whole_budget_runs_alone():
    budget = PixelBudget(100)
    small, small_goes = started(budget, 1)
    assert small.wait(PATIENCE)
    huge, huge_goes = started(budget, 1000)
    assert not huge.wait(0.05)
    small_goes.set()
    assert huge.wait(PATIENCE)
    other, other_goes = started(budget, 1)
    assert not other.wait(0.05)
    huge_goes.set()
    assert other.wait(PATIENCE)
    other_goes.set()


def test_a_large_image_is_not_overtaken():
    budget = PixelBudget(100)
    first, first_goes = started(budget, 60)
    assert first.wait(PATIENCE)
    large, large_goes = started(budget, 100)
    assert not large.wait(0.05)
    small, small_goes = started(budget, 10)  # would fit beside the first one, but came after the large one
    assert not small.wait(0.05)
    first_goes.set()
    assert large.wait(PATIENCE)
    large_goes.set()
    assert small.wait(PATIENCE)
    small_goes.set()


def fail(budget):
    with budget.hold(100):
        raise KeyError("inside")


def test_pixels_are_given_back_after_an_error():
    budget = PixelBudget(100)
    with pytest.raises(KeyError):
        fail(budget)
    holds, let_go = started(budget, 100)
    assert holds.wait(PATIENCE)
    let_go.set()


def test_a_process_has_one_budget_of_a_size():
    assert process_budget(12_345) is process_budget(12_345)
    assert process_budget(12_345) is not process_budget(12_346)


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(ValueError, match="0 pixels"):
        PixelBudget(0)
