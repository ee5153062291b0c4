"""URIs of objects: `gs://BUCKET/NAME`, `s3://BUCKET/NAME`, and absolute paths of files.

Names are taken as they are, never percent-decoded and never split at `?` or `#`: all of those are legal in object names
(https://cloud.google.com/storage/docs/objects#naming,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html).
"""

import hashlib
import os
import re
from dataclasses import dataclass

GS, S3, FILE = "gs", "s3", "file"

ASSET_ID_DIGITS = 32
"""128 bits: no two of any number of assets that a warehouse can hold meet by chance."""

_BUCKET_URI = re.compile(r"(gs|s3)://([^/]+)(?:/(.*))?", re.DOTALL)
_ANY_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True)
class ObjectUri:
    """An object, or a prefix of objects; `str()` gives the URI back.

    Attributes:
        scheme: `gs`, `s3` or `file`.
        bucket: empty for files.
        name: the object's name; for files the path.
    """

    scheme: str
    bucket: str
    name: str

    def __str__(self) -> str:
        if self.scheme == FILE:
            return self.name
        return f"{self.scheme}://{self.bucket}/{self.name}" if self.name else f"{self.scheme}://{self.bucket}"

    @property
    def basename(self) -> str:
        """What comes after the name's last slash."""
        return self.name.rpartition("/")[2]


def parse_uri(text: str) -> ObjectUri:
    """Reads the URI of one object.

    Raises:
        ValueError: for another scheme, a bucket without a name, or a path that is not absolute.
    """
    if text.startswith("/"):
        return ObjectUri(FILE, "", text)
    match = _BUCKET_URI.fullmatch(text)
    if match and match[3]:
        return ObjectUri(match[1], match[2], match[3])
    raise ValueError(f"{text!r} names no object: give gs://BUCKET/NAME, s3://BUCKET/NAME or an absolute path")


def parse_prefix(text: str) -> ObjectUri:
    """Reads the URI of a place that objects lie under: a bucket, a prefix, or a folder; trailing slashes do not count.

    Raises:
        ValueError: for another scheme or an empty text.
    """
    match = _BUCKET_URI.fullmatch(text)
    if match:
        return ObjectUri(match[1], match[2], (match[3] or "").rstrip("/"))
    if not text or _ANY_SCHEME.match(text):
        raise ValueError(f"{text!r} is no place for objects: give gs://BUCKET/PREFIX, s3://BUCKET/PREFIX or a folder")
    return ObjectUri(FILE, "", os.path.abspath(text))


def asset_id(uri: str) -> str:
    """The identity of the asset at a URI: 32 hexadecimal digits, the same in every process and release."""
    return hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()[:ASSET_ID_DIGITS]


def lies_inside(inner: str, outer: str) -> bool:
    """Whether an object, prefix or folder is another prefix or folder, or lies below it.

    Folders are compared after symbolic links are resolved, so this looks at the file system. URIs that name no place
    for objects (a subscription, a queue) contain nothing.
    """
    try:
        inside, outside = parse_prefix(inner), parse_prefix(outer)
    except ValueError:
        return False
    if (inside.scheme, inside.bucket) != (outside.scheme, outside.bucket):
        return False
    if inside.scheme == FILE:
        return _is_below(os.path.realpath(inside.name), os.path.realpath(outside.name).rstrip("/"))
    return not outside.name or _is_below(inside.name, outside.name)


def _is_below(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}/")
