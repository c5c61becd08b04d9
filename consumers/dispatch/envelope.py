"""A record as the stream read it, shared by all who want it."""

from typing import NamedTuple

from bus.codec import json, kafka
from bus.event import InvalidEvent
from bus.log.logged import LoggedEvent
from bus.log.record import Headers, Partition, Record
from bus.store.directory import Snapshot
from bus.store.partition import StoredRecord
from consumers.sinks.webhook.request import Content


class Envelope(LoggedEvent):
    """The event at one offset, and how many windows and shelves hold it."""

    __slots__ = ("_asked", "_content", "_readers", "holders")

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        self.holders = 0
        self._content: Content | None = None
        self._asked: Snapshot | None = None
        self._readers: frozenset[str] = frozenset()

    def readers(self, now: Snapshot) -> frozenset[str]:
        """Give the organisations that may read the event now, looked up once in each snapshot.

        Raises NotFound where no domain has its topic.
        """
        if self._asked is not now:
            domain, event = now.domain_of(self.record.topic), self.event
            self._readers = now.access.readers(event.source, domain.name) if event else frozenset()
            self._asked = now
        return self._readers

    @property
    def content(self) -> Content:
        """What every webhook gets of the event. Raises as `sound` does."""
        if self._content is None:
            event = self.sound()
            self._content = Content(event, json.encode(event))
        return self._content

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
