"""What a subscriber may be sent next: outages, quiet, waits, partitions that come and go."""

from itertools import pairwise

from bus.store.partition import Change
from consumers.dispatch.changes import stage
from consumers.dispatch.decision import SETTLE
from consumers.dispatch.orders import Orders
from consumers.dispatch.saves import committed, snapshot
from consumers.dispatch.subscriber import OUTAGE_HEADS
from consumers.dispatch.window import Delivery
from consumers.sinks.outcome import Delivered, Temporary
from tests.unit.dispatch.small_stream import (
    DOWN,
    Small,
    acknowledge_all,
    answer,
    at,
    record,
    row,
    send,
    stored,
)


def test_an_outage_ends_with_the_partition_that_it_was_seen_on() -> None:
    """Failing heads of a partition that was put down do not keep the next owner from reading."""
    small = Small()
    version = stored()
    old = small.stream()
    old.join(version, None, at(0.0))
    for offset in range(OUTAGE_HEADS):
        old.feed(record(offset), 0.0)
    subscriber = small.subscribers[version.id]
    for delivery in send(subscriber, 0.0):
        answer(subscriber, delivery, DOWN, 0.0)
    assert subscriber.outage
    old.close()

    new = small.stream()
    for offset in range(OUTAGE_HEADS):
        new.feed(record(offset), 1.0)
    new.join(version, row(version.id, OUTAGE_HEADS, *range(OUTAGE_HEADS)), at(1.0))
    new.advance_all(1.0)
    assert sorted(acknowledge_all(subscriber, 1.0)) == list(range(OUTAGE_HEADS))


def test_an_answer_after_the_end_of_its_partition_changes_nothing() -> None:
    """Late failures of a partition that was put down are no failing heads and are not retried."""
    small = Small()
    version = stored()
    old = small.stream()
    old.join(version, None, at(0.0))
    for offset in range(OUTAGE_HEADS):
        old.feed(record(offset), 0.0)
    subscriber = small.subscribers[version.id]
    flights = send(subscriber, 0.0)
    old.close()
    for delivery in flights:
        answer(subscriber, delivery, DOWN, 0.0)
    assert not subscriber.outage
    assert subscriber.in_flight == 0
    assert subscriber.wake_at(0.0) is None
    assert subscriber.next(100.0) is None


def test_failing_heads_that_are_withheld_leave_the_outage() -> None:
    """When the right to read the failing events ends, the subscription reads on."""
    small = Small()
    version = stored()
    stream = small.stream()
    member = stream.join(version, None, at(0.0))
    for offset in range(OUTAGE_HEADS):
        stream.feed(record(offset), 0.0)
    subscriber = small.subscribers[version.id]
    for delivery in send(subscriber, 0.0):
        answer(subscriber, delivery, DOWN, 0.0)
    member.detach(stream.read_offset, 0.0)
    stream.feed(record(OUTAGE_HEADS), 0.0)
    now = 0.0
    for _ in range(OUTAGE_HEADS):
        now += 100.0
        delivery = subscriber.next(now)
        assert delivery is not None
        subscriber.withheld(delivery)
        delivery.window.on_decided(delivery, SETTLE, now)
    assert not subscriber.outage
    stream.advance_all(now)
    assert acknowledge_all(subscriber, now) == [OUTAGE_HEADS]


def test_a_quiet_that_is_over_asks_for_no_timer() -> None:
    """With all requests in flight, or the lease lapsed, only an answer or a save gives more."""
    small = Small()
    version = stored(delivery={"concurrency": 1, "retry": {"schedule": (1,), "jitter": 0}})
    stream = small.stream()
    stream.join(version, None, at(0.0))
    for offset in range(3):
        stream.feed(record(offset), 0.0)
    subscriber = small.subscribers[version.id]
    (first,) = send(subscriber, 0.0)
    answer(subscriber, first, Temporary("answer", 429, retry_after=2.0), 0.0)
    assert subscriber.wake_at(0.0) == 2.0
    (flight,) = send(subscriber, 2.0)
    assert subscriber.wake_at(2.0) is None
    answer(subscriber, flight, Delivered(204), 3.0)
    stream.flights.until = 0.0
    assert subscriber.next(3.0) is None
    assert subscriber.wake_at(3.0) is None


