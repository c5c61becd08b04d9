"""When the stream's reader rests: where that keeps a tail and costs nobody, or for a save."""

from uuid import UUID

import pytest

from consumers.dispatch import invalid, window
from consumers.dispatch.orders import Orders
from consumers.dispatch.pace import PATIENCE
from consumers.dispatch.saves import committed, snapshot, uncertain
from consumers.dispatch.stream import Stream
from tests.unit.dispatch.small_stream import (
    DOWN,
    LogRecord,
    Small,
    acknowledge_all,
    answer,
    at,
    record,
    row,
    send,
    stored,
)

TAIL = 20 * 600
"""Bytes for some twenty records."""


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "MAX_EVENTS", 4)


def _read(stream: Stream, number: int, now: float = 0.0) -> None:
    """Read on, one record at a time, until there are so many or the reader rests."""
    for offset in range(stream.read_offset, number):
        if stream.pace.resting:
            return
        stream.feed(record(offset), now)
        stream.rest(now)


def test_a_lone_subscription_reads_a_long_backlog_from_the_tail() -> None:
    """The reader keeps ahead of it by less than the tail, so that nothing is read twice."""
    small = Small()
    stream = small.stream(tail_bytes=TAIL)
    stream.join(stored(), None, at(0.0))
    delivered: list[int] = []
    while len(delivered) < 200:
        _read(stream, 200)
        delivered += acknowledge_all(small.subscribers[UUID(int=1)], 0.0)
        assert not stream.scanning
    assert delivered == list(range(200))
    assert small.rests == [True, False] * (len(small.rests) // 2)
    assert small.rests


def test_the_reader_never_rests_beside_somebody_whom_it_serves() -> None:
    """One who wants nothing of this is served by reading on all the same."""
    small = Small()
    stream = small.stream(tail_bytes=TAIL)
    stream.join(stored(1), None, at(0.0))
    stream.join(stored(2, types=("nl.rare",)), None, at(0.0))
    _read(stream, 200)
    assert stream.read_offset == 200
    assert not small.rests
    assert stream.members[UUID(int=1)].cursor < stream.tail.start


def test_a_subscription_that_is_new_ends_the_rest() -> None:
    """It waits for nobody's window, whether it begins here or further on."""
    for place in (None, 150):
        small = Small()
        stream = small.stream(tail_bytes=TAIL)
        stream.join(stored(1), None, at(0.0))
        _read(stream, 200)
        assert small.rests == [True]
        new = stored(2, types=("nl.rare",))
        stream.join(new, row(new.id, place) if place else None, at(0.0))
        assert small.rests == [True, False]
        _read(stream, 200)
        assert stream.read_offset == 200


def test_patience_ends() -> None:
    """One that takes nothing is waited for once; then the tail goes by, and it scans."""
    small = Small()
    stream = small.stream(tail_bytes=TAIL)
    version = stored()
    member = stream.join(version, None, at(0.0))
    subscriber = small.subscribers[version.id]
    _read(stream, 200)
    for delivery in send(subscriber, 0.0):
        answer(subscriber, delivery, DOWN, 0.0)
    stream.advance_all(PATIENCE - 1)
    assert small.rests == [True]
    stream.advance_all(PATIENCE)
    _read(stream, 200, PATIENCE)
    assert small.rests == [True, False]
    assert stream.read_offset == 200
    assert member.cursor < stream.tail.start


def test_one_that_leaves_is_not_waited_for() -> None:
    """Deleted or overtaken by retention, it has no use for the tail."""
    for ends in (lambda stream: stream.leave(UUID(int=1)), lambda stream: stream.pass_over(500)):
        small = Small()
        stream = small.stream(tail_bytes=TAIL)
        stream.join(stored(), None, at(0.0))
        _read(stream, 200)
        ends(stream)
        stream.advance_all(0.0)
        assert small.rests == [True, False]


def _no_event(offset: int, bytes_: int = 0) -> LogRecord:
    return LogRecord(offset, None, b"?" * bytes_, [])


@pytest.mark.parametrize(("most", "bytes_"), [(5, 0), (1_000, 3_000)])
def test_the_reader_rests_until_a_save_has_taken_what_is_no_event(
    monkeypatch: pytest.MonkeyPatch, most: int, bytes_: int
) -> None:
    """However many are in the log, and whoever is served: what waits for a save is bounded."""
    monkeypatch.setattr(invalid, "MAX_INVALID", most)
    small = Small()
    stream, orders = small.stream(tail_bytes=60_000), Orders(small.stream())
    stream.join(stored(), None, at(0.0))
    saved: list[int] = []
    for attempt in range(60):
        while not stream.pace.resting and stream.read_offset < 100:
            stream.feed(_no_event(stream.read_offset, bytes_), 0.0)
        assert len(stream.invalid) <= 5
        taken = snapshot(stream, orders, at(0.0))
        if attempt % 2:
            uncertain(taken)
            continue
        saved += [each.offset for each in taken.invalid]
        assert taken.next_offset == len(saved)
        committed(stream, orders, taken, 0.0)
    assert saved == list(range(100))
    assert small.rests == [True, False] * 20
    assert small.hurries == 20


def test_a_save_ends_only_the_rest_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one for who reads from the tail goes on, and ends no rest for a save."""
    monkeypatch.setattr(invalid, "MAX_INVALID", 1)
    small = Small()
    stream, orders = small.stream(tail_bytes=TAIL), Orders(small.stream())
    stream.join(stored(), None, at(0.0))
    _read(stream, 200)
    stream.feed(_no_event(stream.read_offset), 0.0)
    committed(stream, orders, snapshot(stream, orders, at(0.0)), 0.0)
    assert stream.pace.resting
    stream.feed(_no_event(stream.read_offset), 0.0)
    stream.leave(UUID(int=1))
    assert stream.pace.resting
    committed(stream, orders, snapshot(stream, orders, at(0.0)), 0.0)
    assert not stream.pace.resting
