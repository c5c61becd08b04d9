"""The tail on real Kafka: who waits is woken by what it wants, and shown nothing twice."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from bus.catalogue import Access
from bus.codec import kafka as codec
from bus.event import Event
from bus.log.fetch import Fetcher
from bus.log.reader import Reader
from bus.log.record import Partition
from bus.log.topics import Topics
from bus.log.writer import Writer
from bus.pull.desk import Desk
from bus.pull.page import Budget
from bus.pull.tail import LINGER, Tail
from bus.pull.wish import Wish
from bus.subscription import Subscription
from tests.contract.log.records import write_unreadable

OIN = "00000001823288444000"


class World:
    """A topic of two partitions, a tail at its end, and a writer."""

    def __init__(self, topic: str, tail: Tail, writer: Writer) -> None:
        self.places = [Partition(topic, number) for number in range(2)]
        self.tail = tail
        self._topic = topic
        self._writer = writer
        self.access = Access({"urn:a": OIN})

    async def publish(self, type_: str, *partitions: int, source: str = "urn:a") -> None:
        """Append an event to each of these partitions."""
        headers, value = codec.encode(Event(id="1", source=source, type=type_))
        for number in partitions:
            await self._writer.append(self._topic, b"k", headers, value, number)

    async def seen(self, *ends: int) -> None:
        """Wait until the tail has read so far in each partition."""
        async with asyncio.timeout(10):
            for place, end in zip(self.places, ends, strict=True):
                while not self._reached(place, end):  # noqa: ASYNC110 - it announces what is wanted only
                    await asyncio.sleep(0.01)

    def _reached(self, place: Partition, end: int) -> bool:
        part = self.tail._parts.get(place)
        return part is not None and part.next_offset >= end

    def wait(self, *positions: int, seconds: float = 20) -> asyncio.Task[dict[Partition, int]]:
        """Wait for events of the type `a` from these positions on."""
        at = dict(zip(self.places, positions, strict=False))  # fewer: those alone are asked for
        return asyncio.create_task(self.tail.wait(at, self.terms(), seconds))

    def terms(self) -> Subscription:
        """Give a subscription to the type `a`."""
        return Subscription(id=str(uuid4()), organisation=OIN, protocol="PULL", types=("a",))


@asynccontextmanager
async def world(kafka: str, topic: str) -> AsyncIterator[World]:
    """Open it all."""
    async with (
        Topics(bootstrap=kafka) as topics,
        Writer(bootstrap=kafka) as writer,
        Reader(bootstrap=kafka) as reader,
    ):
        await topics.create(topic, 2, 14)
        opened = World(topic, None, writer)  # type: ignore[arg-type] # set in the next line
        opened.tail = Tail(reader, lambda source, _: opened.access.readers(source, "d"))
        running = asyncio.create_task(opened.tail.run())
        yield opened
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await topics.delete([topic])


async def test_a_waiter_wakes_at_what_it_wants(kafka: str, namespace: str) -> None:
    """Its positions are behind all that it does not want, and before what it does."""
    async with world(kafka, namespace) as here:
        waiting = here.wait(0, 0)
        await here.seen(0, 0)
        await here.publish("b", 0, 0, 1)
        await here.publish("a", 0, source="urn:not-mine")
        await here.seen(3, 1)
        assert not waiting.done()
        await here.publish("a", 0)
        assert list((await waiting).values()) == [3, 1]
        known = here.tail.since(here.places[0], 3)
        assert known is not None
        assert [entry.offset for entry in known[0]] == [3]
        assert here.tail.since(here.places[1], 1) == ([], 1)


async def test_what_is_not_asked_for_wakes_nobody(kafka: str, namespace: str) -> None:
    """An event of a partition that is not among the positions does not."""
    async with world(kafka, namespace) as here:
        both, one = here.wait(0, 0), here.wait(0)
        await here.seen(0, 0)
        await here.publish("a", 1)
        assert list((await both).values()) == [0, 0]
        await here.publish("b", 0)
        await here.seen(1, 1)
        assert not one.done()
        await here.publish("a", 0)
        assert list((await one).values()) == [1]


async def test_a_wait_that_ends_empty_has_moved_along(kafka: str, namespace: str) -> None:
    """What went by while it waited is not looked at again."""
    async with world(kafka, namespace) as here:
        waiting = here.wait(0, 0, seconds=1.5)
        await here.publish("b", 0, 0, 1)
        await here.seen(2, 1)
        assert list((await waiting).values()) == [2, 1]


async def test_who_waits_is_led_past_a_record_that_is_none_by_the_log(
    kafka: str, namespace: str
) -> None:
    """The tail lets go before it; whoever waits or comes later is told of it, and goes on."""
    async with world(kafka, namespace) as here, Fetcher(bootstrap=kafka) as fetcher:
        waiting = here.wait(0, 0)
        await here.seen(0, 0)
        await write_unreadable(kafka, here.places[0])
        assert list((await waiting).values()) == [0, 0]
        assert here.tail.since(here.places[0], 0) is None
        wish = Wish(here.terms(), lambda source, _: here.access.readers(source, "d"))
        reading = asyncio.create_task(
            Desk(fetcher, here.tail).read(dict.fromkeys(here.places, 0), wish, Budget(5), wait=20)
        )
        await here.seen(1, 0)
        await here.publish("a", 0)
        page = await reading
        assert [entry.offset for entry in page.events] == [1]
        assert page.damaged == [(here.places[0], 0)]


async def test_nobody_waits_beside_what_is_known(kafka: str, namespace: str) -> None:
    """From before what the tail has read, it returns at once, where it was; also when stopped."""
    async with world(kafka, namespace) as here:
        waiting = here.wait(0, 0)
        await here.publish("a", 0)
        await waiting
        assert list((await here.wait(0, 0)).values()) == [0, 0]
        late = here.wait(1, 0)
        await asyncio.sleep(0)
        here.tail.stop()
        assert list((await late).values()) == [1, 0]
        assert list((await here.wait(1, 0)).values()) == [1, 0]


async def test_a_partition_is_let_go_a_while_after_the_last_who_came(
    kafka: str, namespace: str
) -> None:
    """Not while somebody waits there, however long; and who returns at once has come, too."""
    async with world(kafka, namespace) as here:
        waiting = here.wait(0, 0, seconds=5)
        await here.seen(0, 0)
        here.tail._let_go(time.monotonic() + 2 * LINGER)
        assert {*here.tail._parts} == {*here.places}
        await here.publish("a", 0)
        await waiting
        for part in here.tail._parts.values():
            part.wanted_at -= LINGER / 2
        await here.wait(0)
        here.tail._let_go(time.monotonic() + LINGER * 3 / 4)
        assert [*here.tail._parts] == here.places[:1]


@pytest.mark.parametrize("size", [1, 5_000])
async def test_what_is_kept_is_bounded(kafka: str, namespace: str, size: int) -> None:
    """The oldest goes; from before what is kept, the log has to be asked."""
    async with world(kafka, namespace) as here:
        here.tail._max_bytes = size
        waiting = here.wait(0, 0)
        await here.publish("b", *[0] * 10)
        await here.publish("a", 1)
        await waiting
        await here.seen(10, 1)
        place = here.places[0]
        kept = here.tail._parts[place]
        assert kept.size <= size
        assert here.tail.since(place, kept.start) is not None
        assert here.tail.since(place, kept.start - 1) is None
