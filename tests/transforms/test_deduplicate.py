"""The dedup window, with a clock of the test's own."""

from datetime import datetime, timezone

import apache_beam as beam
import pytest
from apache_beam.coders import FloatCoder, TupleCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing import test_stream
from apache_beam.testing.util import assert_that, equal_to

from media.records import EventKind, Notification, Receipt, UploadEvent
from transforms.coders import RecordCoder, register_coders
from transforms.deduplicate import DUPLICATES, UNIQUE, Deduplicate

AT = datetime(2026, 1, 1, tzinfo=timezone.utc)
WINDOW = 600.0
NOW = [0.0]
"""Seconds of the test's clock; the graph's copy of the clock reads it by name."""


def clock():
    return NOW[0]


def event(key, message_id):
    notification, receipt = Notification("s", message_id, b""), Receipt("s", message_id)
    return UploadEvent(f"gs://b/{key}", EventKind.UPLOAD, "1", "1", key, AT, notification, receipt=receipt)


def labels(outputs):
    return (
        outputs[UNIQUE] | beam.Map(lambda unique: f"unique {unique.receipt.message_id}"),
        outputs[DUPLICATES] | "d" >> beam.Map(lambda outcome: f"{outcome.kind.value} {outcome.receipt.message_id}"),
    ) | beam.Flatten()


@pytest.fixture(autouse=True)
def _coders():
    register_coders()


def run_stream(steps, expected):
    """Runs the window over a stream; each step sets the clock to so many seconds and then gives one event."""
    stream = test_stream.TestStream(coder=TupleCoder((FloatCoder(), RecordCoder(UploadEvent))))
    now = NOW[0] = 0.0
    for at, given in steps:
        stream = stream.advance_processing_time(at - now) if at > now else stream
        stream = stream.add_elements([(at, given)])
        now = at
    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=PipelineOptions(streaming=True)) as pipeline:
        events = pipeline | stream.advance_watermark_to_infinity() | beam.MapTuple(at_its_time)
        events.element_type = UploadEvent
        assert_that(labels(events | Deduplicate(WINDOW, clock=clock)), equal_to(expected))


def at_its_time(at, given):
    NOW[0] = at
    return given


def test_another_message_with_the_same_key_is_a_duplicate_until_the_window_ends():
    run_stream(
        [(0.0, event("a", "1")), (599.9, event("a", "2")), (600.0, event("a", "3")), (700.0, event("a", "4"))],
        ["unique 1", "duplicate 2", "unique 3", "duplicate 4"],
    )


def test_duplicates_do_not_extend_the_window():
    run_stream(
        [(0.0, event("a", "1")), (500.0, event("a", "2")), (650.0, event("a", "3"))],
        ["unique 1", "duplicate 2", "unique 3"],
    )


def test_other_keys_are_not_touched():
    run_stream([(0.0, event("a", "1")), (1.0, event("b", "2"))], ["unique 1", "unique 2"])


def test_a_returned_message_that_comes_again_is_no_duplicate():
    run_stream(
        [(0.0, event("a", "1")), (1.0, event("a", "2")), (2.0, event("a", "1"))],
        ["unique 1", "duplicate 2", "unique 1"],
    )


def test_a_bounded_run_passes_one_event_of_each_key():
    given = [event("a", "1"), event("b", "2"), event("b", "3"), event("b", "4")]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        events = pipeline | beam.Create(given).with_output_types(UploadEvent)
        outputs = events | Deduplicate(WINDOW, bounded=True)
        keys = outputs[UNIQUE] | "key" >> beam.Map(lambda unique: unique.dedup_key)
        assert_that(keys, equal_to(["a", "b"]))
        count = outputs[DUPLICATES] | beam.Map(lambda outcome: outcome.kind.value)
        assert_that(count, equal_to(["duplicate", "duplicate"]), label="duplicates")
