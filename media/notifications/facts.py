"""What every notification shape yields, and how its values are checked."""

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from media.errors import MalformedNotification
from media.records import EventKind

MAX_NAME_BYTES = 4096
"""Object names end at 1024 bytes (GCS, S3), paths at 4096 (Linux); longer ones are damaged."""

LARGEST_NUMBER = 2**63 - 1
"""Sizes, generations and times are signed 64-bit in every store."""


@dataclass(frozen=True)
class ObjectFact:
    """One object was uploaded or deleted.

    Attributes:
        identity: tells this fact from another of the same kind and URI, for deduplication.
    """

    uri: str
    kind: EventKind
    version: str
    version_order: str
    identity: str
    uploaded_at: datetime
    etag: str = ""
    size_bytes: int | None = None
    content_type: str | None = None


Fact = ObjectFact | MalformedNotification | str
"""A fact, a part that cannot be read, or the reason why a part is no upload."""


def text(values: Any, name: str) -> str:
    """A required, non-empty text that UTF-8 can hold."""
    value = values.get(name) if isinstance(values, dict) else None
    if not isinstance(value, str) or not value:
        raise MalformedNotification(f"{name} is missing")
    return well_formed(value, name)


def optional_text(value: Any, name: str) -> str | None:
    """A text that may be absent; anything else is malformed."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise MalformedNotification(f"{name} is no text: {value!r}")
    return well_formed(value, name)


def well_formed(value: str, name: str) -> str:
    """The value, if UTF-8 can hold it and its length is possible."""
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise MalformedNotification(f"{name} is not valid UTF-8: {value!r}") from error
    if size > MAX_NAME_BYTES:
        raise MalformedNotification(f"{name} is {size} bytes long, the limit is {MAX_NAME_BYTES}")
    return value


def whole_number(value: Any, name: str) -> int:
    """A required whole number of zero or more, written as a number or as text."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise MalformedNotification(f"{name} is no whole number: {value!r}") from error
    if not 0 <= number <= LARGEST_NUMBER:
        raise MalformedNotification(f"{name} is out of range: {number}")
    return number


def optional_number(value: Any, name: str) -> int | None:
    """As `whole_number`, where it may be absent."""
    return None if value is None or value == "" else whole_number(value, name)


def moment(value: Any, name: str) -> datetime:
    """A required RFC 3339 time, as aware UTC."""
    if not isinstance(value, str):
        raise MalformedNotification(f"{name} is missing")
    try:
        at = datetime.fromisoformat(value.replace("Z", "+00:00"))
        return at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise MalformedNotification(f"{name} is no time: {value!r}") from error
