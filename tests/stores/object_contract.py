"""What every object store promises; each store's test file runs all of it against the real store or its emulator."""

import inspect
import threading
from datetime import datetime, timedelta, timezone

import pytest

from media.errors import Superseded
from media.uris import ObjectUri, parse_uri
from stores.objects import ObjectInfo, ObjectReader, open_reader, open_writer
from tests.stores.object_places import Place, Stored

DATA = bytes(range(256)) * 40
CACHE = "public, max-age=31536000, immutable"
NAMES = [
    "plain.jpg",
    "a b/c d.jpg",
    "a+b=c&d.jpg",
    "100%.jpg",
    "%41%2F.jpg",
    "what?x=1#top.jpg",
    "-rf.jpg",
    "..jpg",
    "tab\tbell\a.jpg",
    "ü/e\u0301/日本語/🌉.jpg",
    "quo'te\"<>&.jpg",
    "back\\slash.jpg",
    "*.jpg",
]
READS = {"stat", "read_range", "download", "local_path", "signed_url"}


class Heap:
    """A plain `Sink`."""

    def __init__(self) -> None:
        self.data = b""

    @property
    def received(self) -> int:
        return len(self.data)

    def write(self, data: bytes, /) -> int:
        self.data += data
        return len(data)

    def restart(self) -> None:
        self.data = b""


def stat(place: Place, name: str) -> tuple[ObjectReader, ObjectInfo]:
    reader = open_reader(place.uri(name))
    return reader, reader.stat(parse_uri(place.uri(name)))


def put(place: Place, key: str, data: bytes = DATA) -> str:
    return open_writer(place.prefix).put_if_absent(key, data, "image/webp", CACHE)


class ObjectStoreContract:
    """Tests over a fixture `place`."""

    @pytest.mark.parametrize("name", NAMES)
    def test_names_go_there_and_back(self, place: Place, name: str) -> None:
        uri = put(place, name, name.encode())
        assert uri == place.uri(name)
        assert {key: stored.data for key, stored in place.all().items()} == {name: name.encode()}
        reader, info = stat(place, name)
        assert (str(info.uri), info.size_bytes) == (uri, len(name.encode()))
        assert reader.read_range(info, 0, 1000) == name.encode()

    def test_headers_are_kept(self, place: Place) -> None:
        put(place, "id/x.webp")
        headers = ("image/webp", CACHE) if place.keeps_headers else (None, None)
        assert place.all() == {"id/x.webp": Stored(DATA, *headers)}

    def test_info(self, place: Place) -> None:
        before = datetime.now(timezone.utc) - timedelta(seconds=2)
        put(place, "x.webp")
        _, info = stat(place, "x.webp")
        assert info.size_bytes == 10_240
        assert info.version
        assert info.content_type == ("image/webp" if place.keeps_headers else None)
        assert before <= info.updated_at <= datetime.now(timezone.utc) + timedelta(seconds=2)
        assert info.updated_at.utcoffset() == timedelta(0)

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            (0, 4, b"\0\1\2\3"),
            (254, 258, b"\xfe\xff\0\1"),
            (10_238, 99_999, b"\xfe\xff"),
            (5, 5, b""),
            (10_240, 9**9, b""),
        ],
    )
    def test_ranges(self, place: Place, start: int, end: int, expected: bytes) -> None:
        place.put("x.jpg", DATA)
        reader, info = stat(place, "x.jpg")
        assert reader.read_range(info, start, end) == expected

    def test_download_goes_on_where_the_sink_is(self, place: Place) -> None:
        place.put("x.jpg", DATA)
        reader, info = stat(place, "x.jpg")
        sink = Heap()
        reader.download(info, sink)
        assert sink.data == DATA
        sink.data = DATA[:1000]
        reader.download(info, sink)
        assert sink.data == DATA
        reader.download(info, sink)
        assert sink.data == DATA

    def test_an_empty_object(self, place: Place) -> None:
        put(place, "empty", b"")
        reader, info = stat(place, "empty")
        sink = Heap()
        reader.download(info, sink)
        assert (info.size_bytes, reader.read_range(info, 0, 10), sink.data) == (0, b"", b"")

    def test_the_version_asked_for_is_given(self, place: Place) -> None:
        place.put("x.jpg", DATA)
        reader, info = stat(place, "x.jpg")
        assert reader.stat(info.uri, info.version, info.etag) == info

    def test_an_overwritten_version_is_superseded(self, place: Place) -> None:
        place.put("x.jpg", DATA)
        reader, old = stat(place, "x.jpg")
        place.put("x.jpg", DATA[::-1])
        for read in (
            lambda: reader.stat(old.uri, old.version, old.etag),
            lambda: reader.stat(old.uri, old.version),
            lambda: reader.read_range(old, 0, 4),
            lambda: reader.download(old, Heap()),
        ):
            with pytest.raises(Superseded, match=r"x\.jpg was replaced by another version"):
                read()
        assert stat(place, "x.jpg")[1].version != old.version

    def test_what_is_gone_is_superseded(self, place: Place) -> None:
        place.put("x.jpg", DATA)
        reader, old = stat(place, "x.jpg")
        place.remove("x.jpg")
        for read in (
            lambda: reader.stat(old.uri, old.version, old.etag),
            lambda: reader.stat(old.uri),
            lambda: reader.read_range(old, 0, 4),
            lambda: reader.download(old, Heap()),
        ):
            with pytest.raises(Superseded, match=r"x\.jpg is gone"):
                read()

    def test_putting_again_changes_nothing(self, place: Place) -> None:
        put(place, "id/x.webp")
        traces = place.traces()
        assert put(place, "id/x.webp", b"other") == place.uri("id/x.webp")
        assert place.traces() == traces
        assert place.all()["id/x.webp"].data == DATA

    def test_eight_threads_put_one_object(self, place: Place) -> None:
        writer, start = open_writer(place.prefix), threading.Barrier(8)
        uris: list[str] = []

        def work() -> None:
            start.wait()
            for key in ("id/a.webp", "id/b.webp"):
                uris.append(writer.put_if_absent(key, DATA + key.encode(), "image/webp", CACHE))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(uris) == [place.uri("id/a.webp")] * 8 + [place.uri("id/b.webp")] * 8
        assert {key: stored.data for key, stored in place.all().items()} == {
            "id/a.webp": DATA + b"id/a.webp",
            "id/b.webp": DATA + b"id/b.webp",
        }

    def test_check_passes_and_leaves_no_object(self, place: Place) -> None:
        open_writer(place.prefix).check()
        assert place.all() == {}

    def test_a_reader_has_no_method_that_writes(self, place: Place) -> None:
        reader = type(open_reader(place.uri("x.jpg")))
        public = {name for name, _ in inspect.getmembers(reader) if not name.startswith("_")}
        assert public == READS

    def test_reading_leaves_no_trace(self, place: Place) -> None:
        for name in ("a.jpg", "b/c.jpg"):
            place.put(name, DATA)
        before, objects = place.traces(), place.all()
        self.read_everything(place)
        assert (place.traces(), place.all()) == (before, objects)

    def read_everything(self, place: Place) -> None:
        """Every method of the reader, on objects that are there, replaced and gone."""
        for name in ("a.jpg", "b/c.jpg"):
            reader, info = stat(place, name)
            reader.stat(info.uri, info.version, info.etag)
            reader.read_range(info, 0, 100)
            reader.download(info, Heap())
            reader.local_path(info)
            reader.signed_url(info, 60)
        with pytest.raises(Superseded):
            reader.stat(ObjectUri(info.uri.scheme, info.uri.bucket, info.uri.name + ".gone"))
