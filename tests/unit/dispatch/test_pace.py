"""When the stream's reader rests: only where that keeps a tail for somebody and costs nobody."""

from uuid import UUID

import pytest

from consumers.dispatch import window
from consumers.dispatch.pace import PATIENCE
from consumers.dispatch.stream import Stream
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
