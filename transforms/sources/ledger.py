"""What this process has taken from a broker and not yet settled.

Receipts travel with the events; the ledger keeps, for each message, how to acknowledge it. Messages are acknowledged
after the write of their last part, never when they are read: on an in-memory runner an early acknowledgement loses
whatever the process held when it died.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from media.records import Receipt

REMEMBERED = 10_000
"""Settled messages whose redelivery is acknowledged again instead of being worked on again: a minute's worth and more
at the rate that one process reaches."""


class Handle(Protocol):
    """How to end one delivery of a message."""

    def ack(self) -> None:
        """Tells the broker that the message is done."""

    def nack(self) -> None:
        """Gives the message back."""


@dataclass
class _Entry:
    handles: list[Handle]
    settled: set[int] = field(default_factory=set)


class Ledger:
    """Unsettled messages of one source in this process; thread-safe."""

    def __init__(self, on_return: Callable[[], None] = lambda: None) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._on_return = on_return

    def admit(self, message_id: str, handle: Handle) -> bool:
        """Whether the message is new work.

        A redelivery of a message in work is held with it, so that settling ends both deliveries; one of a message
        that was settled is acknowledged again.
        """
        with self._lock:
            entry = self._entries.get(message_id)
            if entry is not None:
                entry.handles.append(handle)
                return False
            if message_id not in self._recent:
                self._entries[message_id] = _Entry([handle])
                return True
        handle.ack()
        return False

    def settle(self, receipt: Receipt) -> bool:
        """Marks one part as done; acknowledges the message with its last part. Returns whether this was new."""
        with self._lock:
            entry = self._entries.get(receipt.message_id)
            if entry is None or receipt.part in entry.settled:
                return False
            entry.settled.add(receipt.part)
            if len(entry.settled) < receipt.parts:
                return True
            del self._entries[receipt.message_id]
            self._remember(receipt.message_id)
        for handle in entry.handles:
            handle.ack()
        return True

    def give_back(self, message_id: str) -> bool:
        """Returns a message to its broker, and tells the source to pause. Returns whether it was held."""
        with self._lock:
            entry = self._entries.pop(message_id, None)
        if entry is None:
            return False
        self._on_return()
        for handle in entry.handles:
            handle.nack()
        return True

    def give_back_all(self) -> int:
        """Returns every message that is held; how many."""
        with self._lock:
            held = list(self._entries)
        return sum(self.give_back(message_id) for message_id in held)

    def handles(self) -> list[Handle]:
        """Every delivery that is held, for extending leases."""
        with self._lock:
            return [handle for entry in self._entries.values() for handle in entry.handles]

    def in_work(self) -> int:
        """How many messages are held."""
        with self._lock:
            return len(self._entries)

    def _remember(self, message_id: str) -> None:
        self._recent[message_id] = None
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
