"""Notification shapes: what brokers say of an object, one small file each, detected by content.

A shape is a module with `matches(notification, body)` and `facts(notification, body)`; adding one touches `SHAPES`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from media.coding import RecordCodec
from media.errors import MalformedNotification
from media.notifications import cloud_storage, listing, s3
from media.notifications.facts import Fact, ObjectFact
from media.records import Notification, Receipt, UploadEvent

SHAPES = (listing, cloud_storage, s3)
"""In the order in which they are tried."""


_CODEC = RecordCodec(UploadEvent)


@dataclass(frozen=True)
class Ignored:
    """A part of a message that is no upload: counted, settled and forgotten."""

    receipt: Receipt
    reason: str


@dataclass(frozen=True)
class Malformed:
    """A part of a message that cannot be read; dead-lettered with the message's bytes."""

    receipt: Receipt
    error: MalformedNotification


Part = UploadEvent | Ignored | Malformed


def parse(notification: Notification) -> tuple[Part, ...]:
    """Reads a message into its parts; at least one, so that every message can be settled.

    Never raises on content: what cannot be read comes back as `Malformed`.
    """
    try:
        facts = _facts(notification)
    except MalformedNotification as error:
        facts = [error]
    parts = len(facts)
    return tuple(_part(notification, fact, index, parts) for index, fact in enumerate(facts))


def _facts(notification: Notification) -> Sequence[Fact]:
    body = _json(notification)
    for shape in SHAPES:
        if shape.matches(notification, body):
            return shape.facts(notification, body)
    raise MalformedNotification("neither a Cloud Storage nor an S3 notification: its form is not known")


def _json(notification: Notification) -> Any:
    if not notification.payload:
        return None
    try:
        return json.loads(notification.payload)
    except (ValueError, RecursionError) as error:
        raise MalformedNotification(f"the payload is not JSON: {error}") from error


def _part(notification: Notification, fact: Fact, index: int, parts: int) -> Part:
    receipt = Receipt(notification.source, notification.message_id, index, parts)
    if isinstance(fact, MalformedNotification):
        return Malformed(receipt, fact)
    if isinstance(fact, str):
        return Ignored(receipt, fact)
    event = _event(notification, fact, receipt)
    try:
        # What no coder can carry would end the job wherever it is first encoded, again and again.
        _CODEC.decode(_CODEC.encode(event))
    except ValueError as error:
        return Malformed(receipt, MalformedNotification(f"its values cannot be carried: {error}"))
    return event


def _event(notification: Notification, fact: ObjectFact, receipt: Receipt) -> UploadEvent:
    return UploadEvent(
        uri=fact.uri,
        kind=fact.kind,
        version=fact.version,
        version_order=fact.version_order,
        dedup_key="|".join((fact.kind.value, fact.identity, fact.uri)),
        uploaded_at=fact.uploaded_at,
        notification=notification,
        etag=fact.etag,
        size_bytes=fact.size_bytes,
        content_type=fact.content_type,
        receipt=receipt,
        trace_id=trace_id(receipt),
    )


def trace_id(receipt: Receipt) -> str:
    """32 hex digits that follow one part of one message; the same on every delivery."""
    name = "\0".join((receipt.source, receipt.message_id, str(receipt.part)))
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:32]
