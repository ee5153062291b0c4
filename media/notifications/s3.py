"""S3 event notifications: `Records[]`, several to a message, keys URL-encoded as in a form.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from typing import Any
from urllib.parse import unquote_plus

from media.errors import MalformedNotification
from media.notifications.facts import Fact, ObjectFact, moment, optional_number, text, well_formed
from media.records import EventKind, Notification
from media.versions import sequencer_order

CREATED = "ObjectCreated:"
REMOVED = "ObjectRemoved:"
TEST_EVENT = "s3:TestEvent"
"""What S3 sends once, when a notification is configured."""


def matches(notification: Notification, body: Any) -> bool:
    """Whether the payload is a list of S3 records, or S3's test event."""
    return isinstance(body, dict) and (isinstance(body.get("Records"), list) or body.get("Event") == TEST_EVENT)


def facts(notification: Notification, body: Any) -> list[Fact]:
    """A fact for each record; one reason where there is none."""
    if body.get("Event") == TEST_EVENT:
        return ["S3's test event"]
    return [_fact_or_error(record) for record in body["Records"]] or ["a message without records"]


def _fact_or_error(record: Any) -> Fact:
    try:
        return _fact(record)
    except MalformedNotification as error:
        return error


def _fact(record: Any) -> Fact:
    event = text(record, "eventName").removeprefix("s3:")
    if not event.startswith((CREATED, REMOVED)):
        return f"{event} is no upload"
    entity = record.get("s3")
    if not isinstance(entity, dict) or not isinstance(entity.get("object"), dict):
        raise MalformedNotification("s3.object is missing")
    bucket, key = text(entity.get("bucket"), "name"), _key(entity["object"])
    if key.endswith("/"):
        return "a folder placeholder"
    return _object_fact(record, event.startswith(REMOVED), f"s3://{bucket}/{key}", entity["object"])


def _object_fact(record: dict[str, Any], deleted: bool, uri: str, described: dict[str, Any]) -> ObjectFact:
    etag, sequencer = _optional(described, "eTag"), _optional(described, "sequencer")
    version_id = _optional(described, "versionId")
    at = moment(record.get("eventTime"), "eventTime")
    return ObjectFact(
        uri=uri,
        kind=EventKind.DELETE if deleted else EventKind.UPLOAD,
        version=version_id or etag or (sequencer if deleted else ""),
        version_order=sequencer_order(at, sequencer, deleted=deleted),
        identity="/".join((sequencer or at.isoformat(), version_id, etag)),
        uploaded_at=at,
        etag=etag,
        size_bytes=optional_number(described.get("size"), "size"),
    )


def _key(described: dict[str, Any]) -> str:
    encoded = text(described, "key")
    try:
        return well_formed(unquote_plus(encoded, errors="strict"), "key")
    except UnicodeDecodeError as error:
        raise MalformedNotification(f"key is not valid UTF-8: {encoded!r}") from error


def _optional(described: dict[str, Any], name: str) -> str:
    value = described.get(name)
    return well_formed(value.strip('"'), name) if isinstance(value, str) else ""
