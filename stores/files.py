"""Objects that are files of this machine."""

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone

from media.errors import AssetError, StoreUnavailable
from media.uris import ObjectUri
from stores.objects import CHUNK_BYTES, ObjectInfo, Sink, gone, patiently, replaced, require_length

OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""Links are resolved by whoever lists a folder; one that is met here was put in a file's place afterwards. A named pipe
would block an open that waits."""

TRANSIENT_ERRNOS = frozenset(
    {
        errno.EIO,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENOTCONN,
        errno.ECONNRESET,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
    }
)
"""The disk or its server is in trouble, not one file: nothing may be dead-lettered for it."""

WITHOUT_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""What file systems say that have no hard links (FAT, some network shares), or no more of them."""

INCOMING = ".incoming"
"""Folder below the writer's for what is not whole yet: one place, so that it can be swept."""

INCOMING_SECONDS = 3600
"""A file being written is there for moments; after an hour its writer is dead."""


def file_version(status: os.stat_result) -> str:
    """The version of a file: modification time in nanoseconds, and size in bytes."""
    return f"{status.st_mtime_ns}-{status.st_size}"


class FileReader:
    """An `ObjectReader` of regular files; symbolic links are not followed."""

    @patiently
    def stat(self, uri: ObjectUri, version: str = "", etag: str = "") -> ObjectInfo:
        """Opens the file and asks for its status; files have no ETag, so that one is not compared."""
        with _opened(uri) as file:
            return _described(uri, _status(file, uri, version))

    @patiently
    def read_range(self, info: ObjectInfo, start: int, end: int) -> bytes:
        """Reads between two looks at the version."""
        end = min(end, info.size_bytes)
        if start >= end:
            return b""
        with _opened(info.uri) as file:
            _status(file, info.uri, info.version)
            data = os.pread(file, end - start, start)
            while len(data) < end - start and (more := os.pread(file, end - start - len(data), start + len(data))):
                data += more
            _status(file, info.uri, info.version)
        require_length(info, len(data), end - start)
        return data

    @patiently
    def download(self, info: ObjectInfo, sink: Sink) -> None:
        """Reads between two looks at the version."""
        with _opened(info.uri) as file:
            _status(file, info.uri, info.version)
            while chunk := os.pread(file, CHUNK_BYTES, sink.received):
                sink.write(chunk)
            _status(file, info.uri, info.version)
        require_length(info, sink.received, info.size_bytes)

    def local_path(self, info: ObjectInfo) -> str | None:
        """The file's own path, if it still is that version."""
        self.stat(info.uri, info.version)
        return info.uri.name

    def signed_url(self, info: ObjectInfo, seconds: int) -> str | None:
        """None: a file has no URL."""
        return None


class FileWriter:
    """An `ObjectWriter` below a folder. Neither content type nor cache control can be kept."""

    def __init__(self, place: ObjectUri) -> None:
        self._root = place.name
        self._incoming = os.path.join(place.name, INCOMING)

    @patiently
    def put_if_absent(self, key: str, data: bytes, content_type: str, cache_control: str) -> str:
        """Writes the file elsewhere, syncs it, and links it to its name, which never overwrites."""
        if any(part in ("", ".", "..") for part in key.split("/")) or "\0" in key:
            raise ValueError(f"{key!r} is no name below {self._root}")
        path = os.path.join(self._root, key)
        with _explained("write", path):
            if not os.path.lexists(path):
                self._publish(data, path)
        return path

    @patiently
    def check(self) -> None:
        """Makes the folder, tries to write in it, and removes what a killed process has left."""
        with _explained("write in", self._root):
            os.remove(self._written(b""))
            self._sweep()

    def _publish(self, data: bytes, path: str) -> None:
        temporary = self._written(data)
        try:
            _make_folder(os.path.dirname(path))
            _link(temporary, path)
        finally:
            with suppress(FileNotFoundError):
                os.remove(temporary)
        _sync_folder(os.path.dirname(path))

    def _written(self, data: bytes) -> str:
        _make_folder(self._incoming)
        path = os.path.join(self._incoming, secrets.token_hex(16))
        with open(path, "xb") as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.remove(path)
                raise
        return path

    def _sweep(self) -> None:
        oldest = time.time() - INCOMING_SECONDS
        with os.scandir(self._incoming) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.stat(follow_symlinks=False).st_mtime < oldest:
                        os.remove(entry.path)


def _link(temporary: str, path: str) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        # Names are content-addressed: what this replaces, whole, has the same bytes.
        os.replace(temporary, path)


def _make_folder(folder: str) -> None:
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    _make_folder(parent)
    with suppress(FileExistsError):
        os.mkdir(folder)
    _sync_folder(parent)


def _sync_folder(folder: str) -> None:
    # A name is safe from a power failure only once its folder has been synced.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _opened(uri: ObjectUri) -> Iterator[int]:
    with _explained("read", uri.name):
        try:
            file = os.open(uri.name, OPEN_FLAGS)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise gone(uri) from error
        except ValueError as error:
            raise AssetError(f"{uri} is no possible path: {error}") from error
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise AssetError(f"{uri} is a symbolic link, and links are not followed: name what it leads to") from error
        try:
            yield file
        finally:
            os.close(file)


def _status(file: int, uri: ObjectUri, version: str) -> os.stat_result:
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise AssetError(f"{uri} is no regular file")
    if version not in ("", file_version(status)):
        raise replaced(uri)
    return status


def _described(uri: ObjectUri, status: os.stat_result) -> ObjectInfo:
    updated_at = datetime.fromtimestamp(status.st_ctime_ns / 1e9, timezone.utc)
    return ObjectInfo(uri, file_version(status), "", status.st_size, None, updated_at)


@contextmanager
def _explained(doing: str, path: str) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise AssetError(f"cannot {doing} {path}: permission denied: allow it to this user") from error
    except OSError as error:
        kind = StoreUnavailable if error.errno in TRANSIENT_ERRNOS else AssetError
        raise kind(f"cannot {doing} {path}: {error.strerror or error}") from error
