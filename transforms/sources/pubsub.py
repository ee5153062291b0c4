"""Pub/Sub off Dataflow: unary pull behind a feed, with leases extended for as long as a message is held.

Google's streaming pull would extend leases too; its emulator never delivers again what a killed client held, so that
the promise of this source could not be tested with it (docs/decisions/0006-unary-pull.md).

Source: https://cloud.google.com/pubsub/docs/lease-management
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timezone
from queue import Empty, SimpleQueue
from typing import Any

from google.api_core.exceptions import (
    DeadlineExceeded,
    GoogleAPIError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
)
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import SubscriberClient

from media.errors import StoreUnavailable
from media.records import Notification
from transforms.sources.feed import Feed

LEASE_SECONDS = 20
"""What a killed job held comes back after so long; Pub/Sub takes 10 to 600."""

EXTEND_SECONDS = 6
"""Three extensions may be lost before a lease runs out."""

PULL_MESSAGES = 100
"""Per request; a request answers as soon as there is one."""

PULL_SECONDS = 10
"""How long one pull waits for a first message; a drain waits no longer than that for the thread."""

COURIER_SECONDS = 0.02
"""How often acknowledgements are sent together."""

RETRY_SECONDS = 1.0
"""Pause after a pull that failed for a passing reason."""

CHECK_SECONDS = 20
"""How long the check before the start may take."""

CALL_SECONDS = 3
"""How long an acknowledgement or an extension may take; it is tried once, since a lease outlives several of them."""

IDS_PER_CALL = 1000
"""Pub/Sub takes requests of 512 KiB, and an ack id has about 200 bytes."""

FINAL = (NotFound, PermissionDenied, Unauthenticated, InvalidArgument)
"""Errors that no waiting mends."""

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class PubSubSpec:
    """One subscription and how many of its messages this process holds at most."""

    project: str
    subscription: str
    max_in_work: int

    @property
    def uri(self) -> str:
        """As `--input` names it."""
        return f"pubsub://{self.project}/{self.subscription}"

    def check(self) -> None:
        """Asks whether the subscription is there and may be read.

        Raises:
            ValueError: saying what is wrong.
            StoreUnavailable: Pub/Sub does not answer.
        """
        try:
            with SubscriberClient() as client:
                path = client.subscription_path(self.project, self.subscription)
                client.get_subscription(request={"subscription": path}, timeout=CHECK_SECONDS, retry=None)
        except GoogleAPIError as error:
            if not isinstance(error, FINAL):
                raise StoreUnavailable(f"--input={self.uri}: Pub/Sub does not answer: {error}") from error
            raise self._refused(error) from error
        except GoogleAuthError as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> ValueError:
        return ValueError(f"--input={self.uri}: {error}; create it, or give this account roles/pubsub.subscriber")

    def open(self) -> "PubSubFeed":
        """A feed that has not been started."""
        return PubSubFeed(self)


@dataclass(frozen=True)
class _Delivery:
    """One delivery of a message, ended through the feed's courier."""

    feed: "PubSubFeed"
    ack_id: str

    def ack(self) -> None:
        """Acknowledges with the next request."""
        self.feed.acks.put(self.ack_id)

    def nack(self) -> None:
        """Gives the message back with the next request."""
        self.feed.nacks.put(self.ack_id)


