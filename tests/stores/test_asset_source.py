"""One object, opened once: on a folder, Cloud Storage and S3, and over a wire that fails."""

import hashlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from media.errors import AssetError, AssetTooLarge, StoreUnavailable, Superseded
from stores.asset_source import AssetSource, sweep_stale
from tests.parts.common import CHECKOUT
from tests.stores.faulty_wire import faulty_wire
from tests.stores.object_places import folder_place, gcs_place, place, s3_place, use  # noqa: F401

DATA = os.urandom(3_000_000)
SHA256 = hashlib.sha256(DATA).hexdigest()


def temporary_files():
    """Copies that this process keeps."""
    folders = Path(tempfile.gettempdir()).glob(f"proofstream-{os.getpid()}-*")
    return sorted(path for folder in folders for path in folder.iterdir())


@pytest.fixture
def uri(place):  # noqa: F811
    place.put("a b/x.JPG", DATA)
    return place.uri("a b/x.JPG")


def test_info_reads_no_content(uri):
    with AssetSource(uri) as source:
        assert source.info().size_bytes == 3_000_000
        assert source.bytes_read == 0
        assert source.info() is source.info()


def test_content_is_fetched_once(place, uri):  # noqa: F811
    with AssetSource(uri) as source:
        assert source.checksum() == SHA256
        path = source.path()
        assert Path(path).read_bytes() == DATA
        assert source.checksum() == SHA256
        assert source.path() == path
        assert source.bytes_read == 3_000_000
        if place.remote:
            assert source.head(10) == DATA[:10]
            assert source.bytes() == DATA
            assert source.bytes_read == 3_000_000


def test_a_head_is_not_fetched_again(place, uri):  # noqa: F811
    with AssetSource(uri) as source:
        assert source.head(1000) == DATA[:1000]
        assert source.bytes_read == 1000
        assert source.head(70_000) == DATA[:70_000]
        assert source.bytes_read == (70_000 if place.remote else 71_000)
        before = source.bytes_read
        assert source.checksum() == SHA256
        assert source.bytes_read == before + 3_000_000 - (70_000 if place.remote else 0)
        assert source.bytes() == DATA


def test_a_head_beyond_the_end(place):  # noqa: F811
    place.put("small", b"abc")
    with AssetSource(place.uri("small")) as source:
        assert source.head(1000) == b"abc"
        assert source.bytes() == b"abc"
        assert source.checksum() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_an_empty_object(place):  # noqa: F811
    place.put("empty", b"")
    with AssetSource(place.uri("empty")) as source:
        assert (source.head(10), source.bytes()) == (b"", b"")
        assert source.checksum() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        assert Path(source.path()).read_bytes() == b""


def test_path(place, uri):  # noqa: F811
    with AssetSource(uri) as source:
        path = source.path()
        assert path.endswith(".JPG")
        assert (path == uri) is not place.remote
        assert temporary_files() == ([Path(path)] if place.remote else [])
        if place.remote:
            assert os.stat(path).st_mode & 0o077 == 0
    assert temporary_files() == []
    assert os.path.exists(path) is not place.remote


@pytest.mark.parametrize("name", ["x.;touch y", "x." + "j" * 40, "x.j\npg", "no extension"])
def test_odd_extensions_are_dropped(gcs_place, name):  # noqa: F811
    gcs_place.put(name, b"abc")
    with AssetSource(gcs_place.uri(name)) as source:
        assert os.path.splitext(source.path())[1] == ""


def test_a_closed_source_reads_nothing(uri):
    source = AssetSource(uri)
    source.checksum()
    source.close()
    source.close()
    assert source.checksum() == SHA256
    assert source.info().size_bytes == 3_000_000
    for read in (source.path, source.bytes, lambda: source.head(3)):
        with pytest.raises(ValueError, match="is closed"):
            read()


def test_a_forgotten_source_leaves_no_file(uri):
    source = AssetSource(uri)
    source.path()
    del source
    assert temporary_files() == []


def test_a_declared_size_over_the_limit_is_refused_before_reading(uri):
    with AssetSource(uri, size_limit=2_000_000) as source:
        assert source.info().size_bytes == 3_000_000
        for read in (source.path, source.checksum, source.bytes):
            message = r"is larger than the limit: 2\.9 MiB of 1\.9 MiB \(--max_bytes\)"
            with pytest.raises(AssetTooLarge, match=message):
                read()
        assert source.bytes_read == 0
        assert source.head(10) == DATA[:10]
    with AssetSource(uri, size_limit=3_000_000) as source:
        assert source.checksum() == SHA256


