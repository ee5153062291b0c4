"""Feeds: what our own sources have pulled and not yet handed to the job, once per process and source.

The buffer belongs to the process and not to a reader: a runner may resume on another reader object, and what a parked
one held would be stranded with its leases.
"""

import abc
import threading
import time
from collections import deque
from typing import Protocol

import apache_beam as beam
from apache_beam import coders
from apache_beam.io.unbounded_source import (
    CheckpointMark,
    ReadFromUnboundedSource,
    UnboundedReader,
    UnboundedSource,
)
from apache_beam.utils.timestamp import Duration, Timestamp

from media.records import Notification
from transforms.coders import RecordCoder
from transforms.sources.ledger import Handle, Ledger

RECORDS_PER_BUNDLE = 8
"""Parallelism follows the source's bundles, and nothing of a bundle settles before its end."""

POLL_SECONDS = 0.1
"""How soon an idle source is asked again; adds to the latency of a lone upload."""

PAUSE_SECONDS = 5.0
"""How long nothing is handed out after a store refused a write: its clients have retried already."""

WATERMARK_LAG = Duration(seconds=2)
"""How late a message may come without counting as late; windows are SQL, so nothing depends on it."""


class Feed(abc.ABC):
    """Messages of one source in this process: pulled, handed out once, held until settled."""

    def __init__(self) -> None:
        self.ledger = Ledger(on_return=self.pause)
        self._ready: deque[Notification] = deque()
        self._paused_until = 0.0
        self.stopped = False
        self._failure: Exception | None = None

    @abc.abstractmethod
    def start(self) -> None:
        """Begins to pull; called once, before the first `take`."""

    @abc.abstractmethod
    def release(self) -> None:
        """Ends the connection, after everything has been settled or returned."""

    def offer(self, notification: Notification, handle: Handle) -> None:
        """A delivery from the broker: buffered if it is new, held with its first delivery if it is not."""
        if self.ledger.admit(notification.message_id, handle):
            self._ready.append(notification)

    def take(self) -> Notification | None:
        """The next message for the job, if there is one now.

        Raises:
            Exception: what ended the pulling, so that the job fails and is started again.
        """
        if self._failure is not None:
            raise self._failure
        if self.stopped or time.monotonic() < self._paused_until:
            return None
        try:
            return self._ready.popleft()
        except IndexError:
            return None

    def fail(self, failure: Exception) -> None:
        """Pulling has ended for good."""
        self._failure = failure

    def pause(self) -> None:
        """Hands out nothing for a while; what was pulled stays held."""
        self._paused_until = time.monotonic() + PAUSE_SECONDS

    def stop(self) -> None:
        """Hands out nothing more; returns what no step of the job has seen."""
        self.stopped = True
        while self._ready:
            self.ledger.give_back(self._ready.popleft().message_id)

    def close(self) -> None:
        """Returns what is unsettled and releases the connection."""
        self.stop()
        self.ledger.give_back_all()
        self.release()


class FeedSpec(Protocol):
    """Names a source and opens its feed; travels with the graph."""

    @property
    def uri(self) -> str:
        """The source's URI, as receipts carry it."""

    def check(self) -> None:
        """Raises ValueError, saying what is wrong, if the source cannot be read."""

    def open(self) -> Feed:
        """A feed that has not been started."""


class Feeds:
    """The open feeds of this process by URI; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Feed] = {}

    def get(self, spec: FeedSpec) -> Feed:
        """The feed of a source, started at its first use."""
        with self._lock:
            feed = self._open.get(spec.uri)
            if feed is None:
                feed = self._open[spec.uri] = spec.open()
                feed.start()
            return feed

    def ledger(self, uri: str) -> Ledger | None:
        """The ledger of a source, where this process pulls from it; None where the runner acknowledges."""
        with self._lock:
            feed = self._open.get(uri)
        return feed.ledger if feed else None

    def stop(self) -> None:
        """Stops handing out."""
        for feed in self._snapshot():
            feed.stop()

    def in_work(self) -> int:
        """Messages held over all feeds."""
        return sum(feed.ledger.in_work() for feed in self._snapshot())

    def close(self) -> None:
        """Returns everything and forgets the feeds; the next run opens new ones."""
        for feed in self._snapshot():
            feed.close()
        with self._lock:
            self._open.clear()

    def _snapshot(self) -> list[Feed]:
        with self._lock:
            return list(self._open.values())


FEEDS = Feeds()
"""This process's feeds."""


class _Mark(CheckpointMark):
    """Positions are the broker's; settling moves them, so a mark holds nothing."""


class _FeedReader(UnboundedReader):
    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._current: Notification | None = None

    def start(self) -> bool:
        return self.advance()

    def advance(self) -> bool:
        self._current = self._feed.take()
        return self._current is not None

    def get_current(self) -> Notification | None:
        return self._current

    def get_current_timestamp(self) -> Timestamp:
        published = self._current.published_at if self._current else None
        return Timestamp.from_utc_datetime(published) if published else Timestamp.now()

    def get_watermark(self) -> Timestamp:
        return Timestamp.now() - WATERMARK_LAG

    def get_checkpoint_mark(self) -> _Mark:
        return _Mark()


class FeedSource(UnboundedSource):
    """Beam's source over a feed; never split, since the process shares one buffer."""

    def __init__(self, spec: FeedSpec) -> None:
        self._spec = spec

    def split(self, desired_num_splits: int, options: object = None) -> list["FeedSource"]:
        """One source, whole."""
        return [self]

    def create_reader(self, options: object, checkpoint_mark: CheckpointMark | None) -> UnboundedReader:
        """A reader over this process's feed."""
        return _FeedReader(FEEDS.get(self._spec))

    def get_checkpoint_mark_coder(self) -> coders.Coder:
        """Marks are empty."""
        return coders.PickleCoder()

    def default_output_coder(self) -> coders.Coder:
        """Notifications have stable bytes."""
        return RecordCoder(Notification)


def read_feed(spec: FeedSpec) -> beam.PTransform:
    """Reads a feed in bundles small enough to keep every core busy and latency low."""
    return ReadFromUnboundedSource(
        FeedSource(spec), poll_interval=POLL_SECONDS, max_records_per_bundle=RECORDS_PER_BUNDLE
    )
