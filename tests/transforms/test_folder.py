"""A folder as a source: listed once, or watched."""

import json
import os
import time

import pytest

from media.notifications import Ignored, parse
from media.records import Receipt, UploadEvent
from tests.parts.common import wait_for
from transforms.sources import folder
from transforms.sources.folder import FolderFeed, FolderSpec, list_folder

LONG_AGO = 1_600_000_000


def put(path, text="x", mtime=LONG_AGO):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if mtime:
        os.utime(path, (mtime, mtime))


def paths(root):
    return [json.loads(notification.payload)["path"] for notification in list_folder(str(root))]


@pytest.fixture
def feed(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "SCAN_SECONDS", 0.05)
    monkeypatch.setattr(folder, "SETTLED_SECONDS", 0.5)
    monkeypatch.setattr(folder, "OLD_SECONDS", 60.0)
    opened = FolderFeed(FolderSpec(str(tmp_path), 8))
    yield opened
    opened.close()


def taken(feed, count, seconds=5):
    """Takes so many notifications; settles none."""
    found = []
    wait_for(
        lambda: found.extend(filter(None, [feed.take()])) or len(found) >= count, seconds, f"{count} notifications"
    )
    return [(json.loads(notification.payload), notification) for notification in found]


def test_everything_is_listed_in_the_order_of_names_and_links_are_not_followed(tmp_path):
    root, elsewhere = tmp_path / "in", tmp_path / "elsewhere.jpg"
    for name in ("b.jpg", "a/z.jpg", "-rf.jpg", "a\nb.jpg"):
        put(root / name)
    put(elsewhere)
    os.symlink(elsewhere, root / "link.jpg")
    os.symlink("self", root / "self")
    os.symlink(tmp_path / "gone", root / "dangling.jpg")
    os.symlink(root, root / "loop")
    os.mkfifo(root / "pipe")
    names = ["-rf.jpg", "a\nb.jpg", "b.jpg", "dangling.jpg", "link.jpg", "loop", "pipe", "self", "a/z.jpg"]
    assert paths(root) == [str(root / name) for name in names]
    ends = [parse(notification)[0] for notification in list_folder(str(root))]
    assert [end.reason for end in ends if isinstance(end, Ignored)] == [
        "a symbolic link",
        "a symbolic link",
        "a symbolic link",
        "no regular file",
        "a symbolic link",
    ]
    assert len([end for end in ends if isinstance(end, UploadEvent)]) == 4


def test_a_folder_that_cannot_be_listed_is_in_the_listing(tmp_path, monkeypatch):
    put(tmp_path / "closed" / "a.jpg")
    put(tmp_path / "b.jpg")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    # Root, as which tests may run, can list every folder.
    monkeypatch.setattr(os, "scandir", refusing)
    bodies = [json.loads(notification.payload) for notification in list_folder(str(tmp_path))]
    assert [(os.path.basename(body["path"]), body["error"]) for body in bodies] == [
        ("b.jpg", ""),
        ("closed", "Permission denied"),
    ]


def test_a_watched_folder_that_cannot_be_listed_for_a_while_deletes_nothing(feed, tmp_path, monkeypatch):
    put(tmp_path / "closed" / "a.jpg")
    feed.start()
    taken(feed, 1)
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    ((refused, _),) = taken(feed, 1)
    assert refused["error"] == "Permission denied"
    monkeypatch.setattr(os, "scandir", scandir)
    time.sleep(0.3)
    assert feed.take() is None


def test_a_file_that_comes_back_is_new(feed, tmp_path):
    put(tmp_path / "a.jpg")
    feed.start()
    ((_, first),) = taken(feed, 1)
    feed.ledger.settle(Receipt(str(tmp_path), first.message_id))
    (tmp_path / "a.jpg").unlink()
    ((gone, second),) = taken(feed, 1)
    assert gone["deleted"]
    feed.ledger.settle(Receipt(str(tmp_path), second.message_id))
    put(tmp_path / "a.jpg")
    ((back, _),) = taken(feed, 1)
    assert not back["deleted"]
    assert back["observed_ns"] > gone["observed_ns"]


def test_what_lies_there_and_what_comes_is_handed_out_once(feed, tmp_path):
    put(tmp_path / "a.jpg")
    feed.start()
    ((first, _),) = taken(feed, 1)
    put(tmp_path / "b.jpg")
    ((second, _),) = taken(feed, 1)
    assert [os.path.basename(body["path"]) for body in (first, second)] == ["a.jpg", "b.jpg"]
    time.sleep(0.3)
    assert feed.take() is None


def test_a_file_that_grows_is_waited_for(feed, tmp_path):
    feed.start()
    path = tmp_path / "growing.jpg"
    for size in range(1, 11):
        put(path, "x" * size, mtime=None)
        assert feed.take() is None
        time.sleep(0.1)
    ((body, _),) = taken(feed, 1)
    assert body["size"] == 10


def test_a_changed_file_is_a_new_version_and_a_missing_one_a_delete(feed, tmp_path):
    put(tmp_path / "a.jpg")
    feed.start()
    taken(feed, 1)
    put(tmp_path / "a.jpg", "changed", LONG_AGO + 1)
    ((changed, _),) = taken(feed, 1)
    (tmp_path / "a.jpg").unlink()
    ((deleted, _),) = taken(feed, 1)
    assert (changed["size"], changed["deleted"]) == (7, False)
    assert deleted["deleted"]
    assert deleted["observed_ns"] > changed["observed_ns"]


def test_what_is_returned_is_found_again_after_a_pause(feed, tmp_path, monkeypatch):
    monkeypatch.setattr("transforms.sources.feed.PAUSE_SECONDS", 0.3)
    put(tmp_path / "a.jpg")
    feed.start()
    ((_, first),) = taken(feed, 1)
    feed.ledger.give_back(first.message_id)
    assert feed.take() is None
    ((_, second),) = taken(feed, 1)
    assert json.loads(second.payload)["path"] == json.loads(first.payload)["path"]


def test_no_more_is_held_than_is_allowed(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "SCAN_SECONDS", 0.05)
    for number in range(20):
        put(tmp_path / f"{number:02d}.jpg")
    feed = FolderFeed(FolderSpec(str(tmp_path), 8))
    feed.start()
    held = taken(feed, 8)
    time.sleep(0.3)
    assert feed.take() is None
    for _, notification in held:
        feed.ledger.settle(Receipt(feed._spec.uri, notification.message_id))
    assert len(taken(feed, 8)) == 8
    feed.close()


def test_a_watched_folder_that_vanishes_ends_the_job(feed, tmp_path, monkeypatch):
    feed.start()
    os.rename(tmp_path, tmp_path.with_name("moved"))

    def failed():
        try:
            feed.take()
        except NotADirectoryError as error:
            return str(error).endswith("is gone")
        return False

    wait_for(failed, 5, "the failure")
