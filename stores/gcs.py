"""Objects in Google Cloud Storage, over Google's own client; `STORAGE_EMULATOR_HOST` leads to an emulator."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import requests
import urllib3
from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    NotFound,
    PreconditionFailed,
    ServerError,
    TooManyRequests,
    Unauthorized,
)
from google.auth.credentials import Signing
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption

from media.errors import AssetError, StoreUnavailable
from media.uris import ObjectUri
from stores.objects import (
    CONNECT_SECONDS,
    READ_SECONDS,
    ObjectInfo,
    PerProcess,
    Sink,
    below,
    gone,
    patiently,
    replaced,
    require_length,
)

TIMEOUT = (CONNECT_SECONDS, READ_SECONDS)
PATIENCE = {"timeout": TIMEOUT, "retry": None}
"""For every call: our own retries, not the client's."""

TRANSIENT = (
    ServerError,
    TooManyRequests,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
    ConnectionError,
    DataCorruption,
)
"""Worth another try (https://cloud.google.com/storage/docs/retry-strategy); raw downloads raise urllib3's own."""

REQUEST_TIMEOUT = 408

CREDENTIALS = "run `gcloud auth application-default login`, or name a key file in GOOGLE_APPLICATION_CREDENTIALS"
READ_ROLE = "roles/storage.objectViewer"
WRITE_ROLE = "roles/storage.objectCreator"
CREATE = "storage.objects.create"

# A project is needed to make buckets, not to use them.
_CLIENTS: PerProcess[storage.Client] = PerProcess(lambda: storage.Client(project=None), "STORAGE_EMULATOR_HOST")


class GcsReader:
    """An `ObjectReader`; a version is a generation.

    Bytes come as they are stored: an object with `Content-Encoding: gzip` is not unpacked, so that ranges, sizes and
    checksums speak of one thing.
    """

    @patiently
    def stat(self, uri: ObjectUri, version: str = "", etag: str = "") -> ObjectInfo:
        """One metadata request; ETags are not compared, since a change of metadata changes them too."""
        wanted = _generation(uri, version)
        with _reading(uri):
            blob = _blob(uri)
            blob.reload(if_generation_match=wanted, **PATIENCE)
        if wanted not in (None, blob.generation):
            raise replaced(uri)
        return ObjectInfo(
            uri, str(blob.generation), blob.etag or "", blob.size or 0, blob.content_type or None, blob.updated
        )

    @patiently
    def read_range(self, info: ObjectInfo, start: int, end: int) -> bytes:
        """One conditional range request."""
        end = min(end, info.size_bytes)
        if start >= end:
            return b""
        with _reading(info.uri):
            blob = _blob(info.uri)
            data: bytes = blob.download_as_bytes(
                start=start, end=end - 1, checksum=None, raw_download=True, **_condition(info), **PATIENCE
            )
        _require_version(blob, info)
        require_length(info, len(data), end - start)
        return data

    @patiently
    def download(self, info: ObjectInfo, sink: Sink) -> None:
        """One conditional request; the client checks the store's checksum where the whole object is read."""
        start = sink.received
        if start == info.size_bytes:
            return
        with _reading(info.uri):
            blob = _blob(info.uri)
            try:
                blob.download_to_file(
                    sink,
                    start=start or None,
                    checksum=None if start else "auto",
                    raw_download=True,
                    **_condition(info),
                    **PATIENCE,
                )
            except DataCorruption as error:
                sink.restart()
                raise StoreUnavailable(f"{info.uri} arrived damaged: {error}") from error
        _require_version(blob, info)
        require_length(info, sink.received, info.size_bytes)

    def local_path(self, info: ObjectInfo) -> str | None:
        """None: the object is remote."""
        return None

    def signed_url(self, info: ObjectInfo, seconds: int) -> str | None:
        """A V4 URL; None without a private key to sign with (anonymous, or a virtual machine's own identity)."""
        with _explained(info.uri, READ_ROLE):
            client = _CLIENTS.get()
            if not isinstance(client._credentials, Signing):
                return None
            url: str = _blob(info.uri).generate_signed_url(
                version="v4", expiration=timedelta(seconds=seconds), method="GET", generation=info.version
            )
            return url


