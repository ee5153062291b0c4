"""`version_order`: one sortable text column that tells which of an asset's versions is the newest.

Layout: time in microseconds, then generation or sequencer, then sidecar version, then 1 for a delete and 0 for an
upload, so that a delete sorts above the upload of the version that it deletes.

Sources:
    Cloud Storage: generations grow with every overwrite (https://cloud.google.com/storage/docs/metadata#generation-number).
    S3: sequencers of one key compare as hexadecimal text, right-padded to equal length
        (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
"""

from datetime import datetime

TIME_DIGITS = 20
ORDER_CHARACTERS = 32
SIDECAR_DIGITS = 6


def version_order(time_us: int, order: str, *, sidecar: int = 0, deleted: bool = False) -> str:
    """Composes a sortable version.

    Args:
        time_us: microseconds since the epoch, by the store's clock.
        order: the store's own order among versions of the same moment, already comparable as text.
        sidecar: version of the sidecar merged into the record.
        deleted: whether this is a delete.
    """
    return f"{time_us:0{TIME_DIGITS}d}.{order:0>{ORDER_CHARACTERS}}.{sidecar:0{SIDECAR_DIGITS}d}.{int(deleted)}"


def generation_order(generation: int, *, deleted: bool = False) -> str:
    """Order of a Cloud Storage generation, which is itself a time in microseconds."""
    return version_order(generation, str(generation), deleted=deleted)


def sequencer_order(at: datetime, sequencer: str, *, deleted: bool = False) -> str:
    """Order of an S3 event: its time, then its sequencer (hexadecimal, may be empty)."""
    padded = sequencer.upper().ljust(ORDER_CHARACTERS, "0") if sequencer else ""
    return version_order(microseconds(at), padded, deleted=deleted)


def observed_order(observed_ns: int, *, deleted: bool = False) -> str:
    """Order of a local file's version: when it was seen so, nanoseconds since the epoch."""
    return version_order(observed_ns // 1000, str(observed_ns), deleted=deleted)


def microseconds(at: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, without the rounding of floats."""
    whole = int(at.timestamp() // 1)
    return whole * 1_000_000 + at.microsecond
