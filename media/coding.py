"""Stable bytes for what a running job keeps: a version byte, then JSON.

A job that is updated in place decodes what its predecessor encoded: a field added with a default decodes from older
bytes, and a field that is unknown is passed over. Pickles do neither.
"""

from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

FORMAT = b"\x01"
"""First byte of every encoded record; another layout gets another byte, and both stay decodable."""

RecordT = TypeVar("RecordT")

_ADAPTERS: dict[type, TypeAdapter[Any]] = {}
"""By record class: making one takes milliseconds, and codecs are unpickled for every bundle."""


class RecordCodec(Generic[RecordT]):
    """Encodes one record class.

    Raises:
        ValueError: on decoding bytes of an unknown format or of another record.
    """

    def __init__(self, record_class: type[RecordT]) -> None:
        self.record_class = record_class

    def _adapter(self) -> TypeAdapter[RecordT]:
        adapter = _ADAPTERS.get(self.record_class)
        if adapter is None:
            adapter = _ADAPTERS[self.record_class] = TypeAdapter(self.record_class)
        return adapter

    def encode(self, record: RecordT) -> bytes:
        """The record as bytes."""
        return FORMAT + self._adapter().dump_json(record)

    def decode(self, encoded: bytes) -> RecordT:
        """The record that `encode` was given, or an older release's."""
        if encoded[:1] != FORMAT:
            raise ValueError(f"unknown record format {encoded[:1]!r} for {self.record_class.__name__}")
        record: RecordT = self._adapter().validate_json(encoded[1:])
        return record
