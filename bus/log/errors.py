"""
What can go wrong with the log, and whether to try again.

    LogError
    ├── LogUnavailable            try again: Kafka is away, slow or between leaders
    │   └── LogFull               try again later: too much is waiting to be written
    ├── OffsetOutOfRange          seek first: retention overtook the position, or the topic regrew
    │   └── RecordUnreadable      seek first: this one record is none, the next may be
    ├── TopicMissing              create the topic first
    ├── TopicDiffers              never: the topic exists with another number of partitions
    ├── RecordTooLarge            never: this record is over the bound
    └── LogRefused                never, until an operator acts: a name, a right, a policy
"""

from bus.log.record import Partition


class LogError(Exception):
    """Anything the log refuses or cannot do now."""


class LogUnavailable(LogError):
    """
    Kafka could not do it within the bound; try again.

    For an append this means "not known to be stored": a request that was on the wire when the
    answer was lost may have been stored. Repeating it may store it twice.
    """


class LogFull(LogUnavailable):
    """Too many bytes wait to be written; the caller slows down and tries again."""


class OffsetOutOfRange(LogError):
    """The position is not in the log: it holds `start` (first offset) up to `end` (next offset)."""

    def __init__(self, partition: Partition, offset: int, *, start: int, end: int) -> None:
        super().__init__(
            f"{partition.topic}/{partition.partition} holds {start} to {end}, not {offset}"
        )
        self.partition = partition
        self.offset = offset
        self.start = start
        self.end = end


class RecordUnreadable(OffsetOutOfRange):
    """
    The record at `offset` is no valid record, also when fetched again; `start` is the next offset.

    A gap of one, to be recorded like any other: a foreign producer may write a header whose name
    is not UTF-8, or a disk may rot, and neither may stop the partition for ever.
    """


class TopicMissing(LogError):
    """Kafka does not know the topic (or not this partition of it)."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"topic {topic} does not exist")
        self.topic = topic


class TopicDiffers(LogError):
    """The topic exists with another number of partitions, which is fixed for its life."""

    def __init__(self, topic: str, *, wanted: int, found: int) -> None:
        super().__init__(f"topic {topic} has {found} partitions, not {wanted}")
        self.topic = topic
        self.wanted = wanted
        self.found = found


class RecordTooLarge(LogError):
    """The record is larger than the log accepts; sizes in bytes."""

    def __init__(self, size: int, *, limit: int) -> None:
        super().__init__(f"a record of {size} bytes is over the limit of {limit}")
        self.size = size
        self.limit = limit


class LogRefused(LogError):
    """Kafka understood and said no; the text is the name of its error."""
