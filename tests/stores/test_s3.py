"""S3 against moto: the contract (with and without versions), outages, and what only S3 has."""

import ast
import re
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from media.errors import AssetError, StoreUnavailable, Superseded
from media.uris import parse_uri
from stores.objects import PerProcess, open_reader, open_writer
from tests.parts.common import CHECKOUT, free_port
from tests.parts.moto import Moto, started_moto
from tests.stores.object_contract import DATA, Heap, ObjectStoreContract, put, stat
from tests.stores.object_places import S3Place, s3_place, use  # noqa: F401

REQUEST = re.compile(r'"(?:\x1b\[\d+m)*([A-Z]+) (/[^ ]*) HTTP')
READ_CALLS = {"head_object", "get_object", "generate_presigned_url"}


@pytest.fixture
def place(s3_place: S3Place) -> S3Place:  # noqa: F811
    return s3_place


class TestS3(ObjectStoreContract):
    @pytest.mark.parametrize("name", ["a/../b.jpg", "../../b.jpg", "./x.jpg", "/lead//double/"])
    def test_names_that_no_file_can_have(self, place, name):
        self.test_names_go_there_and_back(place, name)

    def test_reading_asks_nothing_but_get_and_head(self, place, moto):
        for name in ("a.jpg", "b/c.jpg"):
            place.put(name, DATA)
        assert methods_while(moto, place, lambda: self.read_everything(place)) == {"GET", "HEAD"}
        assert methods_while(moto, place, lambda: put(place, "d.jpg")) == {"PUT"}


class TestS3WithVersions(ObjectStoreContract):
    @pytest.fixture
    def place(self, moto, monkeypatch):
        use(monkeypatch, moto.env)
        return S3Place(moto.client("s3"), moto.new_bucket(versioned=True))

    def test_version_is_the_version_id(self, place):
        answer = place.client.put_object(Bucket=place.bucket, Key="some/prefix/x.jpg", Body=DATA)
        _, info = stat(place, "x.jpg")
        assert (info.version, info.etag) == (answer["VersionId"], answer["ETag"].strip('"'))

    def test_the_same_bytes_again_are_another_version(self, place):
        place.put("x.jpg", DATA)
        reader, info = stat(place, "x.jpg")
        place.put("x.jpg", DATA)
        with pytest.raises(Superseded, match="was replaced"):
            reader.download(info, Heap())

    def test_a_signed_url_names_the_version(self, place):
        place.put("x.jpg", DATA)
        reader, info = stat(place, "x.jpg")
        place.put("x.jpg", b"new")
        with urllib.request.urlopen(reader.signed_url(info, 60)) as answer:
            assert answer.read() == DATA


def methods_while(server: Moto, place: S3Place, act) -> set[str]:
    """The HTTP methods that the server says it was asked with, for the place's bucket."""
    before = len(server.log.read_text())
    act()
    asked = REQUEST.findall(server.log.read_text()[before:])
    return {method for method, path in asked if path.startswith(f"/{place.bucket}/")}


def test_without_versions_the_version_is_the_etag(place):
    place.put("x.jpg", b"hello world")
    _, info = stat(place, "x.jpg")
    assert (info.version, info.etag) == ("5eb63bbbe01eeed093cb22bb8f5acdc3",) * 2


def test_suspended_versions_go_by_etag(place):
    place.client.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Suspended"})
    place.put("x.jpg", b"hello world")
    reader, info = stat(place, "x.jpg")
    assert info.version == "5eb63bbbe01eeed093cb22bb8f5acdc3"
    assert reader.stat(info.uri, "null", info.etag) == info


def test_a_signed_url_reads_without_credentials(place):
    place.put("a b+ü.jpg", DATA)
    reader, info = stat(place, "a b+ü.jpg")
    url = reader.signed_url(info, 60)
    assert "X-Amz-Expires=60" in url
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == DATA


def test_a_missing_bucket(moto, monkeypatch):
    use(monkeypatch, moto.env)
    message = r"there is no bucket s3://nowhere-1: check the name and the region, or create it with `aws s3 mb"
    for act in (
        lambda: open_writer("s3://nowhere-1/out").check(),
        lambda: open_writer("s3://nowhere-1/out").put_if_absent("x", DATA, "", ""),
        lambda: open_reader("s3://nowhere-1/x").stat(parse_uri("s3://nowhere-1/x")),
    ):
        with pytest.raises(AssetError, match=message) as caught:
            act()
        assert not caught.value.retryable


def test_check_leaves_no_upload(place):
    open_writer(place.prefix).check()
    assert "Uploads" not in place.client.list_multipart_uploads(Bucket=place.bucket)


def test_a_server_killed_and_started_again(tmp_path, monkeypatch):
    port = free_port()
    with started_moto(tmp_path, port) as server:
        use(monkeypatch, server.env)
        place = S3Place(server.client("s3"), server.new_bucket())
        place.put("x.jpg", DATA)
        reader, info = stat(place, "x.jpg")
    for act in (
        lambda: reader.stat(info.uri),
        lambda: reader.read_range(info, 0, 4),
        lambda: put(place, "y.webp"),
        lambda: open_writer(place.prefix).check(),
    ):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="S3 does not answer") as caught:
            act()
        assert caught.value.retryable
        assert time.monotonic() - began < 5
    with started_moto(tmp_path, port) as server:
        # What moto was told it has forgotten.
        place.client.create_bucket(Bucket=place.bucket)
        put(place, "y.webp")
        assert place.all()["y.webp"].data == DATA


def test_without_credentials(moto, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    nowhere = {"AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}
    # Another spelling of the same server, so that this process makes another client.
    use(monkeypatch, {**nowhere, "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": f"{moto.endpoint}/"})
    with pytest.raises(StoreUnavailable, match=r"no valid AWS credentials .*: set AWS_PROFILE, or AWS_ACCESS_KEY_ID"):
        open_writer("s3://some-bucket/out").check()


def test_the_reader_calls_nothing_that_writes(place):
    """By introspection: of boto3's client, everything outside the writer calls these methods only."""
    tree = ast.parse(Path(CHECKOUT / "stores" / "s3.py").read_text(encoding="utf-8"))
    methods = {name for name in dir(place.client) if not name.startswith("_")}
    called = {
        node.func.attr
        for part in tree.body
        if getattr(part, "name", "") != "S3Writer"
        for node in ast.walk(part)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert (called & methods) - {"close"} == READ_CALLS


def test_threads_share_one_client_until_the_environment_leads_elsewhere(monkeypatch):
    made: list[object] = []

    def make() -> object:
        time.sleep(0.05)
        made.append(object())
        return made[-1]

    clients = PerProcess(make, "AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    threads = [threading.Thread(target=clients.get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")
    assert clients.get() is made[1]
