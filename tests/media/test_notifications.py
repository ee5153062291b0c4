"""Notification shapes: real messages' forms, and whatever else a broker may carry."""

import json
import stat
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.coding import RecordCodec
from media.errors import MalformedNotification
from media.notifications import Ignored, Malformed, parse
from media.notifications.listing import FoundFile, file_notification
from media.records import EventKind, Notification, UploadEvent

OVERWRITTEN = "an overwritten version: its successor has its own notification"
PUBLISHED = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)


def gcs(event="OBJECT_FINALIZE", name="wedding/a b+c.jpg", generation="1770000000000001", payload=None, **attributes):
    resource = {
        "name": name,
        "bucket": "photos",
        "generation": generation,
        "metageneration": "1",
        "size": "5242880",
        "contentType": "image/jpeg",
        "timeCreated": "2026-02-02T02:40:00.000Z",
    }
    body = json.dumps(resource).encode() if payload is None else payload
    base = {"eventType": event, "bucketId": "photos", "objectId": name, "objectGeneration": generation}
    return Notification("pubsub://p/s", "m1", body, {**base, **attributes}, PUBLISHED)


def s3_record(key="wedding/a+b%2Bc.jpg", event="ObjectCreated:Put", **described):
    return {
        "eventName": event,
        "eventTime": "2026-02-02T02:40:00.000Z",
        "s3": {"bucket": {"name": "photos"}, "object": {"key": key, **described}},
    }


def s3(*records):
    return Notification("pubsub://p/s", "m1", json.dumps({"Records": records}).encode(), {}, PUBLISHED)


def found(path, root="/in", observed_ns=10**18, size=2, **details):
    return file_notification(root, FoundFile(path, observed_ns, size=size, **details))


def only(notification):
    (part,) = parse(notification)
    return part


def test_an_upload_to_cloud_storage():
    event = only(gcs())
    assert isinstance(event, UploadEvent)
    assert event.uri == "gs://photos/wedding/a b+c.jpg"
    assert event.kind is EventKind.UPLOAD
    assert event.version == "1770000000000001"
    assert event.size_bytes == 5242880
    assert event.content_type == "image/jpeg"
    assert event.uploaded_at == datetime(2026, 2, 2, 2, 40, tzinfo=timezone.utc)


def test_an_upload_without_payload_is_dated_by_its_message():
    event = only(gcs(payload=b""))
    assert (event.uri, event.uploaded_at) == ("gs://photos/wedding/a b+c.jpg", PUBLISHED)


@pytest.mark.parametrize("event", ["OBJECT_DELETE", "OBJECT_ARCHIVE"])
def test_a_delete_sorts_above_the_upload_it_deletes_and_below_the_next_one(event):
    upload, deleted = only(gcs()), only(gcs(event))
    successor = only(gcs(generation="1770000000000002"))
    assert deleted.kind is EventKind.DELETE
    assert upload.version_order < deleted.version_order < successor.version_order
    assert len({upload.dedup_key, deleted.dedup_key, successor.dedup_key}) == 3


@pytest.mark.parametrize(
    ("notification", "reason"),
    [
        (gcs("OBJECT_METADATA_UPDATE"), "metadata update: the content is unchanged"),
        (
            gcs("OBJECT_DELETE", overwrittenByGeneration="9"),
            OVERWRITTEN,
        ),
        (
            gcs("OBJECT_ARCHIVE", overwrittenByGeneration="9"),
            OVERWRITTEN,
        ),
        (gcs(name="wedding/"), "a folder placeholder"),
        (s3(s3_record(event="ObjectTagging:Put")), "ObjectTagging:Put is no upload"),
        (s3(), "a message without records"),
        (Notification("s", "m", b'{"Event": "s3:TestEvent"}'), "S3's test event"),
    ],
)
def test_what_is_no_upload_is_ignored_with_a_reason(notification, reason):
    part = only(notification)
    assert isinstance(part, Ignored)
    assert part.reason == reason


def test_keys_of_s3_are_decoded_once():
    assert only(s3(s3_record("a+b%2Bc%0A%25.jpg"))).uri == "s3://photos/a b+c\n%.jpg"


def test_a_message_of_several_records_has_a_part_for_each():
    good, ignored, broken = parse(s3(s3_record(eTag='"e1"', versionId="v1"), s3_record(event="x:y"), {"eventName": 1}))
    assert (good.version, good.etag) == ("v1", "e1")
    assert isinstance(ignored, Ignored)
    assert isinstance(broken, Malformed)
    assert [(part.receipt.part, part.receipt.parts) for part in (good, ignored, broken)] == [(0, 3), (1, 3), (2, 3)]


def test_sequencers_of_one_moment_order_versions():
    early = only(s3(s3_record(sequencer="0055AED6DCD90281E5")))
    late = only(s3(s3_record(sequencer="0055AED6DCD90281E6")))
    deleted = only(s3(s3_record(sequencer="0055AED6DCD90281E6", event="ObjectRemoved:Delete")))
    assert early.version_order < late.version_order < deleted.version_order


