"""Our own notification: a file that a folder's listing or watch has found, or found gone, or could not look at.

The source of a folder writes it, so that a file takes the same way through the job as any upload, and its dead letter
can be replayed like any other.
"""

import json
import posixpath
import stat
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from media.errors import MalformedNotification
from media.notifications.facts import Fact, ObjectFact, text, well_formed, whole_number
from media.records import EventKind, Notification
from media.versions import observed_order

KIND = "proofstream#file"
LITTER = frozenset({"Thumbs.db", "desktop.ini"})
"""What Windows leaves in folders of photos; macOS's litter begins with a dot."""


@dataclass(frozen=True)
class FoundFile:
    """What a listing says of one path.

    Attributes:
        path: absolute; may hold bytes that are no UTF-8 (`os.fsdecode`), and is then refused in parsing.
        observed_ns: when it was looked at, nanoseconds since the epoch. A later look outranks an earlier one: a
            modification time does not say when a file came (`cp -p`, a restored backup, a photo dated 1960).
        mtime_ns: modification time, nanoseconds; may lie before the epoch.
        ctime_ns: when the file system last changed the entry, which for a new file is when it came.
        size: bytes.
        mode: as in `os.stat_result`.
        deleted: whether it was there before and has gone.
        error: why it could not be looked at; empty where it could.
    """

    path: str
    observed_ns: int
    mtime_ns: int = 0
    ctime_ns: int = 0
    size: int = 0
    mode: int = stat.S_IFREG
    deleted: bool = False
    error: str = ""


def file_notification(root: str, found: FoundFile) -> Notification:
    """Describes one path of a folder's listing; below the root, hidden names are left out."""
    body = {"kind": KIND, **asdict(found)}
    message_id = f"{found.path}#{found.observed_ns}".encode("utf-8", "backslashreplace").decode()
    return Notification(root, message_id, json.dumps(body).encode(), published_at=_moment(found.observed_ns))


def matches(notification: Notification, body: Any) -> bool:
    """Whether the payload is one of ours; a broker's publishers must not point the job at local files."""
    from_folder = "://" not in notification.source
    return from_folder and isinstance(body, dict) and body.get("kind") == KIND


def facts(notification: Notification, body: Any) -> list[Fact]:
    """The one fact of the message."""
    path = well_formed(text(body, "path"), "path")
    below = posixpath.relpath(path, notification.source).split("/")
    if body.get("error"):
        raise MalformedNotification(f"{path} cannot be looked at: {body['error']}", uri=path)
    if below[-1] in LITTER or any(part.startswith(".") and part != ".." for part in below):
        return ["a hidden file"]
    mode = whole_number(body.get("mode"), "mode")
    if stat.S_ISLNK(mode):
        return ["a symbolic link"]
    return [_fact(path, body)] if stat.S_ISREG(mode) else ["no regular file"]


def _fact(path: str, body: dict[str, Any]) -> ObjectFact:
    deleted = bool(body.get("deleted"))
    observed_ns, size = whole_number(body.get("observed_ns"), "observed_ns"), whole_number(body.get("size"), "size")
    version = f"{body.get('mtime_ns')}-{size}"
    return ObjectFact(
        uri=path,
        kind=EventKind.DELETE if deleted else EventKind.UPLOAD,
        version=version,
        version_order=observed_order(observed_ns, deleted=deleted),
        identity=f"{version}@{observed_ns}",
        uploaded_at=_moment(whole_number(body.get("ctime_ns"), "ctime_ns")),
        size_bytes=size,
    )


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, timezone.utc)
