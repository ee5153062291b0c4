"""The last step: counts each event's one outcome, and acknowledges its message after the write."""

from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from media.records import Outcome, OutcomeKind, Receipt
from transforms.counts import COUNTS, RETURNED
from transforms.sources.feed import FEEDS


@dataclass
class Settle(beam.PTransform):
    """Settles outcomes. Where the runner acknowledges, no feed is open here, and settling only counts."""

    def expand(self, outcomes: beam.PCollection[Outcome]) -> Any:
        """No output."""
        return outcomes | "Acknowledge" >> beam.ParDo(_SettleDoFn())


@dataclass
class GiveBack(beam.PTransform):
    """Returns messages to their broker, because a store is down; the source pauses."""

    def expand(self, receipts: beam.PCollection[Receipt]) -> Any:
        """No output."""
        return receipts | "Return" >> beam.ParDo(_GiveBackDoFn())


class _SettleDoFn(beam.DoFn):
    def process(self, outcome: Outcome) -> None:
        COUNTS.add(outcome.kind.value)
        if outcome.kind is OutcomeKind.IGNORED:
            COUNTS.add_reason(outcome.reason)
        ledger = FEEDS.ledger(outcome.receipt.source)
        if ledger is not None:
            ledger.settle(outcome.receipt)


class _GiveBackDoFn(beam.DoFn):
    def process(self, receipt: Receipt) -> None:
        COUNTS.add(RETURNED)
        ledger = FEEDS.ledger(receipt.source)
        if ledger is not None:
            ledger.give_back(receipt.message_id)
