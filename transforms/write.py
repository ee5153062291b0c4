"""Rows → outcomes: writes every row of an asset in one step, so that settling follows all of them.

Beam's own sink does not say which rows were written, and nothing could settle after it.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import tenacity
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.timestamp import MIN_TIMESTAMP

from media.delivery import Delivery
from media.errors import RowRefused, StoreUnavailable
from media.records import AssetRows, Outcome, OutcomeKind, Status
from stores.warehouse import Warehouse, open_warehouse
from transforms.counts import COUNTS
from transforms.dead_letters import Failure, dead_letter
from transforms.ends import ALERTS, DONE, RETURNED

STAGE = "write"

PATIENCE_SECONDS = 300
"""A bounded run has no broker to return its work to, so it waits for a database that somebody has opened elsewhere."""

_LOGGER = logging.getLogger(__name__)

_BOUNDED_RETRIES = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(StoreUnavailable),
    stop=tenacity.stop_after_delay(PATIENCE_SECONDS),
    wait=tenacity.wait_random_exponential(max=10),
    before_sleep=tenacity.before_sleep_log(_LOGGER, logging.WARNING),
    reraise=True,
)

FLUSH_ROWS = 100
"""Assets per write: a bounded run comes as one bundle, and must neither hold nor lose much of it."""

FLUSH_SECONDS = 2.0
"""A bundle that takes long writes in between, so that progress is seen and kept."""


@dataclass
class Write(beam.PTransform):
    """Writes assets' rows, or dead letters.

    Attributes:
        warehouse: its URI; tables exist already.
        delivery: what happens when the warehouse is down.
    """

    warehouse: str
    delivery: Delivery

    def expand(self, rows: beam.PCollection[AssetRows | Failure]) -> Any:
        """Main output: `DONE`, the outcomes of what was written; `RETURNED`, receipts."""
        do_fn = _WriteDoFn(self.warehouse, self.delivery)
        return rows | "Append rows" >> beam.ParDo(do_fn).with_outputs(RETURNED, main=DONE)


class _WriteDoFn(beam.DoFn):
    def __init__(self, warehouse: str, delivery: Delivery) -> None:
        self._uri = warehouse
        self._delivery = delivery

    def setup(self) -> None:
        self._warehouse: Warehouse = open_warehouse(self._uri)

    def teardown(self) -> None:
        self._warehouse.close()

    def start_bundle(self) -> None:
        self._assets: list[AssetRows] = []
        self._failures: list[Failure] = []
        self._flushed_at = time.monotonic()

    def process(self, element: AssetRows | Failure) -> Iterator[Any]:
        if isinstance(element, Failure):
            self._failures.append(element)
        else:
            self._assets.append(element)
        full = len(self._assets) + len(self._failures) >= FLUSH_ROWS
        if full or time.monotonic() - self._flushed_at > FLUSH_SECONDS:
            yield from self._flush()

    def finish_bundle(self) -> Iterator[Any]:
        for output in self._flush():
            yield _in_global_window(output)

    def _flush(self) -> list[Outcome | TaggedOutput]:
        assets, failures = self._assets, self._failures
        self._assets, self._failures, self._flushed_at = [], [], time.monotonic()
        if not assets and not failures:
            return []
        try:
            return self._patiently(assets, failures)
        except StoreUnavailable as error:
            if self._delivery is not Delivery.RECEIPTS:
                raise
            _LOGGER.warning("%s: %d are returned: %s", STAGE, len(assets) + len(failures), error)
            receipts = [rows.receipt for rows in assets] + [failure.receipt for failure in failures]
            return [TaggedOutput(RETURNED, receipt) for receipt in receipts]

    def _patiently(self, assets: list[AssetRows], failures: list[Failure]) -> list[Outcome | TaggedOutput]:
        if self._delivery is not Delivery.BOUNDED:
            return list(self._write(assets, failures))
        for attempt in _BOUNDED_RETRIES:
            with attempt:
                return list(self._write(assets, failures))
        raise AssertionError("tenacity returns or raises")

    def _write(self, assets: list[AssetRows], failures: list[Failure]) -> Iterator[Outcome | TaggedOutput]:
        result = self._warehouse.write(assets, [failure.letter for failure in failures])
        refusals = [_refusal(refused.rows, refused.reason) for refused in result.refused]
        unwritable = list(result.refused_dead_letters)
        if refusals:
            unwritable += self._warehouse.write([], [failure.letter for failure in refusals]).refused_dead_letters
        yield from (_written(rows) for rows in result.written)
        lost = {refused.dead_letter.dead_letter_id: refused.reason for refused in unwritable}
        for failure in (*failures, *refusals):
            yield self._dead_lettered(failure, lost.get(failure.letter.dead_letter_id))

    def _dead_lettered(self, failure: Failure, refusal: str | None) -> Outcome | TaggedOutput:
        if refusal is None:
            return Outcome(OutcomeKind.DEAD_LETTERED, failure.receipt, failure.letter.message)
        error = RowRefused(f"the dead letter of message {failure.receipt.message_id} cannot be written: {refusal}")
        if self._delivery is not Delivery.RECEIPTS:
            raise error
        COUNTS.add(ALERTS)
        _LOGGER.error("%s: %s; the message is returned", STAGE, error)
        return TaggedOutput(RETURNED, failure.receipt)


def _refusal(rows: AssetRows, reason: str) -> Failure:
    letter = dead_letter(STAGE, RowRefused(reason), rows.notification, rows.receipt)
    return Failure(replace(letter, uri=rows.record.uri, trace_id=rows.record.trace_id), rows.receipt)


def _written(rows: AssetRows) -> Outcome:
    deleted = rows.record.status is Status.DELETED
    return Outcome(OutcomeKind.DELETED if deleted else OutcomeKind.RECORDED, rows.receipt)


def _in_global_window(output: Any) -> Any:
    if isinstance(output, TaggedOutput):
        return TaggedOutput(output.tag, GlobalWindows.windowed_value(output.value, MIN_TIMESTAMP))
    return GlobalWindows.windowed_value(output, MIN_TIMESTAMP)
