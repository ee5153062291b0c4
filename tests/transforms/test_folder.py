"""A folder as a source: listed once, or watched."""

import json
import os
import time

import pytest

from media.records import Receipt
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


def test_files_are_listed_in_the_order_of_names_links_resolved(tmp_path):
    root, elsewhere = tmp_path / "in", tmp_path / "elsewhere.jpg"
    for name in ("b.jpg", "a/z.jpg", "-rf.jpg", "a\nb.jpg"):
        put(root / name)
    put(elsewhere)
    os.symlink(elsewhere, root / "link.jpg")
    os.symlink(tmp_path / "gone", root / "dangling.jpg")
    os.symlink(root, root / "loop")
    os.mkfifo(root / "pipe")
    expected = [root / "-rf.jpg", root / "a\nb.jpg", root / "b.jpg", elsewhere, root / "a" / "z.jpg"]
    assert paths(root) == [str(path) for path in expected]


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
    assert deleted["mtime_ns"] > changed["mtime_ns"]


def test_what_is_returned_is_found_again_after_a_pause(feed, tmp_path, monkeypatch):
    monkeypatch.setattr("transforms.sources.feed.PAUSE_SECONDS", 0.3)
    put(tmp_path / "a.jpg")
    feed.start()
    ((_, first),) = taken(feed, 1)
    feed.ledger.give_back(first.message_id)
    assert feed.take() is None
    ((_, second),) = taken(feed, 1)
    assert second == first


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
