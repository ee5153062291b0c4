"""Files as an object store: the contract, links, half-written files, folders that cannot be written to."""

import ast
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from media.errors import AssetError, Superseded
from media.uris import parse_uri
from stores.files import INCOMING, OPEN_FLAGS, FileReader, FileWriter, file_version
from stores.objects import open_reader, open_writer
from tests.parts.common import CHECKOUT, wait_for
from tests.stores.object_contract import DATA, ObjectStoreContract
from tests.stores.object_places import FolderPlace, folder_place  # noqa: F401

WRITER = """
import sys
from stores.objects import open_writer
writer = open_writer(sys.argv[1])
for number in range(1_000_000):
    writer.put_if_absent(f"id/{number}.webp", bytes([number % 256]) * 300_000, "image/webp", "")
"""


@pytest.fixture
def place(folder_place: FolderPlace) -> FolderPlace:  # noqa: F811
    return folder_place


class TestFiles(ObjectStoreContract):
    def test_names_with_line_breaks(self, place):
        assert open_writer(place.prefix).put_if_absent("a\nb\r.webp", DATA, "", "") == place.uri("a\nb\r.webp")
        assert place.all()["a\nb\r.webp"].data == DATA


def test_version_is_time_and_size(place):
    place.put("x.jpg", DATA)
    uri = parse_uri(place.uri("x.jpg"))
    assert FileReader().stat(uri).version == "1700000000000000000-10240"
    assert file_version(os.stat(uri.name)) == "1700000000000000000-10240"


