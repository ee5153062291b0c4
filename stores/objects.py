"""Object stores, chosen by URI: what readers and writers promise.

Originals are read-only by construction: a reader has no method that writes, deletes or copies, and a writer writes
under its own prefix only.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import tenacity

from media.errors import AssetError, Gone, StoreUnavailable, Superseded
from media.uris import GS, S3, ObjectUri, parse_prefix, parse_uri

ATTEMPTS = 3
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 2.0
"""Three tries within about a second: what lasts longer is an outage, and then the message is better returned."""

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
"""How long a store may be silent. All tries together stay near the minute after which brokers deliver again."""

CHUNK_BYTES = 1 << 20
"""How much of an object is in memory while it is copied or hashed."""

Client = TypeVar("Client")


@dataclass(frozen=True)
class ObjectInfo:
    """An object as its store describes it.

    Attributes:
        version: GCS generation; S3 versionId, else ETag; mtime in ns and size for files. Never empty.
        etag: without quotes; empty for files. Only S3 reads by it.
        size_bytes: as stored; no content encoding is undone.
        content_type: as its uploader declared it, or None.
        updated_at: when the store took this version, UTC.
    """

    uri: ObjectUri
    version: str
    etag: str
    size_bytes: int
    content_type: str | None
    updated_at: datetime


class Sink(Protocol):
    """Where a download goes; it may refuse what comes by raising an `AssetError`."""

    @property
    def received(self) -> int:
        """How many bytes it holds."""

    def write(self, data: bytes, /) -> int:
        """Takes the next bytes, all of them; returns how many."""

    def restart(self) -> None:
        """Forgets everything: what came was damaged."""


class ObjectReader(Protocol):
    """Reads objects of one kind of store. Safe to use from several threads.

    Every method raises:
        Superseded: the version is gone or replaced.
        StoreUnavailable: the store does not answer, after retries, or our credentials are not accepted.
        AssetError: anything else that trying again does not mend, such as a missing permission.
    """

    def stat(self, uri: ObjectUri, version: str = "", etag: str = "") -> ObjectInfo:
        """Describes an object, provided that it is the given version; an empty version or ETag fits any."""

    def read_range(self, info: ObjectInfo, start: int, end: int) -> bytes:
        """The bytes from start (inclusive) to end (exclusive); less where the object ends before."""

    def download(self, info: ObjectInfo, sink: Sink) -> None:
        """Copies the object from the sink's position to its end."""

    def local_path(self, info: ObjectInfo) -> str | None:
        """The original's own path where it is a file here, to be read only; None for remote objects."""

    def signed_url(self, info: ObjectInfo, seconds: int) -> str | None:
        """A URL that reads this object for so long without credentials; None where none can be made."""


class ObjectWriter(Protocol):
    """Writes objects under one prefix. Safe to use from several threads."""

    def put_if_absent(self, key: str, data: bytes, content_type: str, cache_control: str) -> str:
        """Writes an object unless one of that name is there; names are content-addressed, so that one is equal.

        A reader never sees a part of it, whenever this process is killed.

        Args:
            key: name below the prefix.
            data: the whole content.
            content_type: MIME type; files cannot keep it.
            cache_control: value of the HTTP header; files cannot keep it.

        Returns:
            The object's URI.

        Raises:
            StoreUnavailable: the store does not answer, after retries.
            AssetError: the store refuses.
        """

    def check(self) -> None:
        """Asks whether this process may write here; leaves no object.

        Raises:
            AssetError: saying what is wrong and how to mend it.
        """


def open_reader(uri: str) -> ObjectReader:
    """The reader of the store that an object lies in; connects at first use.

    Raises:
        ValueError: the URI names no object.
        AssetError: the store's client is not installed.
    """
    scheme = parse_uri(uri).scheme
    try:
        if scheme == GS:
            from stores.gcs import GcsReader

            return GcsReader()
        if scheme == S3:
            from stores.s3 import S3Reader

            return S3Reader()
    except ModuleNotFoundError as error:
        raise _not_installed(uri, scheme, error) from error
    from stores.files import FileReader

    return FileReader()


def open_writer(prefix: str) -> ObjectWriter:
    """The writer below a bucket, a prefix or a folder; connects at first use.

    Raises:
        ValueError: the URI is no place for objects.
        AssetError: the store's client is not installed.
    """
    place = parse_prefix(prefix)
    try:
        if place.scheme == GS:
            from stores.gcs import GcsWriter

            return GcsWriter(place)
        if place.scheme == S3:
            from stores.s3 import S3Writer

            return S3Writer(place)
    except ModuleNotFoundError as error:
        raise _not_installed(prefix, place.scheme, error) from error
    from stores.files import FileWriter

    return FileWriter(place)


def _not_installed(uri: str, scheme: str, error: ModuleNotFoundError) -> AssetError:
    extra = {GS: "gcp", S3: "aws"}[scheme]
    return AssetError(f"{uri} needs the Python module {error.name}: pip install 'proofstream[{extra}]'")


patiently = tenacity.retry(
    retry=tenacity.retry_if_exception_type(StoreUnavailable),
    stop=tenacity.stop_after_attempt(ATTEMPTS),
    wait=tenacity.wait_exponential_jitter(
        initial=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS, jitter=FIRST_WAIT_SECONDS
    ),
    reraise=True,
)
"""Decorator: tries again after `StoreUnavailable`. The clients' own retries are off, so that tries do not multiply."""


class PerProcess(Generic[Client]):
    """A client that is made once per process, at first use; a forked child makes its own.

    Args:
        make: makes the client.
        variables: names of environment variables that lead to another server; a change of theirs makes another client.
    """

    def __init__(self, make: Callable[[], Client], *variables: str) -> None:
        self._make = make
        self._variables = variables
        self._lock = threading.Lock()
        self._clients: dict[tuple[int | str | None, ...], Client] = {}

    def get(self) -> Client:
        """The client of this process."""
        key = (os.getpid(), *map(os.environ.get, self._variables))
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make()
            return self._clients[key]


def gone(uri: ObjectUri) -> Gone:
    """The error for an object that is not there any more."""
    return Gone(f"{uri} is gone")


def replaced(uri: ObjectUri) -> Superseded:
    """The error for an object that is there in another version."""
    return Superseded(f"{uri} was replaced by another version")


def below(place: ObjectUri, key: str) -> ObjectUri:
    """The object of that key below a prefix."""
    return ObjectUri(place.scheme, place.bucket, f"{place.name}/{key}" if place.name else key)


def require_length(info: ObjectInfo, received: int, expected: int) -> None:
    """Checks that an answer was whole.

    Raises:
        StoreUnavailable: bytes are missing; another try may bring them.
        AssetError: there are more bytes than the store declared.
    """
    if received < expected:
        raise StoreUnavailable(f"{info.uri} broke off after {received} of {expected} bytes")
    if received > expected:
        raise AssetError(f"{info.uri} has more bytes than the {expected} that its store declares")
