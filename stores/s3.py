"""Objects in Amazon S3, and in what speaks its protocol, over boto3; boto3's own `AWS_…` variables are honoured."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timezone
from typing import Any

import boto3.session
import urllib3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from media.errors import AssetError, StoreUnavailable
from media.uris import ObjectUri
from stores.objects import (
    CHUNK_BYTES,
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

TRANSIENT = (BotoConnectionError, HTTPClientError, IncompleteReadError, urllib3.exceptions.HTTPError, ConnectionError)

TRANSIENT_CODES = frozenset(
    {
        "ConditionalRequestConflict",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
    }
)
"""Worth another try whatever their status (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html)."""

CREDENTIAL_ERRORS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError)
CREDENTIAL_CODES = frozenset(
    {
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)
"""The whole store is out of reach, not one object: nothing may be dead-lettered for it."""

GONE_CODES = frozenset({"404", "NoSuchKey"})
REPLACED_CODES = frozenset({"412", "PreconditionFailed"})
DENIED_CODES = frozenset({"403", "AccessDenied", "AllAccessDisabled"})
CODELESS_STATUSES = frozenset({400, 403, 404})
"""An answer to HEAD has no body, and so no error code: these can mean several things."""

NO_VERSION = "null"
"""The version id of objects from before versioning or while it is suspended; overwriting keeps it, so it names none."""

FIRST_BYTE = "bytes=0-0"
CHECK_KEY = ".proofstream-check"
CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

_CONFIG = Config(
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    retries={"total_max_attempts": 1, "mode": "standard"},
    signature_version="s3v4",
)
# A session of its own: boto3's default one is not safe to share between threads.
_CLIENTS: PerProcess[Any] = PerProcess(
    lambda: boto3.session.Session().client("s3", config=_CONFIG), "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"
)


class S3Reader:
    """An `ObjectReader`; a version is a versionId, or the ETag in a bucket without versions.

    The current object is read, never an old version by its id: an old one is superseded, and reading it would need a
    further permission (s3:GetObjectVersion).
    """

    @patiently
    def stat(self, uri: ObjectUri, version: str = "", etag: str = "") -> ObjectInfo:
        """One HEAD request; where it fails, a GET of the first byte says why."""
        with _explained(uri, "s3:GetObject"):
            answer = _head(_request(uri, etag))
        if version not in ("", NO_VERSION, _version(answer), _etag(answer)):
            raise replaced(uri)
        return ObjectInfo(
            uri,
            _version(answer),
            _etag(answer),
            answer["ContentLength"],
            answer.get("ContentType") or None,
            answer["LastModified"].astimezone(timezone.utc),
        )

    @patiently
    def read_range(self, info: ObjectInfo, start: int, end: int) -> bytes:
        """One conditional range request."""
        end = min(end, info.size_bytes)
        if start >= end:
            return b""
        with _explained(info.uri, "s3:GetObject"), closing(_body(info, f"bytes={start}-{end - 1}")) as body:
            data: bytes = body.read()
        require_length(info, len(data), end - start)
        return data

    @patiently
    def download(self, info: ObjectInfo, sink: Sink) -> None:
        """One conditional request; the client checks the store's checksum where it sends one."""
        start = sink.received
        if start == info.size_bytes:
            return
        with (
            _explained(info.uri, "s3:GetObject"),
            closing(_body(info, f"bytes={start}-" if start else None)) as body,
        ):
            try:
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    sink.write(chunk)
            except FlexibleChecksumError as error:
                sink.restart()
                raise StoreUnavailable(f"{info.uri} arrived damaged: {error}") from error
        require_length(info, sink.received, info.size_bytes)

    def local_path(self, info: ObjectInfo) -> str | None:
        """None: the object is remote."""
        return None

    def signed_url(self, info: ObjectInfo, seconds: int) -> str | None:
        """A URL signed here, without asking S3; it names the version in a bucket that has versions."""
        versioned = {"VersionId": info.version} if info.version != info.etag else {}
        with _explained(info.uri, "s3:GetObject"):
            url: str = _CLIENTS.get().generate_presigned_url(
                "get_object", Params={**_place(info.uri), **versioned}, ExpiresIn=seconds
            )
            return url


