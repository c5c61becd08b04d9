"""A record of the log as those who fetch share it."""

from bus.codec import kafka
from bus.log.logged import LoggedEvent
from bus.log.record import Partition, Record


class Entry(LoggedEvent):
    """The event at one place; `type` is None where only decoding tells."""

    __slots__ = ("partition", "type")

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        self.partition = Partition(record.topic, record.partition)
        self.type = kafka.type_of(record.headers, record.value)
