"""A record as readers share it: decoded, and written as JSON, at most once."""

from bus.codec import json, kafka
from bus.event import Event
from bus.log.record import Record


class LoggedEvent:
    """The event at one offset; `size` is what it weighs in memory, about, in bytes."""

    __slots__ = ("_body", "_decoded", "_event", "offset", "record", "size")

    def __init__(self, record: Record) -> None:
        self.record = record
        self._decoded = False
        self._event: Event | None = None
        self._body: bytes | None = None
        self.offset = record.offset
        size = 512 + len(record.key or b"") + len(record.value or b"")
        for name, text in record.headers:
            size += len(name) + len(text or b"")
        self.size = size

    @property
    def event(self) -> Event | None:
        """The event, or None when the record is not a valid CloudEvent."""
        if not self._decoded:
            self._event = kafka.event_in(self.record.headers, self.record.value)
            self._decoded = True
        return self._event

    @property
    def body(self) -> bytes:
        """The event in structured JSON, as every subscriber gets it. Raises as `sound` does."""
        if self._body is None:
            self._body = json.encode(self.sound())
        return self._body

    def sound(self) -> Event:
        """Give the event; ValueError for a record that is none: nobody wants such a one."""
        event = self.event
        if event is None:
            raise ValueError(f"the record at offset {self.offset} is not a CloudEvent")
        return event

    def forget(self) -> None:
        """Let go of what was made of the record, which is made again if somebody wants it."""
        self._decoded, self._event, self._body = False, None, None
