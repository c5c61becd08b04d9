"""A record as the stream read it: decoded and rendered at most once, shared by all who want it."""

from functools import cached_property
from typing import NamedTuple

from bus.codec import json, kafka
from bus.event import Event, InvalidEvent
from bus.log.record import Headers, Partition, Record
from bus.store.partition import StoredRecord


class Envelope:
    """The event at one offset; `size` is what it weighs in a window or a tail, in bytes."""

    __slots__ = ("__dict__", "holders", "offset", "record", "size")

    def __init__(self, record: Record) -> None:
        self.record = record
        self.holders = 0
        self.offset = record.offset
        self.size = 512 + len(record.value or b"")
        for _, text in record.headers:
            self.size += len(text or b"")

    @cached_property
    def event(self) -> Event | None:
        """The event, or None when the record is not a valid CloudEvent."""
        try:
            return kafka.decode(self.record.headers, self.record.value)
        except InvalidEvent:
            return None

    @property
    def fault(self) -> str:
        """Why the record is not a valid CloudEvent, in codes."""
        try:
            kafka.decode(self.record.headers, self.record.value)
        except InvalidEvent as error:
            return ", ".join(error.codes)
        return ""

    @property
    def key(self) -> bytes:
        """What orders the event: the record's key, or its source if it was written without one."""
        if self.record.key is not None:
            return self.record.key
        return self.event.source.encode() if self.event is not None else b""

    @cached_property
    def body(self) -> bytes:
        """The event in structured JSON, as every subscriber gets it.

        Raises ValueError for a record that is not a valid CloudEvent: such a one is never admitted.
        """
        if self.event is None:
            msg = f"the record at offset {self.offset} is not a CloudEvent"
            raise ValueError(msg)
        return json.encode(self.event)

    @property
    def copy(self) -> StoredRecord:
        """The record as the store keeps it."""
        record = self.record
        return StoredRecord(record.key, record.value, tuple(record.headers), record.timestamp)


class KeptRecord(NamedTuple):
    """A record that comes back from the store instead of the log."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def from_copy(copy: StoredRecord, place: Partition, offset: int) -> Envelope:
    """Give the envelope of an event that the store kept."""
    return Envelope(KeptRecord(*place, offset, copy.timestamp, copy.key, copy.value, copy.headers))
