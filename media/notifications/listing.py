"""Our own notification: a file that a folder's listing or watch has found, or found gone.

The source of a folder writes it, so that a file takes the same way through the job as any upload, and its dead letter
can be replayed like any other.
"""

import json
import posixpath
from datetime import datetime, timezone
from typing import Any

from media.notifications.facts import Fact, ObjectFact, text, well_formed, whole_number
from media.records import EventKind, Notification
from media.versions import file_order

KIND = "proofstream#file"
LITTER = frozenset({"Thumbs.db", "desktop.ini"})
"""What Windows leaves in folders of photos; macOS's litter begins with a dot."""


def file_notification(root: str, path: str, mtime_ns: int, size: int, *, deleted: bool = False) -> Notification:
    """Describes one file.

    Args:
        root: the folder that is listed; below it, hidden names are left out.
        path: absolute path; may hold bytes that are no UTF-8 (`os.fsdecode`), and is then refused in parsing.
        mtime_ns: modification time, nanoseconds since the epoch; for a deleted file, when it was missed.
        size: bytes.
        deleted: whether the file has gone.
    """
    body = {"kind": KIND, "path": path, "mtime_ns": mtime_ns, "size": size, "deleted": deleted}
    at = datetime.fromtimestamp(mtime_ns / 1e9, timezone.utc)
    message_id = f"{path}#{mtime_ns}-{size}-{int(deleted)}".encode("utf-8", "backslashreplace").decode()
    return Notification(root, message_id, json.dumps(body).encode(), published_at=at)


def matches(notification: Notification, body: Any) -> bool:
    """Whether the payload is one of ours; a broker's publishers must not point the job at local files."""
    from_folder = "://" not in notification.source
    return from_folder and isinstance(body, dict) and body.get("kind") == KIND


def facts(notification: Notification, body: Any) -> list[Fact]:
    """The one fact of the message."""
    path = well_formed(text(body, "path"), "path")
    mtime_ns, size = whole_number(body.get("mtime_ns"), "mtime_ns"), whole_number(body.get("size"), "size")
    below = posixpath.relpath(path, notification.source).split("/")
    if below[-1] in LITTER or any(part.startswith(".") and part != ".." for part in below):
        return ["a hidden file"]
    deleted = bool(body.get("deleted"))
    version = f"{mtime_ns}-{size}"
    return [
        ObjectFact(
            uri=path,
            kind=EventKind.DELETE if deleted else EventKind.UPLOAD,
            version=version,
            version_order=file_order(mtime_ns, deleted=deleted),
            identity=version,
            uploaded_at=datetime.fromtimestamp(mtime_ns / 1e9, timezone.utc),
            size_bytes=size,
        )
    ]
