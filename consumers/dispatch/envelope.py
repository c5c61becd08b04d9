"""A record as the stream read it, shared by all who want it."""

from typing import NamedTuple

from bus.codec import kafka
from bus.event import InvalidEvent
from bus.log.logged import LoggedEvent
from bus.log.record import Headers, Partition, Record
from bus.store.partition import StoredRecord


class Envelope(LoggedEvent):
    """The event at one offset, and how many windows and shelves hold it."""

    __slots__ = ("holders",)

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        self.holders = 0

    def forget(self) -> None:
        """Let go of the decoded event, which nobody wants: the tail holds many for long."""
        del self.event

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
