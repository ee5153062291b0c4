"""Deduplication in a window, with duplicates as an output, so that they settle like everything else.

A message that comes again because its first delivery was returned is no duplicate: the claim on a key belongs to a
message, and that message may come as often as its broker likes. Another message with the same key is one, and may be
settled at once, since the claimant stays unsettled until it is recorded.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.coders import FloatCoder, StrUtf8Coder, TupleCoder
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.utils.timestamp import Timestamp

from media.records import Outcome, OutcomeKind, UploadEvent

UNIQUE, DUPLICATES = "unique", "duplicates"


@dataclass
class Deduplicate(beam.PTransform):
    """Passes the first event of a key within a window that starts with it.

    Attributes:
        window_seconds: how long a key is remembered.
        bounded: whether the input ends; then events are grouped, and no timer has to be waited for.
        clock: seconds since the epoch; tests bring their own.
    """

    window_seconds: float
    bounded: bool = False
    clock: Callable[[], float] = time.time

    def expand(self, events: beam.PCollection[UploadEvent]) -> Any:
        """Main output: `UNIQUE` events; `DUPLICATES` are outcomes."""
        keyed = events | "Key" >> beam.Map(_keyed).with_output_types(tuple[str, UploadEvent])
        if self.bounded:
            grouped = keyed | "Group" >> beam.GroupByKey()
            first = beam.ParDo(_FirstOfGroupDoFn())
            return grouped | "First of group" >> first.with_outputs(DUPLICATES, main=UNIQUE)
        first = beam.ParDo(_FirstInWindowDoFn(self.window_seconds, self.clock))
        return keyed | "First in window" >> first.with_outputs(DUPLICATES, main=UNIQUE)


def _keyed(event: UploadEvent) -> tuple[str, UploadEvent]:
    return event.dedup_key, event


def _duplicate(event: UploadEvent) -> TaggedOutput:
    return TaggedOutput(DUPLICATES, Outcome(OutcomeKind.DUPLICATE, event.receipt, "seen within the window"))


class _FirstOfGroupDoFn(beam.DoFn):
    def process(self, group: tuple[str, Iterable[UploadEvent]]) -> Iterator[Any]:
        _, events = group
        for index, event in enumerate(events):
            yield event if index == 0 else _duplicate(event)


class _FirstInWindowDoFn(beam.DoFn):
    CLAIM = ReadModifyWriteStateSpec("claim", TupleCoder((StrUtf8Coder(), FloatCoder())))
    EXPIRY = TimerSpec("expiry", TimeDomain.REAL_TIME)

    def __init__(self, window_seconds: float, clock: Callable[[], float]) -> None:
        self._window_seconds = window_seconds
        self._clock = clock

    def process(
        self,
        keyed: tuple[str, UploadEvent],
        claim: Any = beam.DoFn.StateParam(CLAIM),
        expiry: Any = beam.DoFn.TimerParam(EXPIRY),
    ) -> Iterator[Any]:
        _, event = keyed
        claimant, expires = claim.read() or ("", 0.0)
        now = self._clock()
        if now < expires:
            yield event if claimant == _delivery(event) else _duplicate(event)
            return
        claim.write((_delivery(event), now + self._window_seconds))
        expiry.set(Timestamp(now + self._window_seconds))
        yield event

    @on_timer(EXPIRY)
    def _expire(self, claim: Any = beam.DoFn.StateParam(CLAIM)) -> None:
        # A timer may be late or belong to an earlier claim; the clock decides, and a later claim keeps its own timer.
        _, expires = claim.read() or ("", 0.0)
        if self._clock() >= expires:
            claim.clear()


def _delivery(event: UploadEvent) -> str:
    return f"{event.receipt.message_id}#{event.receipt.part}"
