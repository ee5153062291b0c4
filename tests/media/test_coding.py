"""Stable bytes: what one release wrote, the next one reads."""

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.coding import RecordCodec
from media.records import Decision, EventKind, Notification, Receipt, UploadEvent

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)

FIRST_RELEASE = (
    b'\x01{"uri":"gs://photos/a.jpg","kind":"upload","version":"7","version_order":"0007","dedup_key":"k",'
    b'"uploaded_at":"2026-01-02T03:04:05.678901Z","notification":{"source":"pubsub://p/s","message_id":"m",'
    b'"payload":"_w==","attributes":{"a":"b"},"published_at":null},"etag":"","size_bytes":3,"content_type":null,'
    b'"decision":{"rule":"default","team":"default","contributor":null,"preset":"product","profiles":["agency"],'
    b'"tagging":"auto","keep_location":false,"ignore":false},"receipt":{"source":"pubsub://p/s","message_id":"m",'
    b'"part":0,"parts":2},"trace_id":"t"}'
)
"""Written by release 0.1.0; never edited."""


def event():
    notification = Notification("pubsub://p/s", "m", b"\xff", {"a": "b"})
    receipt = Receipt("pubsub://p/s", "m", 0, 2)
    return UploadEvent(
        "gs://photos/a.jpg", EventKind.UPLOAD, "7", "0007", "k", AT, notification, "", 3, None, Decision(), receipt, "t"
    )


def test_the_first_release_is_decoded():
    assert RecordCodec(UploadEvent).decode(FIRST_RELEASE) == event()


def test_the_layout_has_not_changed():
    assert RecordCodec(UploadEvent).encode(event()) == FIRST_RELEASE


def test_fields_of_a_later_release_are_passed_over_and_missing_ones_defaulted():
    bytes_without = FIRST_RELEASE.replace(b',"trace_id":"t"', b',"added_later":{"x":[1]}')
    assert RecordCodec(UploadEvent).decode(bytes_without).trace_id == ""


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="unknown record format"):
        RecordCodec(Notification).decode(b"\x02{}")


@given(st.binary(), st.dictionaries(st.text(), st.text()), st.datetimes(timezones=st.just(timezone.utc)) | st.none())
def test_any_notification_survives(payload, attributes, published_at):
    notification = Notification("s", "m", payload, attributes, published_at)
    codec = RecordCodec(Notification)
    assert codec.decode(codec.encode(notification)) == notification
