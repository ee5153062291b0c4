"""A folder: what lies in it, once (bounded), or that and what changes (watched).

Notifications carry path, modification time and size; no file is opened here.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from media.notifications.listing import FoundFile, file_notification
from media.records import Notification
from transforms.sources.feed import Feed

SCAN_SECONDS = 1.0
"""How often a watched folder is listed."""

SETTLED_SECONDS = 2.0
"""A file whose size or time changed more recently may still be growing, and is waited for."""

OLD_SECONDS = 60.0
"""A file that came longer ago is not growing; what lay in the folder before starts at once."""

CLOSE_SECONDS = 5.0
"""How long a scan that hangs in a broken mount may hold up the end of the job."""

ROOM_SECONDS = 0.05
"""How often a scan looks whether there is room for more work."""

_Version = tuple[int, int, str]
"""Modification time in nanoseconds, size in bytes, and why it could not be looked at."""


@dataclass(frozen=True)
class _Folder:
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
        if not os.path.isdir(self.root):
            raise ValueError(f"--input={self.root}: there is no such folder")
        if not os.access(self.root, os.R_OK | os.X_OK):
            raise ValueError(f"--input={self.root}: this user may not read this folder")


@dataclass(frozen=True)
class FolderListing(_Folder):
    """A folder to list once, its path absolute and without links."""


def list_folder(root: str) -> Iterator[Notification]:
    """Every path below a folder that is no folder, in the order of names.

    Links are not followed: with photos from many hands, one could point anywhere. What cannot be looked at is in the
    listing too, with the reason.

    Args:
        root: an absolute path without links.
    """
    for found in _found(root):
        yield file_notification(root, found)


def _found(root: str) -> Iterator[FoundFile]:
    unreadable: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=unreadable.append):
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in sorted(names + links):
            yield from _look(os.path.join(folder, name))
    for error in unreadable:
        if not isinstance(error, FileNotFoundError):
            yield _unseen(error.filename, error)


def _look(path: str) -> Iterator[FoundFile]:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        # It went between the listing and the look.
        return
    except OSError as error:
        yield _unseen(path, error)
    else:
        yield FoundFile(path, time.time_ns(), status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_mode)


def _unseen(path: str, error: OSError) -> FoundFile:
    return FoundFile(path, time.time_ns(), error=error.strerror or str(error))


@dataclass(frozen=True)
class FolderSpec(_Folder):
    """A watched folder, its path absolute and without links."""

    max_in_work: int

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
        self._growing: dict[str, tuple[tuple[int, int], float]] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="folder", daemon=True)

    def start(self) -> None:
        """Begins to scan."""
        self._thread.start()

    def release(self) -> None:
        """Ends the scanning."""
        self._closed.set()
        self._thread.join(CLOSE_SECONDS)

    def _watch(self) -> None:
        try:
            while not self._closed.is_set():
                self._scan()
                self._closed.wait(SCAN_SECONDS)
        except Exception as error:
            self.fail(error)

    def _scan(self) -> None:
        if not os.path.isdir(self._spec.root):
            raise NotADirectoryError(f"the watched folder {self._spec.root} is gone")
        present, unseen = set(), []
        for found in _found(self._spec.root):
            if self._closed.is_set():
                return
            present.add(found.path)
            if found.error:
                unseen.append(found.path)
            version = (found.mtime_ns, found.size, found.error)
            if self._given.get(found.path) != version and (found.error or self._has_settled(found)):
                self._wait_for_room()
                self._give(found, version)
        for path in self._growing.keys() - present:
            self._growing.pop(path)
        for path in self._given.keys() - present:
            if not any(path.startswith(f"{folder}/") for folder in unseen):
                self._miss(path)

    def _has_settled(self, found: FoundFile) -> bool:
        now, state = time.monotonic(), (found.mtime_ns, found.size)
        seen, since = self._growing.get(found.path, (None, now))
        if seen != state:
            since = now
            self._growing[found.path] = (state, now)
        return now - since >= SETTLED_SECONDS or time.time() - found.ctime_ns / 1e9 > OLD_SECONDS

    def _wait_for_room(self) -> None:
        while self.ledger.in_work() >= self._spec.max_in_work and not self._closed.wait(ROOM_SECONDS):
            pass

    def _give(self, found: FoundFile, version: _Version) -> None:
        self._growing.pop(found.path, None)
        self._given[found.path] = version
        self._offer(found, undo=lambda: self._given.pop(found.path, None))

    def _miss(self, path: str) -> None:
        version = self._given.pop(path, None)
        if version is not None and not version[2]:
            now = time.time_ns()
            found = FoundFile(path, now, version[0], now, version[1], deleted=True)
            self._offer(found, undo=lambda: self._given.setdefault(path, version))

    def _offer(self, found: FoundFile, *, undo: Callable[[], object]) -> None:
        self.offer(file_notification(self._spec.root, found), _Delivery(undo))
