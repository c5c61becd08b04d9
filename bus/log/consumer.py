"""Consumers: start one that belongs to no group, give it its partitions, throw it away."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from bus.log.connection import BACKOFF
from bus.log.errors import LogUnavailable
from bus.log.record import Partition

_POLL = 250
"""
Milliseconds that Kafka holds an empty fetch. New data ends it at once; a seek or a new partition
waits it out, because a broker answers one connection's requests in order.
"""

_PARTING = 2.0
"""Seconds allowed to throwing a consumer away; nothing depends on its success."""


async def start_consumer(
    *, bootstrap: str, max_partition_bytes: int, within: float
) -> AIOKafkaConsumer:
    """Connect, assigned to nothing, or raise LogUnavailable within so many seconds."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id="gemeentebus-reader",
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="none",
        fetch_max_wait_ms=_POLL,
        max_partition_fetch_bytes=max_partition_bytes,
        request_timeout_ms=int(within * 1000),
        retry_backoff_ms=int(BACKOFF * 1000),
    )
    try:
        async with asyncio.timeout(within):
            await consumer.start()
    except (KafkaError, OSError) as error:
        await discard_consumer(consumer)
        raise LogUnavailable(f"no consumer: {type(error).__name__}") from error
    except BaseException:
        await discard_consumer(consumer)
        raise
    return consumer


async def discard_consumer(consumer: AIOKafkaConsumer) -> None:
    """Stop it, whatever state it is in."""
    stopping = asyncio.ensure_future(consumer.stop())
    await asyncio.wait([stopping], timeout=_PARTING)
    stopping.cancel()


def answered(consumer: AIOKafkaConsumer, partition: Partition, since: float) -> bool:
    """Whether a fetch of this partition was answered after `since` (seconds since 1970)."""
    at = consumer.last_poll_timestamp(TopicPartition(*partition))
    return at is not None and at >= since * 1000


def at_end(consumer: AIOKafkaConsumer, partition: Partition, position: int) -> bool:
    """Whether Kafka's last answer said that there is nothing after `position`."""
    end = consumer.last_stable_offset(TopicPartition(*partition))
    return end is not None and end <= position
