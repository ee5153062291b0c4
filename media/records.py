"""The records that travel the job: Notification → UploadEvent → AssetRecord → rows.

All are frozen dataclasses. Times are timezone-aware UTC. Sequences are tuples, so that records hash and compare.
The columns of the warehouse are derived from `AssetRecord`, `RawMetadata`, `CompletenessRow` and `DeadLetter`
by `media.schema`: a field here is a column there.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

BYTES_AS_BASE64 = {"ser_json_bytes": "base64", "val_json_bytes": "base64"}
"""How `media.coding` writes payloads, which need not be text."""


class EventKind(str, enum.Enum):
    """What happened to the object."""

    UPLOAD = "upload"
    DELETE = "delete"


class OutcomeKind(str, enum.Enum):
    """The one way in which every upload ends."""

    RECORDED = "recorded"
    DELETED = "deleted"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    DEAD_LETTERED = "dead-lettered"


class Status(str, enum.Enum):
    """State of an asset version; `partial` means that an optional step failed and is listed in `issues`."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    DELETED = "deleted"


@dataclass(frozen=True)
class Receipt:
    """Names the part of a message that one event came from; settled when the last part is.

    Attributes:
        source: URI of the source that pulled the message; empty where the runner itself acknowledges.
        message_id: the broker's identifier of the message; stable across redeliveries.
        part: index of this event in the message, from 0.
        parts: how many events the message holds, at least 1.
    """

    source: str = ""
    message_id: str = ""
    part: int = 0
    parts: int = 1


@dataclass(frozen=True)
class Notification:
    """A message as a source received it, before anybody has looked into it.

    Attributes:
        source: URI of the source, for instance `pubsub://PROJECT/SUBSCRIPTION`.
        message_id: the broker's identifier, stable across redeliveries.
        payload: the message's bytes, untouched.
        attributes: the message's attributes (Pub/Sub) or headers.
        published_at: when the broker took it, UTC.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = BYTES_AS_BASE64

    source: str
    message_id: str
    payload: bytes
    attributes: Mapping[str, str] = field(default_factory=dict)
    published_at: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """What `routes.yaml` says of one object.

    Attributes:
        rule: the pattern that matched, or "default".
        team: owner of the asset.
        contributor: who uploaded it, where the pattern captures it.
        preset: name of the variant preset.
        profiles: names of completeness profiles, scored in this order.
        tagging: `auto`, `always` or `never`.
        keep_location: whether variants may carry GPS.
        ignore: whether the object is left out of the job.
    """

    rule: str = "default"
    team: str = "default"
    contributor: str | None = None
    preset: str = "product"
    profiles: tuple[str, ...] = ("agency",)
    tagging: str = "auto"
    keep_location: bool = False
    ignore: bool = False


@dataclass(frozen=True)
class UploadEvent:
    """One object that was uploaded or deleted; a URI and a version, never bytes.

    Attributes:
        uri: `gs://`, `s3://` or an absolute path.
        kind: upload or delete.
        version: GCS generation; S3 versionId, else ETag; mtime in ns and size for files. May be empty for S3
            until the object has been opened.
        version_order: sortable, see `media.versions`.
        dedup_key: equal for two notifications of the same fact.
        uploaded_at: when the store took the object, UTC.
        etag: for conditional reads; empty where the store gave none.
        size_bytes: as the notification declares it.
        content_type: as the notification declares it.
        decision: what the routes decided.
        receipt: what to settle.
        notification: the original, for dead letters.
        trace_id: 32 hex digits, carried from notification to row.
    """

    uri: str
    kind: EventKind
    version: str
    version_order: str
    dedup_key: str
    uploaded_at: datetime
    notification: Notification
    etag: str = ""
    size_bytes: int | None = None
    content_type: str | None = None
    decision: Decision = Decision()
    receipt: Receipt = Receipt()
    trace_id: str = ""


@dataclass(frozen=True)
class Issue:
    """An optional step that failed, or something odd about the file: stage and a reason for a person."""

    stage: str
    reason: str


@dataclass(frozen=True)
class StageLatency:
    """Wall-clock milliseconds that a stage took."""

    stage: str
    ms: float


@dataclass(frozen=True)
class Provenance:
    """Where the value of a reconciled field came from, as ExifTool's group and tag (`XMP-dc:Title`)."""

    field: str
    source: str


@dataclass(frozen=True)
class Variant:
    """A rendered variant as it lies in its store; `width` and `height` in pixels."""

    name: str
    uri: str
    width: int
    height: int
    bytes: int
    format: str


