"""A record of the log as readers share it: decoded and written as JSON at most once."""

from functools import cached_property

from bus.codec import json, kafka
from bus.event import Event, InvalidEvent
from bus.log.record import Partition, Record


class Entry:
    """The record at one offset; `type` is None where only decoding tells."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.offset = record.offset
        self.partition = Partition(record.topic, record.partition)
        self.type = kafka.type_of(record.headers, record.value)

    @cached_property
    def event(self) -> Event | None:
        """The event, or None when the record is not a valid CloudEvent."""
        try:
            return kafka.decode(self.record.headers, self.record.value)
        except InvalidEvent:
            return None

    @cached_property
    def body(self) -> bytes:
        """The event in structured JSON; b"" when there is none."""
        return b"" if self.event is None else json.encode(self.event)

    @property
    def size(self) -> int:
        """What it weighs in memory, about, in bytes."""
        record = self.record
        return 512 + len(record.value or b"") + sum(len(text or b"") for _, text in record.headers)