@pytest.mark.parametrize(
    "notification",
    [
        Notification("s", "m", b"\xff\xfe not json"),
        Notification("s", "m", b'{"unknown": "form"}'),
        Notification("s", "m", b""),
        Notification("s", "m", b"[" * 100_000),
        gcs(generation="nine"),
        gcs(generation=str(2**70)),
        gcs(name="\ud800.jpg"),
        gcs(name="x" * 5000),
        gcs(payload=b'{"generation": "3"}'),
        s3(s3_record("%ff%fe")),
        s3(s3_record(size="many")),
        s3({**s3_record(), "eventTime": "yesterday"}),
        s3({**s3_record(), "eventTime": "0001-01-01T00:00:00+05:00"}),
        gcs(payload=b'{"contentType": 5}'),
        gcs(payload=b'{"contentType": "\\ud800"}'),
        gcs(payload=b'{"metageneration": "\\ud800"}'),
        gcs(payload=b'{"timeCreated": "9999-12-31T23:59:59-05:00"}'),
    ],
)
def test_what_cannot_be_read_is_malformed(notification):
    part = only(notification)
    assert isinstance(part, Malformed)
    assert isinstance(part.error, MalformedNotification)
    assert str(part.error)


def test_a_listed_file_with_a_name_that_is_no_utf8_is_malformed_and_keeps_its_bytes():
    notification = found("/in/caf\udce9.jpg")
    assert isinstance(only(notification), Malformed)
    assert b"caf\\udce9.jpg" in notification.payload


def test_a_publisher_cannot_point_the_job_at_local_files():
    listed = found("/etc/passwd", root="/etc")
    part = only(Notification("pubsub://p/s", "m", listed.payload))
    assert isinstance(part, Malformed)


@pytest.mark.parametrize("path", ["/in/.DS_Store", "/in/.git/objects/a", "/in/Thumbs.db"])
def test_hidden_files_are_ignored(path):
    assert only(found(path)).reason == "a hidden file"


def test_hidden_folders_above_the_input_hide_nothing():
    assert only(found("/home/.in/a.jpg", root="/home/.in")).uri == "/home/.in/a.jpg"


def test_a_later_look_outranks_an_earlier_one_whatever_the_file_says_of_its_age():
    first = only(found("/in/a.jpg", observed_ns=10**18, mtime_ns=2 * 10**18))
    restored = only(found("/in/a.jpg", observed_ns=10**18 + 1, mtime_ns=-(10**18)))
    gone = only(found("/in/a.jpg", observed_ns=10**18 + 2, deleted=True))
    back = only(found("/in/a.jpg", observed_ns=10**18 + 3, mtime_ns=2 * 10**18))
    assert first.version_order < restored.version_order < gone.version_order < back.version_order
    assert (first.version, first.version) == (back.version, "2000000000000000000-2")
    assert len({event.dedup_key for event in (first, restored, gone, back)}) == 4


@pytest.mark.parametrize("mtime_ns", [-(10**18), 0, 2**63])
def test_a_file_may_be_of_any_age(mtime_ns):
    assert only(found("/in/a.jpg", mtime_ns=mtime_ns)).version == f"{mtime_ns}-2"


def test_what_cannot_be_looked_at_is_malformed_with_its_path():
    part = only(found("/in/closed", error="Permission denied"))
    assert str(part.error) == "/in/closed cannot be looked at: Permission denied"
    assert part.error.uri == "/in/closed"


@pytest.mark.parametrize(("mode", "reason"), [(stat.S_IFLNK, "a symbolic link"), (stat.S_IFIFO, "no regular file")])
def test_only_regular_files_are_uploads(mode, reason):
    assert only(found("/in/a.jpg", mode=mode)).reason == reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()), st.dictionaries(st.text(), st.text()))
def test_any_message_has_parts_that_settle_it(payload, attributes):
    parts = parse(Notification("s", "m", payload, attributes, PUBLISHED))
    assert [part.receipt.part for part in parts] == list(range(len(parts)))
    assert {part.receipt.parts for part in parts} == {len(parts)}


@given(
    st.dictionaries(
        st.sampled_from(["contentType", "metageneration", "size", "timeCreated", "generation"]), json_values
    )
)
def test_whatever_cloud_storage_says_of_an_object_can_be_carried(resource):
    part = only(gcs(payload=json.dumps(resource).encode()))
    if isinstance(part, UploadEvent):
        codec = RecordCodec(UploadEvent)
        assert codec.decode(codec.encode(part)) == part
    else:
        assert isinstance(part, Malformed)


def test_the_same_bytes_put_again_after_a_delete_are_another_fact_even_without_a_sequencer():
    first = only(s3(s3_record(eTag="e")))
    again = only(s3({**s3_record(eTag="e"), "eventTime": "2026-02-02T02:41:00.000Z"}))
    repeated = only(s3(s3_record(eTag="e")))
    assert first.dedup_key == repeated.dedup_key != again.dedup_key


@given(json_values, json_values, json_values)
def test_damage_inside_a_record_stays_in_its_record(entity, described, at):
    damaged = {"eventName": "ObjectCreated:Put", "eventTime": at, "s3": {"bucket": entity, "object": described}}
    whole = {"eventName": "ObjectCreated:Put", "eventTime": at, "s3": entity}
    good, *others = parse(s3(s3_record(), damaged, whole))
    assert isinstance(good, UploadEvent)
    assert all(isinstance(part, Malformed | Ignored) for part in others)