def test_a_link_is_not_followed(place, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    (place.folder / "x.jpg").symlink_to(tmp_path / "secret")
    with pytest.raises(AssetError, match=r"x\.jpg is a symbolic link") as caught:
        FileReader().stat(parse_uri(place.uri("x.jpg")))
    assert not caught.value.retryable


def test_a_file_that_a_link_has_replaced_is_not_read(place, tmp_path):
    place.put("x.jpg", DATA)
    reader = FileReader()
    info = reader.stat(parse_uri(place.uri("x.jpg")))
    place.remove("x.jpg")
    (place.folder / "x.jpg").symlink_to(tmp_path)
    for read in (lambda: reader.read_range(info, 0, 4), lambda: reader.local_path(info)):
        with pytest.raises(AssetError, match="is a symbolic link"):
            read()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_refused_at_once(place, make):
    make(place.folder / "x.jpg")
    with pytest.raises(AssetError, match=r"x\.jpg is no regular file"):
        FileReader().stat(parse_uri(place.uri("x.jpg")))


def test_paths_that_cannot_be(place):
    with pytest.raises(AssetError, match="File name too long"):
        FileReader().stat(parse_uri(place.uri("x" * 300)))
    with pytest.raises(AssetError, match="is no possible path"):
        FileReader().stat(parse_uri(place.uri("x\0.jpg")))
    place.put("x.jpg", DATA)
    with pytest.raises(Superseded, match="is gone"):
        FileReader().stat(parse_uri(place.uri("x.jpg/y.jpg")))


def test_a_file_that_grows_while_it_is_read_is_superseded(place):
    place.put("x.jpg", DATA)
    reader = FileReader()
    info = reader.stat(parse_uri(place.uri("x.jpg")))

    class Grower:
        received = 0

        def write(self, data: bytes) -> int:
            self.received += len(data)
            place.put("x.jpg", DATA + b"more")
            return len(data)

        def restart(self) -> None:
            self.received = 0

    with pytest.raises(Superseded, match="was replaced by another version"):
        reader.download(info, Grower())


@pytest.mark.parametrize("key", ["", "/x", "a//x", "../x", "a/../../x", "a/.", "x\0"])
def test_keys_stay_below_the_folder(place, key):
    with pytest.raises(ValueError, match="is no name below"):
        open_writer(place.prefix).put_if_absent(key, DATA, "", "")
    assert list(place.folder.rglob("*")) == []


def test_files_are_readable_for_others_as_the_umask_says(place):
    before = os.umask(0o027)
    try:
        open_writer(place.prefix).put_if_absent("id/x.webp", DATA, "", "")
    finally:
        os.umask(before)
    assert (place.folder / "id/x.webp").stat().st_mode & 0o777 == 0o640


def test_killed_at_any_moment_every_file_is_whole(place):
    def written() -> list[Path]:
        return list((place.folder / "id").glob("*"))

    for milliseconds in (50, 120, 190):
        process = subprocess.Popen([sys.executable, "-c", WRITER, place.prefix], cwd=CHECKOUT)
        seen = len(written())
        wait_for(lambda: len(written()) > seen, 20, "the writer's first file")  # noqa: B023
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert written()
    for path in written():
        assert path.read_bytes() == bytes([int(path.stem) % 256]) * 300_000


def test_check_sweeps_what_a_killed_process_has_left(place):
    writer = open_writer(place.prefix)
    writer.check()
    old, fresh = place.folder / INCOMING / "old", place.folder / INCOMING / "fresh"
    old.write_bytes(b"half")
    fresh.write_bytes(b"half")
    os.utime(old, (1, 1))
    writer.check()
    assert (old.exists(), fresh.exists()) == (False, True)


def test_a_file_system_without_hard_links(place, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    open_writer(place.prefix).put_if_absent("id/x.webp", DATA, "", "")
    assert {name: stored.data for name, stored in place.all().items()} == {"id/x.webp": DATA}


def test_check_makes_the_folder(tmp_path):
    open_writer(str(tmp_path / "a" / "b")).check()
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == [INCOMING]


def test_check_says_what_is_wrong(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AssetError, match=r"cannot write in .*/file/out: Not a directory"):
        open_writer(str(tmp_path / "file" / "out")).check()


AS_NOBODY = """
import os, sys
import stores.files
from media.errors import AssetError
from media.uris import parse_uri
from stores.objects import open_reader, open_writer
folder = sys.argv[1]
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
for act in (lambda: open_writer(folder).check(),
            lambda: open_writer(folder).put_if_absent("y.webp", b"y", "", ""),
            lambda: open_reader(f"{folder}/locked.jpg").stat(parse_uri(f"{folder}/locked.jpg"))):
    try:
        act()
    except AssetError as error:
        print(error.retryable, error)
reader = open_reader(f"{folder}/x.jpg")
info = reader.stat(parse_uri(f"{folder}/x.jpg"))
print(reader.read_range(info, 0, 4))
"""


def test_without_permission(tmp_path_factory):
    folder = tmp_path_factory.mktemp("locked")
    for part in (folder, *folder.parents[:2]):
        part.chmod(0o755)  # Root's test becomes somebody else, who has to get here.
    (folder / "x.jpg").write_bytes(DATA)
    (folder / "locked.jpg").write_bytes(DATA)
    (folder / "locked.jpg").chmod(0)
    folder.chmod(0o555)
    env = {"PYTHONPATH": str(CHECKOUT)}
    answer = subprocess.run([sys.executable, "-c", AS_NOBODY, folder], env=env, capture_output=True, text=True)
    assert answer.stdout.splitlines() == [
        f"False cannot write in {folder}: permission denied: allow it to this user",
        f"False cannot write {folder}/y.webp: permission denied: allow it to this user",
        f"False cannot read {folder}/locked.jpg: permission denied: allow it to this user",
        "b'\\x00\\x01\\x02\\x03'",
    ], answer.stderr


def test_the_reader_opens_for_reading_only():
    """By introspection: one `os.open`, without any flag that writes, and no other call that changes a file system."""
    tree = ast.parse((CHECKOUT / "stores" / "files.py").read_text(encoding="utf-8"))
    parts = [node for node in tree.body if getattr(node, "name", "") in (FileReader.__name__, "_opened", "_status")]
    calls = {
        ast.unparse(node.func)
        for part in parts
        for node in ast.walk(part)
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("os.", "open", "shutil"))
    }
    assert calls == {"os.open", "os.close", "os.fstat", "os.pread"}
    assert OPEN_FLAGS & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND) == 0
    assert OPEN_FLAGS & os.O_NOFOLLOW


def test_chosen_by_uri(place):
    assert isinstance(open_reader(place.uri("x.jpg")), FileReader)
    assert isinstance(open_writer(place.prefix), FileWriter)