def test_one_event_that_always_asks_for_quiet_does_not_starve_the_others() -> None:
    """After each quiet another lane has its turn."""
    small = Small()
    version = stored(delivery={"concurrency": 1})
    stream = small.stream()
    stream.join(version, None, at(0.0))
    for offset in range(4):
        stream.feed(record(offset), 0.0)
    subscriber = small.subscribers[version.id]
    now, got = 0.0, set[int]()
    for _ in range(20):
        now += 10.0
        for delivery in send(subscriber, now):
            if delivery.offset == 0:
                answer(subscriber, delivery, Temporary("answer", 503, retry_after=2.0), now)
            else:
                got.add(delivery.offset)
                answer(subscriber, delivery, Delivered(204), now)
    assert got == {1, 2, 3}


def test_a_rate_is_kept_and_shared() -> None:
    """Ten a second, of which this worker has half: five come, evenly, whatever else is read."""
    small = Small()
    version = stored(delivery={"rate": 10}, types=("nl.test",))
    stream = small.stream()
    stream.join(version, None, at(0.0))
    subscriber = small.subscribers[version.id]
    subscriber.share_rate(0.5)
    for offset in range(100):
        stream.feed(record(offset, type_="nl.test" if offset % 2 else "nl.other"), 10.0)
    sent, now = [], 10.0
    while now < 12.0:
        sent += [(now, each.offset) for each in send(subscriber, now)]
        for _, offset in sent[-1:]:
            delivery = stream.members[version.id].window.pending.get(offset)
            if delivery is not None and delivery.flying:
                answer(subscriber, delivery, Delivered(204), now)
        wake = subscriber.wake_at(now)
        assert wake is not None
        assert wake > now
        now = wake
    assert [offset for _, offset in sent] == list(range(1, 22, 2))
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(sent)]
    assert all(0.09 < gap < 0.21 for gap in gaps)


def test_what_was_put_off_goes_in_batches_again() -> None:
    """A 429 says nothing of an event; what failed, or was in a refused batch, goes alone."""
    small = Small()
    version = stored(delivery={"mode": "batch", "retry": {"schedule": (1, 1), "jitter": 0}})
    stream = small.stream()
    stream.join(version, None, at(0.0))
    for offset in range(6):
        stream.feed(record(offset), 0.0)
    subscriber = small.subscribers[version.id]

    def batch(now: float) -> list[Delivery]:
        first = subscriber.next(now)
        return [] if first is None else [first, *subscriber.riders(first, now)]

    whole = batch(0.0)
    subscriber.arrived(len(whole) - 1)
    for delivery in whole:
        answer(subscriber, delivery, Temporary("answer", 429, retry_after=2.0), 0.0)
    again = batch(3.0)
    assert [each.offset for each in again] == [each.offset for each in whole]
    subscriber.arrived(len(again) - 1)
    answer(subscriber, again[0], Temporary("answer", 500), 3.0)
    for delivery in again[1:]:
        subscriber.to_be_sent_alone(delivery)
    for _ in range(6):
        (alone,) = batch(5.0)
        answer(subscriber, alone, Delivered(204), 5.0)


def test_partitions_keep_one_copy_of_a_version_that_each_of_them_read() -> None:
    """Ten thousand subscriptions are held once, not once per partition."""
    small = Small()
    streams = [small.stream(), small.stream()]
    for revision in (2, 3):
        for stream in streams:
            copy = stored(revision=revision)
            place = row(copy.id, 0) if revision == 2 else None
            stage(stream, revision, [Change(revision, copy.id, copy, place)], now=at(0.0))
        for stream in streams:
            orders = Orders(stream)
            committed(stream, orders, snapshot(stream, orders, at(0.0)), 0.0)
        first, second = (stream.members[copy.id] for stream in streams)
        assert first.terms is second.terms
        assert first.terms is small.subscribers[copy.id].subscription
