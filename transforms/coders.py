"""Registers the coders of the records that cross a shuffle, so that their bytes outlive an update of the job."""

from typing import Any, Generic, TypeVar

from apache_beam import coders
from apache_beam.coders import typecoders

from media.coding import RecordCodec
from media.records import Notification, UploadEvent

RecordT = TypeVar("RecordT")


class RecordCoder(coders.Coder, Generic[RecordT]):
    """Beam's coder over `media.coding.RecordCodec`."""

    def __init__(self, record_class: type[RecordT]) -> None:
        self._codec = RecordCodec(record_class)

    def encode(self, value: RecordT) -> bytes:
        """The record as bytes."""
        return self._codec.encode(value)

    def decode(self, encoded: bytes) -> RecordT:
        """The record; older releases' bytes too."""
        return self._codec.decode(encoded)

    def is_deterministic(self) -> bool:
        """Fields are written in the order of their declaration."""
        return True

    def to_type_hint(self) -> type[RecordT]:
        """The record's class."""
        return self._codec.record_class

    @classmethod
    def from_type_hint(cls, typehint: type[RecordT], registry: Any) -> "RecordCoder[RecordT]":
        """Called by Beam's registry."""
        return cls(typehint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecordCoder) and self.to_type_hint() is other.to_type_hint()

    def __hash__(self) -> int:
        return hash(self.to_type_hint())


CROSSING = (Notification, UploadEvent)
"""The records that leave a fused stage."""


def register_coders(registry: typecoders.CoderRegistry = coders.registry) -> None:
    """Idempotent; called where the graph is built, since coders are inferred there."""
    for record_class in CROSSING:
        registry.register_coder(record_class, RecordCoder)