class GcsWriter:
    """An `ObjectWriter` below a prefix of a bucket."""

    def __init__(self, place: ObjectUri) -> None:
        self._place = place

    @patiently
    def put_if_absent(self, key: str, data: bytes, content_type: str, cache_control: str) -> str:
        """One request with `ifGenerationMatch=0`: the store creates the object whole or not at all."""
        uri = below(self._place, key)
        with _explained(uri, WRITE_ROLE):
            blob = _blob(uri)
            blob.cache_control = cache_control
            try:
                blob.upload_from_string(data, content_type=content_type, if_generation_match=0, **PATIENCE)
            except PreconditionFailed:
                return str(uri)
            except NotFound as error:
                raise _no_bucket(uri) from error
        return str(uri)

    @patiently
    def check(self) -> None:
        """Asks for the permission itself, which needs no other permission."""
        with _explained(self._place, WRITE_ROLE):
            bucket = _CLIENTS.get().bucket(self._place.bucket)
            try:
                allowed = bucket.test_iam_permissions([CREATE], **PATIENCE)
            except NotFound as error:
                # Emulators know the bucket, but not the question.
                if not bucket.exists(**PATIENCE):
                    raise _no_bucket(self._place) from error
                return
        if CREATE not in allowed:
            raise _denied(self._place, WRITE_ROLE, f"{CREATE} is missing")


def _blob(uri: ObjectUri) -> storage.Blob:
    return _CLIENTS.get().bucket(uri.bucket).blob(uri.name)


def _generation(uri: ObjectUri, version: str) -> int | None:
    try:
        return int(version) if version else None
    except ValueError as error:
        raise AssetError(f"{uri}: {version!r} is no generation of Cloud Storage") from error


def _condition(info: ObjectInfo) -> dict[str, int]:
    return {"if_generation_match": int(info.version)}


def _require_version(blob: storage.Blob, info: ObjectInfo) -> None:
    # The answer names the generation it is of; not every server heeds the condition on reads.
    if str(blob.generation) != info.version:
        raise replaced(info.uri)


@contextmanager
def _reading(uri: ObjectUri) -> Iterator[None]:
    with _explained(uri, READ_ROLE):
        try:
            yield
        except PreconditionFailed as error:
            raise replaced(uri) from error
        except NotFound as error:
            raise (gone(uri) if _bucket_may_exist(uri) else _no_bucket(uri)) from error


def _bucket_may_exist(uri: ObjectUri) -> bool:
    try:
        return bool(_CLIENTS.get().bucket(uri.bucket).exists(**PATIENCE))
    except Forbidden:
        return True


@contextmanager
def _explained(uri: ObjectUri, role: str) -> Iterator[None]:
    try:
        yield
    except AssetError:
        raise
    except TRANSIENT as error:
        raise StoreUnavailable(f"{uri}: Cloud Storage does not answer: {error}") from error
    except (GoogleAuthError, Unauthorized) as error:
        raise StoreUnavailable(f"{uri}: no valid Google credentials ({error}): {CREDENTIALS}") from error
    except Forbidden as error:
        raise _denied(uri, role, error.message) from error
    except GoogleAPICallError as error:
        kind = StoreUnavailable if error.code == REQUEST_TIMEOUT else AssetError
        raise kind(f"{uri}: Cloud Storage refuses: {error.message}") from error


def _denied(uri: ObjectUri, role: str, reason: str) -> AssetError:
    return AssetError(f"{uri}: permission denied ({reason}): grant {role} on gs://{uri.bucket} to this job's account")


def _no_bucket(uri: ObjectUri) -> AssetError:
    return AssetError(
        f"there is no bucket gs://{uri.bucket}: check the name, or create it with "
        f"`gcloud storage buckets create gs://{uri.bucket}`"
    )
