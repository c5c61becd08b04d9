"""Inbox topics: what arrives there, and what becomes of what does not."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bus.catalogue.inbox import Inboxes
from bus.embedded.datadir import free_port
from bus.log.reader import Reader
from bus.log.record import Partition, Record
from bus.log.writer import Writer
from consumers.sinks.kafka.topic_sender import TopicSender
from consumers.sinks.outcome import Delivered, Misconfigured, Outcome, Refused, Temporary
from consumers.sinks.sender import TopicRequest

INBOXES = Inboxes("inbox.", "gemeentebus")


@asynccontextmanager
async def inbox(kafka: str, **settings: str) -> AsyncIterator[str]:
    """Give a topic of one partition with these settings."""
    name = f"inbox.{uuid.uuid4().hex[:10]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1, topic_configs=settings)])
        yield name
        await admin.delete_topics([name])
    finally:
        await admin.close()


@pytest.fixture
async def sender(kafka: str) -> AsyncIterator[TopicSender]:
    """Give a sender that is closed after the test."""
    async with TopicSender(partial(Writer, bootstrap=kafka), INBOXES, idle=0.2) as opened:
        yield opened


def request_for(topic: str, value: bytes = b"{}", key: bytes = b"k") -> TopicRequest:
    """Make a record with a header."""
    return TopicRequest(topic, key, [("ce_id", b"1")], value, "org")


def start(sender: TopicSender, request: TopicRequest) -> asyncio.Future[Outcome]:
    """Send; a second call of `done` fails the test."""
    outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    sender.send(request, outcome.set_result)
    return outcome


async def records(kafka: str, topic: str, number: int) -> list[Record]:
    """Read what stands in a topic."""
    found: list[Record] = []
    async with (
        asyncio.timeout(20),
        Reader(bootstrap=kafka, assignment={Partition(topic, 0): 0}) as reader,
    ):
        while len(found) < number:
            for each in (await reader.read(1_000, 1.0)).values():
                found += each
    return found


async def test_records_arrive_as_given_and_in_order(kafka: str, sender: TopicSender) -> None:
    """Key, headers and value untouched; also after the producer was idle and is made anew."""
    async with asyncio.timeout(30), inbox(kafka) as topic:
        sent = [start(sender, request_for(topic, b"%d" % n, b"k%d" % n)) for n in range(50)]
        assert set(await asyncio.gather(*sent)) == {Delivered(202)}
        while sender._inboxes:  # noqa: ASYNC110 - its own clock is waited for
            await asyncio.sleep(0.05)
        assert await start(sender, request_for(topic, b"50", b"k50")) == Delivered(202)
        found = await records(kafka, topic, 51)
    assert [(each.key, each.value) for each in found] == [
        (b"k%d" % n, b"%d" % n) for n in range(51)
    ]
    assert list(found[0].headers) == [("ce_id", b"1")]


async def test_a_missing_topic_is_its_owners_to_make(kafka: str, sender: TopicSender) -> None:
    """It is not made by sending; once it is there, the next attempt arrives."""
    missing = f"inbox.{uuid.uuid4().hex[:10]}"
    assert await start(sender, request_for(missing)) == Misconfigured("topic")
    async with inbox(kafka) as topic:
        assert await start(sender, request_for(topic)) == Delivered(202)


async def test_a_record_that_the_topic_does_not_take(kafka: str, sender: TopicSender) -> None:
    """Over the bus's own bound or the topic's: refused; what is small enough arrives after it."""
    noise = os.urandom(50_000)
    async with inbox(kafka, **{"max.message.bytes": "10000"}) as topic, inbox(kafka) as other:
        assert await start(sender, request_for(topic, noise * 40)) == Refused(413)
        refused, fine = start(sender, request_for(topic, noise)), start(sender, request_for(other))
        assert (await refused, await fine) == (Refused(413), Delivered(202))
        async with asyncio.timeout(10):
            while await start(sender, request_for(topic)) != Delivered(202):
                pass
        assert len(await records(kafka, topic, 1)) == 1


async def test_a_topic_that_is_not_allowed(sender: TopicSender) -> None:
    """What the operator allowed when the subscription was made may be over."""
    outcome = await start(sender, request_for("gemeentebus.nl.zaken"))
    assert outcome == Misconfigured("forbidden")


async def test_kafka_away() -> None:
    """Without Kafka an attempt ends within the writer's bound, to be tried again."""
    writer = partial(Writer, bootstrap=f"127.0.0.1:{free_port()}", timeout=0.5)
    async with asyncio.timeout(10), TopicSender(writer, INBOXES) as sender:
        assert await start(sender, request_for("inbox.a")) == Temporary("log")


async def test_closing_tells_everybody() -> None:
    """What is under way is told to have stopped, once; what comes later too."""
    writer = partial(Writer, bootstrap=f"127.0.0.1:{free_port()}", timeout=0.5)
    async with TopicSender(writer, INBOXES) as sender:
        early = [start(sender, request_for(f"inbox.{n}")) for n in range(3)]
        await asyncio.sleep(0)
        early.append(start(sender, request_for("inbox.0")))
    late = start(sender, request_for("inbox.0"))
    assert set(await asyncio.gather(*early, late)) == {Temporary("stopped")}
