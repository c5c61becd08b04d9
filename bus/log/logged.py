"""A record as readers share it: decoded, and written as JSON, at most once."""

from functools import cached_property

from bus.codec import json, kafka
from bus.event import Event
from bus.log.record import Record


class LoggedEvent:
    """The event at one offset; `size` is what it weighs in memory, about, in bytes."""

    __slots__ = ("__dict__", "offset", "record", "size")

    def __init__(self, record: Record) -> None:
        self.record = record
        self.offset = record.offset
        size = 512 + len(record.key or b"") + len(record.value or b"")
        for name, text in record.headers:
            size += len(name) + len(text or b"")
        self.size = size

    @cached_property
    def event(self) -> Event | None:
        """The event, or None when the record is not a valid CloudEvent."""
        return kafka.event_in(self.record.headers, self.record.value)

    @cached_property
    def body(self) -> bytes:
        """The event in structured JSON, as every subscriber gets it. Raises as `sound` does."""
        return json.encode(self.sound())

    def sound(self) -> Event:
        """Give the event; ValueError for a record that is none: nobody wants such a one."""
        if self.event is None:
            raise ValueError(f"the record at offset {self.offset} is not a CloudEvent")
        return self.event
