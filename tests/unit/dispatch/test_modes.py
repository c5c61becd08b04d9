"""How a subscription moves between the stream and its own position, so that none costs another."""

from dataclasses import replace

import pytest

from bus.store.partition import Change
from consumers.dispatch.changes import stage
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.member import DRAG_EVENTS, DRAG_SECONDS
from consumers.dispatch.orders import Orders
from consumers.dispatch.saves import committed, snapshot
from consumers.dispatch.scan import Scan
from consumers.dispatch.subscriber import OUTAGE_HEADS
from consumers.sinks.outcome import Delivered
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


def test_who_hangs_for_long_gets_its_row_and_leaves_the_minimum() -> None:
    """One request without an answer makes nobody else repeat anything after a crash."""
    small = Small()
    hanging, healthy = stored(1), stored(2)
    stream = small.stream()
    stream.join(hanging, None, at(0.0))
    stream.join(healthy, None, at(0.0))
    for offset in range(10):
        stream.feed(record(offset), 0.0)
    acknowledge_all(small.subscribers[healthy.id], 0.0)
    send(small.subscribers[hanging.id], 0.0)
    early = snapshot(stream, Orders(stream), at(DRAG_SECONDS))
    assert (early.next_offset, early.rows) == (0, ())
    late = snapshot(stream, Orders(stream), at(DRAG_SECONDS + 0.1))
    assert late.next_offset == 10
    assert [(each.subscription, each.open) for _, each in late.rows] == [
        (hanging.id, tuple(range(10)))
    ]


def test_who_hangs_far_behind_gets_its_row_at_once() -> None:
    """A thousand events that others would repeat are enough, however fast they came."""
    small = Small()
    hanging = stored(1, types=("nl.rare",))
    stream = small.stream()
    stream.join(hanging, None, at(0.0))
    stream.feed(record(0, type_="nl.rare"), 0.0)
    for offset in range(1, DRAG_EVENTS):
        stream.feed(record(offset), 0.0)
    assert snapshot(stream, Orders(stream), at(0.0)).next_offset == 0
    stream.feed(record(DRAG_EVENTS), 0.0)
    taken = snapshot(stream, Orders(stream), at(0.0))
    assert (taken.next_offset, len(taken.rows)) == (DRAG_EVENTS + 1, 1)


def test_those_who_scan_take_turns() -> None:
    """One far behind, that always has room, does not keep one less far behind from its own turn."""
    small = Small()
    far, near = stored(1), stored(2)
    stream = small.stream(1_000)
    members = [
        stream.join(far, row(far.id, 0), at(0.0)),
        stream.join(near, row(near.id, 500), at(0.0)),
    ]
    scan = Scan(stream)
    for _ in range(4):
        lead = scan.lead()
        assert lead is not None
        start, end = lead.cursor, lead.cursor + 5
        scan.feed(start, map(Envelope, map(record, range(start, end))), end, 0.0)
        for subscriber in small.subscribers.values():
            acknowledge_all(subscriber, 0.0)
    assert [member.cursor for member in members] == [10, 510]


def test_nobody_joins_the_stream_in_an_outage() -> None:
    """While there are lanes to probe nothing more is read for it; a success lets it go on."""
    small = Small()
    version = stored(delivery={"concurrency": OUTAGE_HEADS, "retry": {"schedule": (600,)}})
    stream = small.stream()
    member = stream.join(version, None, at(0.0))
    for offset in range(4 * OUTAGE_HEADS):
        stream.feed(record(offset), 0.0)
    subscriber = member.subscriber
    for delivery in send(subscriber, 0.0):
        answer(subscriber, delivery, DOWN, 0.0)
    assert subscriber.outage
    member.detach(stream.read_offset, 0.0)
    stream.feed(record(4 * OUTAGE_HEADS), 0.0)
    stream.advance_all(0.0)
    assert not member.attached
    assert 4 * OUTAGE_HEADS not in member.window.pending
    (probe,) = send(subscriber, 1_000.0)
    answer(subscriber, probe, Delivered(204), 1_000.0)
    stream.advance_all(1_000.0)
    assert member.attached
    assert 4 * OUTAGE_HEADS in member.window.pending


def test_who_cannot_be_read_keeps_the_place_from_which_it_may_be_served() -> None:
    """A version that may bring it here is unreadable: whoever can read it goes on from here."""
    small = Small()
    stream = small.stream(start=7)
    stranger = stored(9)
    unreadable = Change(2, stranger.id, None, None, unreadable=True)
    stage(stream, 2, [unreadable], at(0.0))
    (row,) = snapshot(stream, Orders(stream), at(0.0)).shelved
    assert (row.subscription, row.next_offset, row.open) == (stranger.id, 7, ())

    placed = small.stream(start=7)
    stage(placed, 2, [replace(unreadable, position=row)], at(0.0))
    assert snapshot(placed, Orders(placed), at(0.0)).shelved == ()


@pytest.mark.parametrize("before", ["key", "partition"])
def test_another_ordering_does_not_wait_for_what_always_fails(before: str) -> None:
    """Bad events in the lanes of the old one are read once more; good ones end the outage."""
    small = Small()
    old = stored(1, ordering=before)
    stream = small.stream()
    orders = Orders(stream)
    stream.join(old, None, at(0.0))
    for offset in range(OUTAGE_HEADS):
        stream.feed(record(offset, key=f"bad{offset}"), 0.0)
    subscriber = small.subscribers[old.id]
    for delivery in send(subscriber, 0.0):
        answer(subscriber, delivery, DOWN, 0.0)

    new = replace(stored(1, revision=2, ordering="none"), id=old.id)
    stage(stream, 2, [Change(2, new.id, new, None)], at(1.0))
    committed(stream, orders, snapshot(stream, orders, at(1.0)), 1.0)
    stream.feed(record(9, key="good"), 1.0)
    stream.advance_all(1.0)
    member = stream.members[old.id]
    assert (member.window.ordering, sorted(member.window.pending)) == ("none", [0, 1, 2, 9])
    sent = [each.offset for each in send(subscriber, 9.0)]
    assert sorted(sent) == [0, 1, 2, 9]
