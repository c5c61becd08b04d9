"""Where a new subscription begins in each partition."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, assert_never

from bus.log.record import Partition
from bus.log.topics import Topics
from bus.store.subscriptions import Start, TopicPartition


def starts(topics: Topics, start: Literal["latest", "earliest"] | datetime) -> Start:
    """Give what asks the log for the offsets at `start`; raises LogUnavailable, TopicMissing."""

    async def offsets(partitions: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        asked = [Partition(*partition) for partition in partitions]
        found = await _offsets(topics, asked, start)
        return {(topic, number): offset for (topic, number), offset in found.items()}

    return offsets


async def _offsets(
    topics: Topics, asked: list[Partition], start: Literal["latest", "earliest"] | datetime
) -> Mapping[Partition, int]:
    match start:
        case "latest":
            return await topics.end_offsets(asked)
        case "earliest":
            return await topics.start_offsets(asked)
        case datetime():
            return await topics.offsets_at(asked, int(start.timestamp() * 1000))
        case _:
            assert_never(start)
