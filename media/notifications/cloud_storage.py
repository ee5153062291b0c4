"""Cloud Storage through Pub/Sub: attributes, with the object's JSON resource as payload or without one.

Source: https://cloud.google.com/storage/docs/pubsub-notifications
"""

from typing import Any

from media.errors import MalformedNotification
from media.notifications.facts import Fact, ObjectFact, moment, optional_number, optional_text, text, whole_number
from media.records import EventKind, Notification
from media.versions import generation_order

UPLOAD = "OBJECT_FINALIZE"
GONE = frozenset({"OBJECT_DELETE", "OBJECT_ARCHIVE"})
"""An archive notification without a successor says that the live version was deleted in a versioned bucket."""
METADATA_UPDATE = "OBJECT_METADATA_UPDATE"


def matches(notification: Notification, body: Any) -> bool:
    """Whether the attributes are those that Cloud Storage sets."""
    return "eventType" in notification.attributes and "bucketId" in notification.attributes


def facts(notification: Notification, body: Any) -> list[Fact]:
    """The one fact of the message."""
    attributes = dict(notification.attributes)
    event = attributes["eventType"]
    if event == METADATA_UPDATE:
        return ["metadata update: the content is unchanged"]
    if event != UPLOAD and event not in GONE:
        return [f"{event} is no upload"]
    if event in GONE and attributes.get("overwrittenByGeneration"):
        return ["an overwritten version: its successor has its own notification"]
    bucket, name = text(attributes, "bucketId"), text(attributes, "objectId")
    if name.endswith("/"):
        return ["a folder placeholder"]
    return [_fact(notification, attributes, body if isinstance(body, dict) else {}, f"gs://{bucket}/{name}")]


def _fact(notification: Notification, attributes: dict[str, str], resource: dict[str, Any], uri: str) -> ObjectFact:
    generation = whole_number(attributes.get("objectGeneration") or resource.get("generation"), "objectGeneration")
    if (
        resource.get("generation") not in (None, "")
        and whole_number(resource["generation"], "generation") != generation
    ):
        raise MalformedNotification("the payload's generation is not the attribute's objectGeneration")
    deleted = attributes["eventType"] in GONE
    created = resource.get("timeCreated") or attributes.get("eventTime")
    published = notification.published_at
    return ObjectFact(
        uri=uri,
        kind=EventKind.DELETE if deleted else EventKind.UPLOAD,
        version=str(generation),
        version_order=generation_order(generation, deleted=deleted),
        identity=f"{generation}/{optional_number(resource.get('metageneration'), 'metageneration') or 1}",
        uploaded_at=published if created is None and published else moment(created, "eventTime"),
        size_bytes=optional_number(resource.get("size"), "size"),
        content_type=optional_text(resource.get("contentType"), "contentType"),
    )