def test_an_overwritten_version_is_superseded(place, uri):  # noqa: F811
    with AssetSource(uri) as source:
        first = source.info()
        source.check_unchanged()
        place.put("a b/x.JPG", DATA[::-1])
        for read in (source.check_unchanged, source.path, source.checksum, source.bytes, lambda: source.head(9)):
            with pytest.raises(Superseded, match="was replaced by another version"):
                read()
    assert temporary_files() == []
    with AssetSource(uri, first.version, first.etag) as late, pytest.raises(Superseded):
        late.info()


def test_overwritten_between_head_and_rest(place, uri):  # noqa: F811
    with AssetSource(uri) as source:
        assert source.head(100) == DATA[:100]
        place.put("a b/x.JPG", DATA[::-1])
        with pytest.raises(Superseded):
            source.checksum()


def test_a_deleted_object_is_superseded(place, uri):  # noqa: F811
    with AssetSource(uri) as source:
        source.info()
        place.remove("a b/x.JPG")
        with pytest.raises(Superseded, match="is gone"):
            source.path()


def test_pickles_to_what_names_it(uri):
    source = AssetSource(uri, size_limit=5_000_000)
    source.path()
    assert len(pickle.dumps(source)) < 400
    again = pickle.loads(pickle.dumps(source))
    assert (again.uri, again.size_limit, again.bytes_read) == (uri, 5_000_000, 0)
    assert (again.version, again.etag) == (source.info().version, source.info().etag)
    source.close()
    with again:
        assert again.checksum() == SHA256
        assert Path(again.path()).read_bytes() == DATA


def test_a_signed_url_where_there_can_be_one(place, uri):  # noqa: F811
    with AssetSource(uri) as source:
        assert (source.signed_url() is not None) is uri.startswith("s3://")


def test_originals_are_untouched(place, uri):  # noqa: F811
    before = place.traces()
    with AssetSource(uri) as source:
        source.head(10), source.path(), source.checksum(), source.bytes(), source.signed_url(), source.check_unchanged()
    assert place.traces() == before


@pytest.fixture(params=["gcs", "s3"])
def wire(request, monkeypatch):
    """An object of 3 MB, seen over a wire that can fail."""
    chosen = request.getfixturevalue(f"{request.param}_place")
    chosen.put("x.jpg", DATA)
    server = request.getfixturevalue({"gcs": "fake_gcs", "s3": "moto"}[request.param]).endpoint
    with faulty_wire(server) as wire:
        use(monkeypatch, {"STORAGE_EMULATOR_HOST": wire.endpoint, "AWS_ENDPOINT_URL": wire.endpoint})
        yield wire, chosen.uri("x.jpg")


def test_a_download_that_breaks_off_goes_on_from_there(wire):
    wire, uri = wire
    with AssetSource(uri) as source:
        source.info()
        wire.cut.extend([1_000_000, 500_000])
        assert source.checksum() == SHA256
        assert wire.content_requests[0] == ""
        assert len(wire.content_requests) == 3
        assert source.bytes_read == 3_000_000
        assert Path(source.path()).read_bytes() == DATA


def test_two_refusals_are_overcome(wire):
    wire, uri = wire
    with AssetSource(uri) as source:
        source.info()
        wire.refuse.extend([503, 503])
        assert source.checksum() == SHA256


def test_three_refusals_are_an_outage_and_later_it_works(wire):
    wire, uri = wire
    with AssetSource(uri) as source:
        source.info()
        wire.refuse.extend([503, 500, 503])
        with pytest.raises(StoreUnavailable, match="does not answer"):
            source.path()
        assert len(wire.content_requests) == 3
        assert temporary_files() == []
        assert source.checksum() == SHA256


def test_cut_three_times_leaves_nothing_behind(wire):
    wire, uri = wire
    with AssetSource(uri) as source:
        source.info()
        wire.cut.extend([1_000_000, 500_000, 100_000])
        with pytest.raises(StoreUnavailable):
            source.path()
        assert temporary_files() == []
        assert Path(source.path()).read_bytes() == DATA


