"""Catching up where the log has holes: retention, damaged records, records that are no event."""

import gc
from dataclasses import replace

import pytest

from bus.store.partition import Gap
from bus.store.stored import Replay
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.orders import Orders
from consumers.dispatch.saves import committed, snapshot
from consumers.dispatch.scan import Scan
from consumers.dispatch.stream import TAIL_STEP
from consumers.dispatch.tail import Tail
from tests.unit.dispatch.small_stream import (
    LogRecord,
    Small,
    acknowledge_all,
    at,
    record,
    row,
    stored,
)


def test_open_events_that_retention_took_are_told_and_no_longer_waited_for() -> None:
    """A position whose open events are gone moves on and attaches, and says what it lost."""
    small = Small()
    version = stored()
    stream = small.stream(10)
    member = stream.join(version, row(version.id, 12, 10, 11), at(0.0))
    stream.pass_over(50)
    stream.advance_all(1.0)
    assert member in stream.scanning
    Scan(stream).overtaken(50, 1.0)
    assert small.lost == [(version.id, set(range(10, 50)))]
    assert stream.gaps == [Gap(version.id, 10, 50, "retention")]
    assert member.attached
    assert member.watermark(stream.read_offset) == 50


def test_one_damaged_record_costs_only_itself() -> None:
    """Who stands there goes on behind it and is told; who is far behind still gets all before it.

    Nothing is lost to who has it already, or is not to have it again in a replay.
    """
    small = Small()
    far, near, past, passing = (stored(number) for number in (1, 2, 3, 4))
    stream = small.stream(1_000)
    stream.join(far, row(far.id, 10), at(0.0))
    member = stream.join(near, row(near.id, 500), at(0.0))
    stream.join(past, row(past.id, 501), at(0.0))
    passed = replace(row(passing.id, 500), replay=Replay(400, 600))
    stream.join(passing, passed, at(0.0))
    scan = Scan(stream)
    scan.unreadable(500, 501, 0.0)
    assert member.cursor == 501
    assert stream.members[far.id].cursor == 10
    assert stream.gaps == [Gap(near.id, 500, 501, "damaged")]


def test_an_open_event_that_is_damaged_is_lost_as_such() -> None:
    """What was open when the position was saved, and cannot be read now, is told so as well."""
    small = Small()
    version = stored()
    stream = small.stream(1_000)
    member = stream.join(version, row(version.id, 1_000, 500), at(0.0))
    Scan(stream).unreadable(500, 501, 0.0)
    assert stream.gaps == [Gap(version.id, 500, 501, "damaged")]
    assert not member.owed


def test_a_tail_lets_go_of_what_it_no_longer_serves() -> None:
    """Large records leave memory when they leave the tail, not a thousand records later."""
    before = _envelopes_alive()
    tail = Tail(0, max_bytes=10_000)
    for offset in range(100):
        tail.append(Envelope(LogRecord(offset, b"k", b"x" * 4_000, [])))
    assert _envelopes_alive() - before <= 3
    assert [each.offset for each in tail.since(tail.start)] == [98, 99]


@pytest.mark.parametrize(
    ("key", "header"),
    [
        (b"k", ("ce_big", b"x" * 100_000)),
        (b"k", ("x" * 100_000, None)),
        (b"k" * 100_000, ("ce_x", b"y")),
    ],
)
def test_all_of_a_record_weighs(key: bytes, header: tuple[str, bytes | None]) -> None:
    """A record whose key or headers are large is as heavy as one whose data is."""
    assert Envelope(LogRecord(1, key, b"", [header])).size > 100_000  # type: ignore[list-item]


def test_a_record_that_is_no_event_is_kept_whatever_type_it_claims() -> None:
    """Nobody wants the type, or there is nobody at all: it is no event for all that."""
    small = Small()
    stream = small.stream(0)
    claims = [("ce_type", b"nl.unwanted"), ("ce_id", b"1")]
    structured = [("content-type", b"application/cloudevents+json")]
    stream.feed(LogRecord(0, None, b"{}", claims), 0.0)
    stream.join(stored(1, types=("nl.test",)), None, at(0.0))
    stream.feed(LogRecord(1, None, b"{}", claims), 0.0)
    stream.feed(LogRecord(2, None, b'{"type":"nl.unwanted"}', structured), 0.0)
    stream.feed(record(3, type_="nl.unwanted"), 0.0)
    stream.feed(record(4), 0.0)
    found = snapshot(stream, Orders(stream), at(0.0)).invalid
    assert [(each.offset, each.reason) for each in found] == [(n, "required") for n in range(3)]


def test_a_record_that_is_no_event_is_passed_over() -> None:
    """It reaches nobody and holds up nobody, attached or not."""
    small = Small()
    version, late = stored(1), stored(2)
    stream = small.stream(0)
    stream.join(version, None, at(0.0))
    stream.feed(LogRecord(0, None, b"?", []), 0.0)
    stream.feed(LogRecord(1, None, b"{", [("content-type", b"application/cloudevents+json")]), 0.0)
    stream.feed(record(2), 0.0)
    stream.join(late, row(late.id, 0), at(0.0))
    assert acknowledge_all(small.subscribers[version.id], 0.0) == [2]
    assert acknowledge_all(small.subscribers[late.id], 0.0) == [2]
    orders = Orders(stream)
    saved = snapshot(stream, orders, at(1.0))
    assert [(each.offset, each.reason) for each in saved.invalid] == [
        (0, "required"),
        (1, "not-json"),
    ]
    committed(stream, orders, saved, 1.0)
    assert saved.next_offset == 3


def test_a_record_that_comes_twice_is_taken_once() -> None:
    """What a reader gives again after a change of its partitions is not delivered again."""
    small = Small()
    version = stored()
    stream = small.stream()
    stream.join(version, None, at(0.0))
    for offset in (0, 1, 0, 1, 2):
        stream.feed(record(offset), 0.0)
    assert acknowledge_all(small.subscribers[version.id], 0.0) == [0, 1, 2]


def test_a_long_tail_is_read_in_steps() -> None:
    """One member that reads much of the tail at once would keep all others waiting."""
    small = Small()
    version = stored(types=("nl.rare",))
    stream = small.stream(tail_bytes=100_000_000)
    for offset in range(TAIL_STEP * 2 + 1):
        stream.feed(record(offset), 0.0)
    member = stream.join(version, row(version.id, 0), at(0.0))
    steps = 1
    while not member.attached:
        assert small.mores == steps
        assert stream.halfway == {member}
        steps += 1
        stream.advance(member, 0.0)
    assert steps == 3
    assert not stream.halfway


def _envelopes_alive() -> int:
    gc.collect()
    return sum(isinstance(each, Envelope) for each in gc.get_objects())
