"""URIs keep every name as it is; containment is decided on `/` boundaries and after links are resolved."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.uris import ObjectUri, asset_id, lies_inside, parse_prefix, parse_uri
from tests.parts.common import CHECKOUT

NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60)
NASTY = [
    "2026/a b+c.jpg",
    "100%.jpg",
    "%2F%41.jpg",
    "what?x=1&y=2#top.jpg",
    "-rf.jpg",
    "a/../../b",
    "line\nbreak\r.jpg",
    "/leading//double/",
    "ü \u0065\u0301 日本語 🌉",
    "gs://other/name",
]


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_names_are_taken_as_they_are(scheme, name):
    assert parse_uri(f"{scheme}://bucket/{name}") == ObjectUri(scheme, "bucket", name)


@given(st.sampled_from(["gs://bucket/", "s3://my.bucket-1/", "/"]), NAMES)
def test_str_gives_the_uri_back(start, name):
    assert str(parse_uri(start + name)) == start + name


def test_a_file_is_its_path():
    uri = parse_uri("/photos/a b#1?.jpg")
    assert uri == ObjectUri("file", "", "/photos/a b#1?.jpg")
    assert uri.basename == "a b#1?.jpg"


@pytest.mark.parametrize(
    ("uri", "basename"),
    [("gs://b/a/b.jpg", "b.jpg"), ("s3://b/b.jpg", "b.jpg"), ("gs://b/a/", ""), ("/b.jpg", "b.jpg")],
)
def test_basename(uri, basename):
    assert parse_uri(uri).basename == basename


@pytest.mark.parametrize(
    "text", ["", "photo.jpg", "gs://bucket", "gs://bucket/", "gs:///name", "GS://b/n", "http://h/n"]
)
def test_what_names_no_object_is_refused(text):
    with pytest.raises(ValueError, match="names no object: give gs://BUCKET/NAME"):
        parse_uri(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("gs://b", ObjectUri("gs", "b", "")),
        ("gs://b/", ObjectUri("gs", "b", "")),
        ("s3://b/a/c//", ObjectUri("s3", "b", "a/c")),
        ("/photos/", ObjectUri("file", "", "/photos")),
    ],
)
def test_prefixes(text, place):
    assert parse_prefix(text) == place


def test_a_prefix_without_a_name_is_written_as_its_bucket():
    assert str(parse_prefix("gs://b/")) == "gs://b"


@pytest.mark.parametrize("text", ["", "pubsub://p/s", "http://h/n", "gs://"])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(ValueError, match="is no place for objects"):
        parse_prefix(text)


def test_asset_id_is_stable():
    assert asset_id("gs://bucket/a b.jpg") == "59c7ab42c2c1a8559395d97bee517430"
    code = "from media.uris import asset_id; print(asset_id('gs://bucket/a b.jpg'))"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == asset_id("gs://bucket/a b.jpg")


@given(NAMES, NAMES)
def test_asset_ids_differ_as_uris_do(one, other):
    assert (asset_id(f"gs://b/{one}") == asset_id(f"gs://b/{other}")) == (one == other)


@pytest.mark.parametrize(
    ("inner", "outer", "inside"),
    [
        ("gs://b/a/x", "gs://b/a", True),
        ("gs://b/a/x", "gs://b/a/", True),
        ("gs://b/a", "gs://b/a/", True),
        ("gs://b/ab/x", "gs://b/a", False),
        ("gs://b/a", "gs://b/a/x", False),
        ("gs://b/a/x", "gs://b", True),
        ("gs://b/a/x", "gs://bb", False),
        ("gs://b/a/x", "s3://b/a", False),
        ("s3://b/a/../x", "s3://b/x", False),
        ("/gs/b", "gs://b", False),
        ("gs://b/a", "pubsub://p/s", False),
        ("/a/b", "pubsub://p/s", False),
        ("/nowhere/ab", "/nowhere/a", False),
        ("/nowhere/a/b", "/nowhere/a", True),
        ("/nowhere/a/../b", "/nowhere/a", False),
        ("/nowhere", "/", True),
    ],
)
def test_lies_inside(inner, outer, inside):
    assert lies_inside(inner, outer) is inside


def test_lies_inside_looks_through_links(tmp_path):
    (tmp_path / "photos" / "out").mkdir(parents=True)
    (tmp_path / "elsewhere").symlink_to(tmp_path / "photos")
    assert lies_inside(str(tmp_path / "elsewhere" / "out"), str(tmp_path / "photos"))
    assert lies_inside(str(tmp_path / "photos" / "out"), str(tmp_path / "elsewhere"))
    assert lies_inside(str(tmp_path / "elsewhere" / "not yet" / "there"), str(tmp_path / "photos"))
    assert not lies_inside(str(tmp_path / "photos"), str(tmp_path / "elsewhere" / "out"))


def test_a_relative_folder_is_meant_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lies_inside("photos/out", str(tmp_path / "photos"))