def test_a_size_over_the_limit_that_was_not_declared(wire):
    wire, uri = wire
    wire.declared = 1000
    with AssetSource(uri, size_limit=100_000) as source:
        assert source.info().size_bytes == 1000
        with pytest.raises(AssetTooLarge, match=r"of 97\.7 KiB"):
            source.path()
    assert temporary_files() == []


def test_more_than_declared(wire):
    wire, uri = wire
    wire.declared = 1000
    with (
        AssetSource(uri) as source,
        pytest.raises(AssetError, match="more bytes than the 1000 that its store declares"),
    ):
        source.checksum()


def test_a_full_disk_is_nobodys_fault(s3_place, tmp_path):  # noqa: F811
    s3_place.put("x.jpg", DATA)
    code = (
        "import resource, signal, sys; from stores.asset_source import AssetSource; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try: AssetSource(sys.argv[1]).path()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    answer = subprocess.run(
        [sys.executable, "-B", "-c", code, s3_place.uri("x.jpg")],
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert answer.stdout == (
        f"StoreUnavailable the temporary folder {tmp_path} cannot hold a copy: File too large: "
        "make room, or name another in TMPDIR\n"
    ), answer.stderr
    assert list(tmp_path.iterdir()) == []


HOLDER = """
import sys, time
from stores.asset_source import AssetSource
source = AssetSource(sys.argv[1])
print(source.path(), flush=True)
time.sleep(600)
"""


def holder(uri):
    """A process that keeps a copy; with the copy's path."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, uri], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    return process, Path(process.stdout.readline().strip())


def test_copies_of_the_dead_are_swept_and_those_of_the_living_stay(s3_place, tmp_path, monkeypatch):  # noqa: F811
    s3_place.put("x.jpg", DATA)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "proofstream-notes").mkdir()
    (tmp_path / "proofstream-1-file").write_bytes(b"")
    (tmp_path / "proofstream-1-link").symlink_to(tmp_path / "proofstream-notes")
    (dead, dead_copy), (living, living_copy) = holder(s3_place.uri("x.jpg")), holder(s3_place.uri("x.jpg"))
    try:
        assert sweep_stale() == []
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        assert dead_copy.exists()
        assert sweep_stale() == [str(dead_copy.parent)]
        assert (dead_copy.parent.exists(), living_copy.read_bytes() == DATA) == (False, True)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
            ["proofstream-notes", "proofstream-1-file", "proofstream-1-link", living_copy.parent.name]
        )
    finally:
        living.kill()
        living.wait()


def test_a_process_that_ends_well_leaves_nothing(s3_place, tmp_path):  # noqa: F811
    s3_place.put("x.jpg", DATA)
    code = HOLDER.replace("time.sleep(600)", "")
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", code, s3_place.uri("x.jpg")]
    answer = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, check=True)
    assert answer.stdout.startswith(f"{tmp_path}/proofstream-")
    assert list(tmp_path.iterdir()) == []


def test_a_forked_child_has_a_folder_of_its_own(s3_place, tmp_path, monkeypatch):  # noqa: F811
    s3_place.put("x.jpg", DATA)
    with AssetSource(s3_place.uri("x.jpg")) as source:
        path = source.path()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        child = os.fork()
        if child == 0:
            with AssetSource(s3_place.uri("x.jpg")) as own:
                fine = Path(own.path()).parent != Path(path).parent and own.checksum() == SHA256
            source.close()
            os._exit(0 if fine else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert Path(path).read_bytes() == DATA
        assert [Path(swept).name.split("-")[1] for swept in sweep_stale()] == [str(child)]


@pytest.mark.parametrize(
    ("uri", "module", "extra"), [("gs://b/x", "google.cloud", "gcp"), ("s3://b/x", "boto3", "aws")]
)
def test_a_client_that_is_not_installed(uri, module, extra):
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from stores.objects import open_reader, open_writer\n"
        "for act in (open_reader, open_writer):\n"
        "    try: act(sys.argv[1])\n"
        "    except Exception as error: print(type(error).__name__, error)"
    )
    answer = subprocess.run([sys.executable, "-c", code, uri], cwd=CHECKOUT, capture_output=True, text=True)
    lines = answer.stdout.splitlines()
    assert len(lines) == 2, answer.stderr
    for line in lines:
        assert line.startswith(f"AssetError {uri} needs the Python module {module}")
        assert line.endswith(f"pip install 'proofstream[{extra}]'")
