"""The one shape of failure: a dead letter with the receipt of the event that failed."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timezone

from media.errors import AssetError
from media.records import DeadLetter, Notification, Receipt, UploadEvent

UNEXPECTED = "Unexpected"
"""Prefix of the error type where no `AssetError` foresaw it: a defect of ours, to be alerted on."""


@dataclass(frozen=True)
class Failure:
    """A dead letter on its way to the warehouse, and what to settle once it is there."""

    letter: DeadLetter
    receipt: Receipt


def dead_letter(
    stage: str, error: BaseException, notification: Notification, receipt: Receipt, event: UploadEvent | None = None
) -> DeadLetter:
    """Describes a failure for the person who has to mend it, with the notification as it came."""
    known = isinstance(error, AssetError)
    name = type(error).__name__
    uri = event.uri if event else getattr(error, "uri", None)
    about = (uri, event.version if event else "") if uri else (receipt.source, receipt.message_id, str(receipt.part))
    identity = "\0".join((*about, stage, name))
    return DeadLetter(
        dead_letter_id=hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:32],
        stage=stage,
        error_type=name if known else f"{UNEXPECTED}:{name}",
        message=str(error) if known else f"{name}: {error}",
        retryable=isinstance(error, AssetError) and error.retryable,
        occurred_at=datetime.now(timezone.utc),
        payload=notification.payload,
        attributes=json.dumps(dict(notification.attributes), ensure_ascii=False, sort_keys=True),
        source=notification.source,
        message_id=notification.message_id,
        uri=uri,
        trace_id=event.trace_id if event else "",
    )


def event_failure(stage: str, error: BaseException, event: UploadEvent) -> Failure:
    """A failure of one event."""
    return Failure(dead_letter(stage, error, event.notification, event.receipt, event), event.receipt)