class PubSubFeed(Feed):
    """Holds at most `max_in_work` unsettled messages; leases are extended until they are settled or returned."""

    def __init__(self, spec: PubSubSpec) -> None:
        super().__init__()
        self._spec = spec
        self._path = SubscriberClient.subscription_path(spec.project, spec.subscription)
        self._ended = threading.Event()
        self._extended_at = time.monotonic()
        self.acks: SimpleQueue[str] = SimpleQueue()
        self.nacks: SimpleQueue[str] = SimpleQueue()

    def start(self) -> None:
        """Begins to pull and to extend leases."""
        self._client = SubscriberClient()
        self._puller = threading.Thread(target=self._pull, name="pubsub pull", daemon=True)
        self._courier = threading.Thread(target=self._carry, name="pubsub courier", daemon=True)
        self._puller.start()
        self._courier.start()

    def release(self) -> None:
        """Sends the last acknowledgements and closes the connection."""
        self._ended.set()
        self._courier.join(CALL_SECONDS)
        self._send()
        self._client.transport.close()

    def _pull(self) -> None:
        try:
            self._pull_until_ended()
        except Exception as error:
            self.fail(error)

    def _pull_until_ended(self) -> None:
        while not self._ended.is_set():
            room = self._spec.max_in_work - self.ledger.in_work()
            if self.stopped or room <= 0:
                self._ended.wait(COURIER_SECONDS)
                continue
            try:
                self._offer_all(self._pulled(min(room, PULL_MESSAGES)))
            except FINAL as error:
                self.fail(StoreUnavailable(f"{self._spec.uri}: {error}"))
                return
            except (GoogleAPIError, GoogleAuthError) as error:
                _LOGGER.warning("%s: pulling again: %s", self._spec.uri, error)
                self._ended.wait(RETRY_SECONDS)
            except ValueError:
                # The channel was closed under a waiting pull, as a drain does it.
                if not self._ended.is_set():
                    raise

    def _pulled(self, most: int) -> Sequence[Any]:
        request = {"subscription": self._path, "max_messages": most}
        try:
            return self._client.pull(request, timeout=PULL_SECONDS, retry=None).received_messages
        except DeadlineExceeded:
            return ()

    def _offer_all(self, received: Sequence[Any]) -> None:
        self._extend([one.ack_id for one in received])
        for one in received:
            message = one.message
            notification = Notification(
                source=self._spec.uri,
                message_id=message.message_id,
                payload=message.data,
                attributes=dict(message.attributes),
                published_at=message.publish_time.astimezone(timezone.utc),
            )
            self.offer(notification, _Delivery(self, one.ack_id))

    def _carry(self) -> None:
        try:
            self._carry_until_ended()
        except Exception as error:
            self.fail(error)

    def _carry_until_ended(self) -> None:
        while not self._ended.wait(COURIER_SECONDS):
            self._send()
            if time.monotonic() - self._extended_at > EXTEND_SECONDS:
                self._extended_at = time.monotonic()
                self._extend([handle.ack_id for handle in self.ledger.handles() if isinstance(handle, _Delivery)])

    def _send(self) -> None:
        for ack_ids in _chunks(_drained(self.acks)):
            self._call(self._client.acknowledge, {"ack_ids": ack_ids})
        for ack_ids in _chunks(_drained(self.nacks)):
            self._call(self._client.modify_ack_deadline, {"ack_ids": ack_ids, "ack_deadline_seconds": 0})

    def _extend(self, ack_ids: Sequence[str]) -> None:
        for chunk in _chunks(ack_ids):
            request = {"ack_ids": chunk, "ack_deadline_seconds": LEASE_SECONDS}
            self._call(self._client.modify_ack_deadline, request)

    def _call(self, method: Any, request: dict[str, Any]) -> None:
        # What could not be told to the broker comes again: recorded already, it is acknowledged then.
        try:
            method({"subscription": self._path, **request}, timeout=CALL_SECONDS, retry=None)
        except (GoogleAPIError, GoogleAuthError) as error:
            _LOGGER.warning("%s: %s", self._spec.uri, error)


def _chunks(ack_ids: Sequence[str]) -> list[list[str]]:
    return [list(ack_ids[start : start + IDS_PER_CALL]) for start in range(0, len(ack_ids), IDS_PER_CALL)]


def _drained(queue: "SimpleQueue[str]") -> list[str]:
    found = []
    while True:
        try:
            found.append(queue.get_nowait())
        except Empty:
            return found
