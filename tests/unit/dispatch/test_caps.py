"""Caps: a slow host with many subscriptions is one slow host; who cannot keep up is eased."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from consumers.dispatch.caps import Caps
from consumers.dispatch.courier import Courier
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.window import Delivery
from consumers.sinks.outcome import Delivered, Outcome, Reason, Temporary
from consumers.sinks.sender import Parcel, Request
from tests.unit.dispatch.small_stream import Small, answer, at, record, send, stored
from tests.unit.dispatch.test_courier import Letters


class Named(Letters):
    """Writes the number of the subscription on each letter."""

    def request(self, subscriber: Subscriber, _delivery: Delivery, _at: float) -> Request:
        """Give it as the address."""
        return Request(str(subscriber.identity.int), "", b"", 1.0, subscriber.organisation)


class Hosts:
    """Answer one request after the other, when told to."""

    def __init__(self) -> None:
        self.out: list[tuple[int, Callable[[Outcome], None]]] = []

    def send(self, request: Parcel, done: Callable[[Outcome], None]) -> None:
        """Take a request."""
        assert isinstance(request, Request)
        self.out.append((int(request.url), done))


async def test_subscriptions_of_one_host_take_turns() -> None:
    """Never more than the cap at a time, and each gets its part; another host has its own."""
    hosts = Hosts()
    courier = Courier(hosts, Named(fails_for=-1))
    small = Small(on_ready=courier.stir)
    caps: Caps[Subscriber] = Caps(host=2, organisation=100)
    stream = small.stream()
    versions = [stored(number, sink="https://slow.example/") for number in (1, 2, 3)]
    versions.append(stored(4, sink="https://other.example/"))
    members = [stream.join(version, None, at(0.0)) for version in versions]
    for member in members:
        member.subscriber.put_under(caps.of(member.subscriber.stored))
    for offset in range(30):
        stream.feed(record(offset), 0.0)
    courier.flush()
    served: Counter[int] = Counter()
    while hosts.out:
        on_the_wire = Counter(number < 4 for number, _ in hosts.out)
        assert max(on_the_wire.values()) <= 2
        number, done = hosts.out.pop(0)
        served[number] += 1
        done(Delivered(204))
        await asyncio.sleep(0)  # what is free goes on when all that came is taken in
        if served.total() == 40:
            assert all(5 <= served[number] <= 9 for number in (1, 2, 3)), served
    assert served == dict.fromkeys((1, 2, 3, 4), 30)
    assert [cap.out for each in members for cap in each.subscriber.caps] == [0] * 8
    courier.stop()


def test_what_is_on_the_wire_goes_along_to_another_cap() -> None:
    """A sink that moves to another host leaves no count behind on the old one."""
    small = Small()
    caps: Caps[Subscriber] = Caps(host=5, organisation=100)
    old, new = stored(1, sink="https://a.example/"), stored(1, sink="https://b.example/")
    stream = small.stream()
    subscriber = stream.join(old, None, at(0.0)).subscriber
    subscriber.put_under(caps.of(old))
    for offset in range(8):
        stream.feed(record(offset), 0.0)
    flights = send(subscriber, 0.0)
    organisation, before = subscriber.caps
    subscriber.put_under(caps.of(new))
    assert (len(flights), before.out, [cap.out for cap in subscriber.caps]) == (5, 0, [5, 5])
    for delivery in flights:
        answer(subscriber, delivery, Delivered(204), 0.0)
    assert organisation.out == 0


async def test_who_waits_is_woken_when_the_others_leave() -> None:
    """One moves to another host, one is deleted with a request on the wire: both leave room."""
    hosts = Hosts()
    courier = Courier(hosts, Named(fails_for=-1))
    small = Small(on_ready=courier.stir)
    caps: Caps[Subscriber] = Caps(host=1, organisation=100)
    stream = small.stream()
    moving, waiting, leaving = (
        stream.join(stored(number, sink="https://slow.example/"), None, at(0.0)).subscriber
        for number in (1, 2, 3)
    )
    for subscriber in (moving, waiting, leaving):
        subscriber.put_under(caps.of(subscriber.stored))
    stream.feed(record(0), 0.0)
    for subscriber in (moving, waiting, leaving):
        courier.pump(subscriber)
    courier.flush()
    assert [number for number, _ in hosts.out] == [1]

    moving.put_under(caps.of(stored(1, sink="https://quick.example/")))
    courier.flush()
    assert [number for number, _ in hosts.out] == [1, 2]

    hosts.out.pop()[1](Delivered(204))
    await asyncio.sleep(0)  # what is free goes on when all that came is taken in
    assert [number for number, _ in hosts.out] == [1, 3]
    stream.feed(record(1), 0.0)
    courier.flush()
    stream.leave(leaving.identity)
    hosts.out.pop()[1](Delivered(204))
    await asyncio.sleep(0)  # what is free goes on when all that came is taken in
    assert [number for number, _ in hosts.out] == [1, 2]
    courier.stop()


@pytest.mark.parametrize(
    "outcome", [Temporary(Reason.TIMEOUT), Temporary(Reason.ANSWER, 503), Temporary("answer", 429)]
)
def test_a_sink_that_cannot_keep_up_is_asked_less_at_a_time(outcome: Outcome) -> None:
    """Half as much after each time-out, 503 or 429; by its successes it gets all of it again."""
    small = Small()
    version = stored(delivery={"concurrency": 8, "retry": {"schedule": (0.1,), "jitter": 0}})
    stream = small.stream()
    stream.join(version, None, at(0.0))
    subscriber = small.subscribers[version.id]
    for offset in range(200):
        stream.feed(record(offset), 0.0)
    first = send(subscriber, 0.0)
    assert len(first) == 8
    answer(subscriber, first[0], outcome, 0.0)
    answer(subscriber, first[1], outcome, 0.0)
    for delivery in first[2:]:
        answer(subscriber, delivery, Delivered(204), 0.0)
    eased = send(subscriber, 0.0)
    assert 2 <= len(eased) <= 5
    for _ in range(12):
        for delivery in eased:
            answer(subscriber, delivery, Delivered(204), 10.0)
        eased = send(subscriber, 10.0)
    assert len(eased) == 8