class S3Writer:
    """An `ObjectWriter` below a prefix of a bucket."""

    def __init__(self, place: ObjectUri) -> None:
        self._place = place

    @patiently
    def put_if_absent(self, key: str, data: bytes, content_type: str, cache_control: str) -> str:
        """One request with `If-None-Match: *`: the store creates the object whole or not at all."""
        uri = below(self._place, key)
        with _explained(uri, "s3:PutObject"):
            try:
                _CLIENTS.get().put_object(
                    **_place(uri), Body=data, ContentType=content_type, CacheControl=cache_control, IfNoneMatch="*"
                )
            except ClientError as error:
                if _code(error) not in REPLACED_CODES:
                    raise
        return str(uri)

    @patiently
    def check(self) -> None:
        """Begins an upload and gives it up: that needs the permission to write, and leaves no object."""
        uri = below(self._place, CHECK_KEY)
        with _explained(self._place, "s3:PutObject"):
            client = _CLIENTS.get()
            upload = client.create_multipart_upload(**_place(uri))
            client.abort_multipart_upload(**_place(uri), UploadId=upload["UploadId"])


def _place(uri: ObjectUri) -> dict[str, str]:
    return {"Bucket": uri.bucket, "Key": uri.name}


def _request(uri: ObjectUri, etag: str) -> dict[str, str]:
    return {**_place(uri), "IfMatch": f'"{etag}"'} if etag else _place(uri)


def _head(request: dict[str, str]) -> Any:
    client = _CLIENTS.get()
    try:
        return client.head_object(**request)
    except ClientError as error:
        if _status(error) in CODELESS_STATUSES:
            client.get_object(**request, Range=FIRST_BYTE)["Body"].close()
        raise


def _body(info: ObjectInfo, span: str | None) -> Any:
    request = _request(info.uri, info.etag)
    answer = _CLIENTS.get().get_object(**request, **({"Range": span} if span else {}))
    if _version(answer) != info.version:
        answer["Body"].close()
        raise replaced(info.uri)
    return answer["Body"]


def _etag(answer: Any) -> str:
    return str(answer["ETag"]).strip('"')


def _version(answer: Any) -> str:
    version = answer.get("VersionId") or NO_VERSION
    return _etag(answer) if version == NO_VERSION else str(version)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextmanager
def _explained(uri: ObjectUri, permission: str) -> Iterator[None]:
    try:
        yield
    except AssetError:
        raise
    except TRANSIENT as error:
        raise StoreUnavailable(f"{uri}: S3 does not answer: {error}") from error
    except CREDENTIAL_ERRORS as error:
        raise StoreUnavailable(f"{uri}: no valid AWS credentials ({error}): {CREDENTIALS}") from error
    except ClientError as error:
        raise _meaning(error, uri, permission) from error
    except BotoCoreError as error:
        raise AssetError(f"{uri}: S3 cannot be asked: {error}") from error


def _meaning(error: ClientError, uri: ObjectUri, permission: str) -> AssetError:
    code, said = _code(error), f"{_code(error)}: {error.response.get('Error', {}).get('Message', '')}"
    if code in GONE_CODES:
        return gone(uri)
    if code in REPLACED_CODES:
        return replaced(uri)
    if code in CREDENTIAL_CODES:
        return StoreUnavailable(f"{uri}: no valid AWS credentials ({said}): {CREDENTIALS}")
    if code in TRANSIENT_CODES or _status(error) >= 500 or _status(error) == 429:
        return StoreUnavailable(f"{uri}: S3 does not answer: {said}")
    if code == "NoSuchBucket":
        return AssetError(
            f"there is no bucket s3://{uri.bucket}: check the name and the region, or create it with "
            f"`aws s3 mb s3://{uri.bucket}`"
        )
    if code in DENIED_CODES:
        return AssetError(
            f"{uri}: permission denied: allow {permission} on s3://{uri.bucket} to this job's account, and "
            "s3:ListBucket too, without which S3 denies what is merely missing"
        )
    return AssetError(f"{uri}: S3 refuses: {said}")
