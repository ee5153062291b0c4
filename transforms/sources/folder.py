"""A folder: what lies in it, once (bounded), or that and what changes (watched).

Notifications carry path, modification time and size; no file is opened here.
"""

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from media.notifications.listing import file_notification
from media.records import Notification
from transforms.sources.feed import Feed

SCAN_SECONDS = 1.0
"""How often a watched folder is listed."""

SETTLED_SECONDS = 2.0
"""A file whose size or time changed more recently may still be growing, and is waited for."""

OLD_SECONDS = 60.0
"""A file found with an older modification time is not growing; what lay in the folder before starts at once."""

ROOM_SECONDS = 0.05
"""How often a scan looks whether there is room for more work."""

_Version = tuple[int, int]
"""Modification time in nanoseconds, size in bytes."""


@dataclass(frozen=True)
class FolderListing:
    """A folder to list once, its path absolute and without links."""

    root: str

    @property
    def uri(self) -> str:
        """The folder's path."""
        return self.root

    def check(self) -> None:
        """Asks whether the folder is there and may be read.

        Raises:
            ValueError: saying what is wrong.
        """
        check_folder(self.root)


def check_folder(root: str) -> None:
    """Raises ValueError, saying what is wrong, if the folder cannot be listed."""
    if not os.path.isdir(root):
        raise ValueError(f"--input={root}: there is no such folder")
    if not os.access(root, os.R_OK | os.X_OK):
        raise ValueError(f"--input={root}: this user may not read this folder")


def list_folder(root: str) -> Iterator[Notification]:
    """Every regular file below a folder, in the order of names; links to files are followed, links to folders not.

    Args:
        root: an absolute path without links.
    """
    for path, status in _files(root):
        yield file_notification(root, path, status.st_mtime_ns, status.st_size)


def _files(root: str) -> Iterator[tuple[str, os.stat_result]]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = os.path.realpath(os.path.join(folder, name))
            try:
                status = os.stat(path)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status


@dataclass(frozen=True)
class FolderSpec:
    """A watched folder, its path absolute and without links."""

    root: str
    max_in_work: int

    @property
    def uri(self) -> str:
        """The folder's path."""
        return self.root

    def check(self) -> None:
        """Asks whether the folder is there and may be read.

        Raises:
            ValueError: saying what is wrong.
        """
        check_folder(self.root)

    def open(self) -> "FolderFeed":
        """A feed that has not been started."""
        return FolderFeed(self)


@dataclass(frozen=True)
class _Delivery:
    """A folder keeps no list of what was read: returning a delivery makes the next scan find it again."""

    undo: Callable[[], object]

    def ack(self) -> None:
        """Nothing to tell anybody."""

    def nack(self) -> None:
        """As if it had not been offered."""
        self.undo()


class FolderFeed(Feed):
    """Lists the folder again and again; hands out each version of a file once it has stopped growing."""

    def __init__(self, spec: FolderSpec) -> None:
        super().__init__()
        self._spec = spec
        self._given: dict[str, _Version] = {}
        self._growing: dict[str, tuple[_Version, float]] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="folder", daemon=True)

    def start(self) -> None:
        """Begins to scan."""
        self._thread.start()

    def release(self) -> None:
        """Ends the scanning."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        try:
            while not self._closed.is_set():
                self._scan()
                self._closed.wait(SCAN_SECONDS)
        except OSError as error:
            self.fail(error)

    def _scan(self) -> None:
        if not os.path.isdir(self._spec.root):
            raise NotADirectoryError(f"the watched folder {self._spec.root} is gone")
        present = set()
        for path, status in _files(self._spec.root):
            present.add(path)
            version = (status.st_mtime_ns, status.st_size)
            if self._given.get(path) != version and self._has_settled(path, version):
                self._wait_for_room()
                self._give(path, version)
        for path in self._given.keys() - present:
            self._miss(path)

    def _has_settled(self, path: str, version: _Version) -> bool:
        now = time.monotonic()
        seen, since = self._growing.get(path, (None, now))
        if seen != version:
            since = now
            self._growing[path] = (version, now)
        return now - since >= SETTLED_SECONDS or time.time() - version[0] / 1e9 > OLD_SECONDS

    def _wait_for_room(self) -> None:
        while self.ledger.in_work() >= self._spec.max_in_work and not self._closed.wait(ROOM_SECONDS):
            pass

    def _give(self, path: str, version: _Version) -> None:
        self._growing.pop(path, None)
        self._given[path] = version
        self._offer(path, *version, deleted=False, undo=lambda: self._given.pop(path, None))

    def _miss(self, path: str) -> None:
        version = self._given.pop(path)
        self._offer(path, time.time_ns(), version[1], deleted=True, undo=lambda: self._given.setdefault(path, version))

    def _offer(self, path: str, mtime_ns: int, size: int, *, deleted: bool, undo: Callable[[], object]) -> None:
        root = self._spec.root
        self.offer(file_notification(root, path, mtime_ns, size, deleted=deleted), _Delivery(undo))
