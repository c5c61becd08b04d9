"""The courier keeps its hands free, whatever one delivery does."""

import asyncio
import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import cast

import uvloop

from consumers.dispatch.courier import Courier
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.window import Delivery
from consumers.sinks.outcome import Delivered, Outcome, Refused
from consumers.sinks.sender import Parcel, Request
from tests.unit.dispatch.small_stream import Small, at, record, stored


class Letters:
    """Cannot write to one subscriber."""

    def __init__(self, fails_for: int) -> None:
        self._fails_for = fails_for

    def request(self, subscriber: Subscriber, _delivery: Delivery, _at: float) -> Request:
        """Give a request, or fail."""
        if subscriber.identity.int == self._fails_for:
            raise ValueError
        return Request("https://sink.example/", "", b"", 1.0, subscriber.organisation)

    def may_read(self, _subscriber: Subscriber, delivery: Delivery) -> bool:
        """Say yes, but for events of offset 5."""
        return delivery.offset != 5

    def batch(self, subscriber: Subscriber, deliveries: Sequence[Delivery], _at: float) -> Request:
        """Give a request that tells what is in it."""
        body = json.dumps([each.offset for each in deliveries]).encode()
        return Request("https://sink.example/", "", body, 1.0, subscriber.organisation)


class Refusing:
    """Refuses whatever holds a bad event, a moment later; takes the rest."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.alone = 0

    def send(self, request: Parcel, done: Callable[[Outcome], None]) -> None:
        """Judge what came."""
        assert isinstance(request, Request)
        offsets = json.loads(request.body) if request.body else []
        if offsets:
            self.batches.append(offsets)
        else:
            self.alone += 1
        bad = 3 in offsets
        asyncio.get_running_loop().call_soon(done, Refused(400) if bad else Delivered(204))


class Keeping:
    """Keep who waits for an answer."""

    def __init__(self) -> None:
        self.out: list[Callable[[Outcome], None]] = []

    def send(self, _request: Parcel, done: Callable[[Outcome], None]) -> None:
        """Take a request."""
        self.out.append(done)


class Sender:
    """Delivers all, a moment later."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, _request: Request, done: Callable[[Outcome], None]) -> None:
        """Say that it arrived."""
        self.sent += 1
        asyncio.get_running_loop().call_soon(done, Delivered(204))

    async def close(self) -> None:
        """Do nothing: nothing is open."""


async def test_a_request_that_cannot_be_made_fails_its_delivery_only() -> None:
    """A bad secret is a failed attempt of its subscription; the others get theirs at once."""
    sender = Sender()
    courier = Courier(sender, Letters(fails_for=1))
    small = Small(on_ready=courier.stir)
    stream = small.stream()
    bad = stream.join(stored(1), None, at(0.0))
    good = stream.join(stored(2), None, at(0.0))
    stream.feed(record(0), 0.0)
    courier.flush()
    async with asyncio.timeout(5):
        await stream.flights.all_landed()
    assert sender.sent == 1
    assert not good.window.pending
    trouble = bad.window.pending[0].trouble
    assert trouble is not None
    assert trouble.failures == 1
    assert bad.subscriber.in_flight == 0
    courier.stop()


def test_a_pause_that_is_nearly_over_stops_nobody() -> None:
    """For what is due within half a millisecond uvloop gives a handle that is no timer."""

    async def main() -> None:
        loop, sender = asyncio.get_running_loop(), Sender()
        courier = Courier(sender, Letters(fails_for=-1))
        small = Small(on_ready=courier.stir)
        stream = small.stream()
        member = stream.join(stored(1), None, at(0.0))
        member.subscriber._quiet_until = loop.time() + 0.0004
        stream.feed(record(0), 0.0)
        courier.pump(member.subscriber)
        courier.pump(member.subscriber)
        async with asyncio.timeout(5):
            while not sender.sent:  # noqa: ASYNC110 - the loop has to go round
                await asyncio.sleep(0)
        assert sender.sent == 1
        courier.stop()

    uvloop.run(main())


async def test_a_pause_that_ends_while_it_is_looked_at_is_not_missed() -> None:
    """The clock moves on between the look for something to send and the look when to come back."""
    loop, sender = asyncio.get_running_loop(), Sender()
    courier = Courier(sender, Letters(fails_for=-1))
    small = Small(on_ready=courier.stir)
    stream = small.stream()
    member = stream.join(stored(1), None, at(0.0))
    member.subscriber._quiet_until = loop.time() + 0.5
    stream.feed(record(0), 0.0)
    moments = iter((loop.time(), loop.time() + 1.0))
    courier._loop = cast(
        "asyncio.AbstractEventLoop",
        SimpleNamespace(time=lambda: next(moments, loop.time()), call_at=loop.call_at),
    )
    courier.pump(member.subscriber)
    assert courier._timers
    courier.stop()


async def test_a_refused_batch_is_sent_one_by_one() -> None:
    """One bad event is found that way, and costs the others nothing; rights are looked at again."""
    sender = Refusing()
    courier = Courier(sender, Letters(fails_for=-1))
    small = Small(on_ready=courier.stir)
    stream = small.stream()
    member = stream.join(stored(1, delivery={"mode": "batch", "maxbatch": 6}), None, at(0.0))
    for offset in range(8):
        stream.feed(record(offset), 0.0)
    courier.flush()
    async with asyncio.timeout(5):
        await stream.flights.all_landed()
    assert sender.batches == [[0, 1, 2, 3, 4], [6, 7]]
    assert sender.alone == 5
    assert not member.window.pending
    assert member.subscriber.in_flight == 0
    courier.stop()


async def test_answers_that_come_together_are_taken_in_before_more_is_sent() -> None:
    """One turn of the loop reads all that has come, then writes: the sink is woken once for it."""
    hosts = Keeping()
    courier = Courier(hosts, Letters(fails_for=-1))
    small = Small(on_ready=courier.stir)
    stream = small.stream()
    stream.join(stored(delivery={"concurrency": 2}), None, at(0.0))
    for offset in range(6, 10):
        stream.feed(record(offset), 0.0)
    courier.flush()
    first = list(hosts.out)
    for done in first:
        done(Delivered(204))
    assert hosts.out == first
    await asyncio.sleep(0)
    assert len(hosts.out) == 4
    courier.stop()
