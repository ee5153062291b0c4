"""Cloud Storage against fake-gcs-server: the contract, outages, and what only Cloud Storage has."""

import ast
import re
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import storage
from google.oauth2.service_account import Credentials

from media.errors import AssetError, StoreUnavailable
from media.uris import parse_uri
from stores import gcs
from stores.objects import open_reader, open_writer
from tests.parts.common import CHECKOUT, free_port
from tests.parts.gcs import FakeGcs, started_fake_gcs
from tests.stores.object_contract import CACHE, DATA, ObjectStoreContract, put, stat
from tests.stores.object_places import GcsPlace, gcs_place, use  # noqa: F401

REQUEST = re.compile(r'\\"([A-Z]+) (/[^ ]*) HTTP')
READ_CALLS = {"bucket", "blob", "reload", "exists", "download_as_bytes", "download_to_file", "generate_signed_url"}


@pytest.fixture
def place(gcs_place: GcsPlace) -> GcsPlace:  # noqa: F811
    return gcs_place


class TestGcs(ObjectStoreContract):
    @pytest.mark.parametrize("name", ["a/../b.jpg", "/lead//double/", "line\nbreak.jpg"])
    def test_names_that_no_file_can_have(self, place, name):
        self.test_names_go_there_and_back(place, name)

    def test_reading_asks_nothing_but_get(self, place, fake_gcs):
        for name in ("a.jpg", "b/c.jpg"):
            place.put(name, DATA)
        assert methods_while(fake_gcs, place, lambda: self.read_everything(place)) == {"GET"}
        assert methods_while(fake_gcs, place, lambda: put(place, "d.jpg")) == {"POST"}


def methods_while(server: FakeGcs, place: GcsPlace, act) -> set[str]:
    """The HTTP methods that the server says it was asked with, for the place's bucket."""
    before = len(server.log.read_text())
    act()
    asked = REQUEST.findall(server.log.read_text()[before:])
    return {method for method, path in asked if f"/b/{place.bucket.name}" in path}


def test_version_is_the_generation(place):
    place.put("x.jpg", DATA)
    blob = place.bucket.get_blob("some/prefix/x.jpg")
    _, info = stat(place, "x.jpg")
    assert (info.version, info.etag, info.content_type) == (str(blob.generation), blob.etag, "image/jpeg")


def test_a_change_of_metadata_is_no_new_version(place):
    place.put("x.jpg", DATA)
    reader, info = stat(place, "x.jpg")
    blob = place.bucket.get_blob("some/prefix/x.jpg")
    blob.metadata = {"reviewed": "yes"}
    blob.patch()
    assert reader.stat(info.uri, info.version, info.etag).version == info.version
    assert reader.read_range(info, 0, 4) == b"\0\1\2\3"


def test_a_version_of_another_store_is_refused(place):
    place.put("x.jpg", DATA)
    with pytest.raises(AssetError, match="'abc' is no generation of Cloud Storage"):
        open_reader(place.prefix).stat(parse_uri(place.uri("x.jpg")), "abc")


def test_stored_bytes_are_not_unpacked(place):
    blob = place.bucket.blob("some/prefix/x.gz")
    blob.content_encoding = "gzip"
    packed = bytes.fromhex("1f8b0800000000000203cb48cdc9c9070086a6103605000000")
    blob.upload_from_string(packed)
    reader, info = stat(place, "x.gz")
    assert reader.read_range(info, 0, 100) == packed


def test_a_missing_bucket(fake_gcs, monkeypatch):
    use(monkeypatch, fake_gcs.env)
    message = r"there is no bucket gs://nowhere-1: check the name, or create it with `gcloud storage buckets create"
    for act in (
        lambda: open_writer("gs://nowhere-1/out").check(),
        lambda: open_writer("gs://nowhere-1/out").put_if_absent("x", DATA, "", ""),
        lambda: open_reader("gs://nowhere-1/x").stat(parse_uri("gs://nowhere-1/x")),
    ):
        with pytest.raises(AssetError, match=message) as caught:
            act()
        assert not caught.value.retryable


def test_a_server_killed_and_started_again(tmp_path, monkeypatch):
    port = free_port()
    with started_fake_gcs(tmp_path, port, keep=True) as server:
        use(monkeypatch, server.env)
        place = GcsPlace(server.new_bucket())
        place.put("x.jpg", DATA)
        reader, info = stat(place, "x.jpg")
    for act in (
        lambda: reader.stat(info.uri),
        lambda: reader.read_range(info, 0, 4),
        lambda: put(place, "y.webp"),
        lambda: open_writer(place.prefix).check(),
    ):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="Cloud Storage does not answer") as caught:
            act()
        assert caught.value.retryable
        assert time.monotonic() - began < 5
    with started_fake_gcs(tmp_path, port, keep=True):
        assert reader.stat(info.uri).size_bytes == 10_240
        put(place, "y.webp")
        assert place.all()["y.webp"].data == DATA


def test_signed_urls_need_a_key(place, monkeypatch):
    place.put("a b.jpg", DATA)
    reader, info = stat(place, "a b.jpg")
    assert reader.signed_url(info, 60) is None
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {"client_email": "job@p.iam.gserviceaccount.com", "token_uri": "http://127.0.0.1:1/", "private_key": pem}
    client = storage.Client("p", Credentials.from_service_account_info(account))
    monkeypatch.setattr(gcs._CLIENTS, "get", lambda: client)
    url = reader.signed_url(info, 60)
    assert url is not None
    assert f"/{place.bucket.name}/some/prefix/a%20b.jpg?" in url
    assert "X-Goog-Expires=60&" in url
    assert f"generation={info.version}&" in url


def test_without_credentials(tmp_path, monkeypatch):
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))
    with pytest.raises(StoreUnavailable, match=r"no valid Google credentials .* run `gcloud auth application-default"):
        open_writer("gs://some-bucket/out").check()


def test_the_reader_calls_nothing_that_writes():
    """By introspection: of Google's client, everything outside the writer calls these methods only."""
    tree = ast.parse(Path(CHECKOUT / "stores" / "gcs.py").read_text(encoding="utf-8"))
    methods = {name for kind in (storage.Client, storage.Bucket, storage.Blob) for name in dir(kind)}
    called = {
        node.func.attr
        for part in tree.body
        if getattr(part, "name", "") != "GcsWriter"
        for node in ast.walk(part)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert called & methods == READ_CALLS


def test_the_emulator_ignores_conditions_on_reads(place):
    """Why the reader compares the generation that an answer names; if this fails, the emulator has learned it."""
    place.put("x.jpg", DATA)
    blob = place.bucket.get_blob("some/prefix/x.jpg")
    other = place.bucket.blob(blob.name)
    assert other.download_as_bytes(if_generation_match=blob.generation + 1) == DATA


def test_cache_control_of_a_long_upload(place):
    # Google's client sends more than 8 MiB in several requests.
    long = DATA * 900
    assert put(place, "long.webp", long) == place.uri("long.webp")
    assert place.all()["long.webp"] == (long, "image/webp", CACHE)
    put(place, "long.webp", long)
