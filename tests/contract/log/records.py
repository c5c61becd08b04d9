"""What tests do to a partition behind the back of those who read it."""

import struct
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.record.util import calc_crc32c

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


async def write_unreadable(kafka: str, partition: Partition) -> None:
    """Append a record with a header whose name is not UTF-8, as no client of ours could."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        batch = producer.create_batch()
        batch.append(timestamp=None, key=b"k", value=b"", headers=[("XX", b"")])
        forged = bytearray(batch._build())
        at = forged.index(b"XX")
        forged[at : at + 2] = b"\xff\xfe"
        struct.pack_into(">I", forged, 17, calc_crc32c(bytes(forged[21:])))
        batch._buffer = forged
        await (await producer.send_batch(batch, partition.topic, partition=partition.partition))
    finally:
        await producer.stop()
