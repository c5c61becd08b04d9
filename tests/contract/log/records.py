"""What tests do to a partition behind the back of those who read it."""

from collections.abc import Sequence

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from bus.log.record import Partition
from bus.log.writer import Writer


async def write(kafka: str, partition: Partition, values: Sequence[int]) -> None:
    """Append records with these numbers as their values."""
    async with Writer(bootstrap=kafka) as writer:
        for value in values:
            await writer.append(
                partition.topic, b"k", [], b"%d" % value, partition=partition.partition
            )


async def forget_before(kafka: str, partition: Partition, offset: int) -> None:
    """Take away what lies before an offset, as retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(*partition): RecordsToDelete(offset)})
    finally:
        await admin.close()