@dataclass(frozen=True)
class Completeness:
    """Score of one profile, 0 to 1, and the names of the fields it misses."""

    profile: str
    score: float
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fields:
    """Normalized metadata of one file, reconciled from EXIF, IPTC-IIM and XMP.

    Attributes:
        media_type: MIME type by content.
        width: pixels after orientation.
        height: pixels after orientation.
        duration_seconds: for video and audio.
        page_count: for documents.
        captured_at: the moment of capture where the zone is known, UTC; else None (a zone is never guessed).
        captured_at_local: capture time as the camera's clock said it, `YYYY-MM-DDTHH:MM:SS`, no zone.
        captured_at_offset: `+02:00` where the file says it.
        date_created: IPTC/photoshop DateCreated as text with the precision it has (`1944`, `2021-05`).
        digitized_at: as `captured_at`, for DateTimeDigitized.
        location: WKT `POINT(longitude latitude)`, WGS 84 degrees.
        exposure_time: seconds.
        f_number: aperture.
        iso: ISO speed.
        focal_length: millimetres.
    """

    media_type: str | None = None
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    page_count: int | None = None
    captured_at: datetime | None = None
    captured_at_local: str | None = None
    captured_at_offset: str | None = None
    date_created: str | None = None
    digitized_at: datetime | None = None
    title: str | None = None
    headline: str | None = None
    description: str | None = None
    keywords: tuple[str, ...] = ()
    hierarchical_keywords: tuple[str, ...] = ()
    creator: tuple[str, ...] = ()
    credit: str | None = None
    source: str | None = None
    copyright_notice: str | None = None
    web_statement: str | None = None
    usage_terms: str | None = None
    licensor_url: str | None = None
    contact: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    location: str | None = None
    alt_text: str | None = None
    rating: int | None = None
    make: str | None = None
    model: str | None = None
    lens: str | None = None
    exposure_time: float | None = None
    f_number: float | None = None
    iso: int | None = None
    focal_length: float | None = None
    software: str | None = None
    color_profile: str | None = None


@dataclass(frozen=True)
class AssetRecord(Fields):
    """One processed version of an asset: a row of `asset_versions`.

    Identity, file and times come from the event and the opened object; the rest is `Fields`.
    A delete is a record with status `deleted` (a tombstone) whose metadata is empty.
    """

    asset_id: str = ""
    uri: str = ""
    bucket: str | None = None
    name: str = ""
    version: str = ""
    version_order: str = ""
    team: str = "default"
    contributor: str | None = None
    size_bytes: int | None = None
    checksum: str | None = None
    uploaded_at: datetime | None = None
    processed_at: datetime | None = None
    latency: tuple[StageLatency, ...] = ()
    variants: tuple[Variant, ...] = ()
    completeness: tuple[Completeness, ...] = ()
    provenance: tuple[Provenance, ...] = ()
    status: Status = Status.COMPLETE
    issues: tuple[Issue, ...] = ()
    trace_id: str = ""


@dataclass(frozen=True)
class RawMetadata:
    """Everything that ExifTool said of one version, as JSON text: a row of `asset_raw`."""

    asset_id: str
    version: str
    processed_at: datetime
    raw: str


@dataclass(frozen=True)
class CompletenessRow:
    """One processed version × profile: a row of `metadata_completeness`.

    Attributes:
        version_order: lets a view keep the newest without joining `asset_versions`.
        hour: `uploaded_at` cut to the hour, UTC.
        score: 0 to 1, the share of the profile's weight that is filled.
        present: names of filled fields.
        missing: names of fields that are not filled.
        template: names of fields whose value is a camera's or tool's default text.
    """

    asset_id: str
    version: str
    version_order: str
    uploaded_at: datetime
    hour: datetime
    team: str
    profile: str
    score: float
    processed_at: datetime
    contributor: str | None = None
    media_type: str | None = None
    present: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    template: tuple[str, ...] = ()


@dataclass(frozen=True)
class AssetRows:
    """All rows of one processed version; they are written in one step."""

    record: AssetRecord
    receipt: Receipt
    notification: Notification
    raw: RawMetadata | None = None
    completeness: tuple[CompletenessRow, ...] = ()


@dataclass(frozen=True)
class DeadLetter:
    """Something that could not be processed: a row of `dead_letters`.

    Attributes:
        dead_letter_id: equal for the same failure of the same message part, so that a replay does not double it.
        payload: the notification's bytes.
        attributes: the notification's attributes as JSON text.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = BYTES_AS_BASE64

    dead_letter_id: str
    stage: str
    error_type: str
    message: str
    retryable: bool
    occurred_at: datetime
    payload: bytes
    attributes: str = "{}"
    source: str = ""
    message_id: str = ""
    uri: str | None = None
    trace_id: str = ""


@dataclass(frozen=True)
class Outcome:
    """How one event ended, ready to be settled."""

    kind: OutcomeKind
    receipt: Receipt
    reason: str = ""
