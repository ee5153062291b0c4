"""Three places to try object stores in: a folder, a bucket of a fake Cloud Storage, a bucket of moto's S3.

Each is filled and looked at with tools of the test's own (plain file calls, the stores' clients), past our readers and
writers.
"""

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
from google.cloud import storage

from tests.parts.gcs import FakeGcs
from tests.parts.moto import Moto


class Stored(NamedTuple):
    """An object as a client of its store sees it; files have neither type nor cache control."""

    data: bytes
    content_type: str | None
    cache_control: str | None


class Place(Protocol):
    """Somewhere to keep objects.

    Attributes:
        prefix: URI that a writer is given.
        remote: whether a path to an object is that of a copy.
        keeps_headers: whether content type and cache control are kept.
    """

    prefix: str
    remote: bool
    keeps_headers: bool

    def uri(self, name: str) -> str:
        """URI of an object below the prefix."""

    def put(self, name: str, data: bytes) -> None:
        """Writes or overwrites an object, as somebody else would."""

    def remove(self, name: str) -> None:
        """Removes an object, as somebody else would."""

    def all(self) -> Mapping[str, Stored]:
        """Every object below the prefix, by name."""

    def traces(self) -> Mapping[str, Any]:
        """Whatever would tell of a write: versions, times, inodes."""


class FolderPlace:
    """A folder."""

    remote = False
    keeps_headers = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prefix = str(folder)
        # Two writes in one tick of the clock would be one version.
        self._times = itertools.count(1_700_000_000_000_000_000, 1_000_000_007)

    def uri(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def put(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        at = next(self._times)
        os.utime(path, ns=(at, at))

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def all(self) -> Mapping[str, Stored]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): Stored(path.read_bytes(), None, None) for path in files}

    def traces(self) -> Mapping[str, Any]:
        seen = {}
        for path in (self.folder, *self.folder.rglob("*")):
            status = path.lstat()
            seen[str(path)] = (
                status.st_ino,
                status.st_mode,
                status.st_nlink,
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
            )
        return seen


class GcsPlace:
    """A prefix of a fresh bucket."""

    remote = True
    keeps_headers = True

    def __init__(self, bucket: storage.Bucket) -> None:
        self.bucket = bucket
        self.prefix = f"gs://{bucket.name}/some/prefix"

    def uri(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def put(self, name: str, data: bytes) -> None:
        self.bucket.blob(f"some/prefix/{name}").upload_from_string(data, content_type="image/jpeg")

    def remove(self, name: str) -> None:
        self.bucket.delete_blob(f"some/prefix/{name}")

    def all(self) -> Mapping[str, Stored]:
        start = "some/prefix/"
        return {
            blob.name.removeprefix(start): Stored(blob.download_as_bytes(), blob.content_type, blob.cache_control)
            for blob in self.bucket.list_blobs(prefix=start)
        }

    def traces(self) -> Mapping[str, Any]:
        return {blob.name: (blob.generation, blob.metageneration) for blob in self.bucket.list_blobs()}


class S3Place:
    """A prefix of a fresh bucket."""

    remote = True
    keeps_headers = True

    def __init__(self, client: Any, bucket: str) -> None:
        self.client = client
        self.bucket = bucket
        self.prefix = f"s3://{bucket}/some/prefix"

    def uri(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def put(self, name: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=f"some/prefix/{name}", Body=data, ContentType="image/jpeg")

    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=f"some/prefix/{name}")

    def all(self) -> Mapping[str, Stored]:
        found = {}
        for key in self._keys():
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
            stored = Stored(answer["Body"].read(), answer["ContentType"], answer.get("CacheControl"))
            found[key.removeprefix("some/prefix/")] = stored
        return found

    def traces(self) -> Mapping[str, Any]:
        heads = {key: self.client.head_object(Bucket=self.bucket, Key=key) for key in self._keys()}
        return {key: (head["ETag"], head["LastModified"], head.get("VersionId")) for key, head in heads.items()}

    def _keys(self) -> list[str]:
        answer = self.client.list_objects_v2(Bucket=self.bucket)
        return [entry["Key"] for entry in answer.get("Contents", ())]


def use(monkeypatch: pytest.MonkeyPatch, env: Mapping[str, str]) -> None:
    """Leads the clients of this process to a server."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def folder_place(tmp_path: Path) -> FolderPlace:
    folder = tmp_path / "some folder"
    folder.mkdir()
    return FolderPlace(folder)


@pytest.fixture
def gcs_place(fake_gcs: FakeGcs, monkeypatch: pytest.MonkeyPatch) -> GcsPlace:
    use(monkeypatch, fake_gcs.env)
    return GcsPlace(fake_gcs.new_bucket())


@pytest.fixture
def s3_place(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> S3Place:
    use(monkeypatch, moto.env)
    return S3Place(moto.client("s3"), moto.new_bucket())


@pytest.fixture(params=["folder", "gcs", "s3"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the three in turn."""
    chosen: Place = request.getfixturevalue(f"{request.param}_place")
    return chosen
