"""What an entry of the log looks like to the rest of the house."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

Headers = Sequence[tuple[str, bytes | None]]
"""Kafka header names and values, in the order written; a name may come twice, a value be null."""


MAX_RECORD_BYTES = 1_048_576
"""The largest record (key, headers, value and framing) unless told otherwise: Kafka's own bound."""


class Partition(NamedTuple):
    """One partition of one topic; equal to (and hashing like) the plain tuple."""

    topic: str
    partition: int


class Record(Protocol):
    """A record as read. Key and value are bytes or null, exactly as they were written."""

    @property
    def topic(self) -> str:
        """The topic it was read from."""

    @property
    def partition(self) -> int:
        """The partition it was read from."""

    @property
    def offset(self) -> int:
        """Its place in the partition; offsets may have gaps (transaction markers)."""

    @property
    def timestamp(self) -> int:
        """When the broker stored it, milliseconds since 1970 (LogAppendTime)."""

    @property
    def key(self) -> bytes | None:
        """The key that chose its partition."""

    @property
    def value(self) -> bytes | None:
        """The payload; null (None) and empty are different things."""

    @property
    def headers(self) -> Headers:
        """Names and values in the order written."""


class Appended(NamedTuple):
    """Where a record stands in the log, once every in-sync replica has it."""

    topic: str
    partition: int
    offset: int
