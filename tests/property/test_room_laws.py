"""Room for what is parked: how far a worker's shelves can go over their bound (decision 15)."""

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.log.record import MAX_RECORD_BYTES
from consumers.dispatch import room
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.room import Room, Shelves
from consumers.dispatch.worker import SHELF_BYTES
from tests.unit.dispatch.small_stream import LogRecord

SHELVES, MOST, FEW = 20_000, 5_000, 2
BIGGEST = 1_500
"""Bytes of one event: as small beside the rest as they are in a worker."""

envelopes = st.integers(0, BIGGEST - 512).map(
    lambda size: Envelope(LogRecord(0, None, b"x" * size, []))
)
who = st.integers(0, 29)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait behind"), who, st.lists(envelopes, min_size=1, max_size=8)),
        st.tuples(st.just("park a lane"), who, st.lists(envelopes, min_size=1, max_size=8)),
        st.tuples(st.just("settle"), who, st.just([])),
    ),
    max_size=150,
)


class Parked:
    """What some subscriptions have parked, each in one room, as the engine takes and lets go."""

    def __init__(self) -> None:
        self.shelves = Shelves(SHELVES)
        self.rooms = [Room(self.shelves) for _ in range(30)]
        self.held: list[list[Envelope]] = [[] for _ in self.rooms]

    def take(self, step: str, number: int, events: list[Envelope]) -> None:
        """Do one step of one subscription, outside an outage."""
        mine = self.rooms[number]
        if step == "settle":
            self.let_go(number)
        for event in events:
            if step == "park a lane" or mine.fits(event):
                mine.take(event)
                self.held[number].append(event)
        while mine.exceeded and self.held[number]:
            self.let_go(number)

    def let_go(self, number: int) -> None:
        """Settle the oldest, or give it up."""
        if self.held[number]:
            self.rooms[number].give_back(self.held[number].pop(0))


def most_together(sharers: int) -> float:
    """Give what so many subscriptions have parked at most: the arithmetic of ADR 15."""
    shares = (min(MOST, (SHELVES + BIGGEST) / place) for place in range(1, sharers + 1))
    return sum(shares) + sharers * FEW * BIGGEST


def check(parked: Parked) -> None:
    """See that the shelves keep to the bound: the whole, and each place in the order of size."""
    sizes = [sum(each.size for each in events) for events in parked.held]
    assert [each.bytes for each in parked.rooms] == sizes
    many = [s for s, held in zip(sizes, parked.held, strict=True) if len(held) > FEW]
    for place, size in enumerate(sorted(many, reverse=True), 1):
        assert size <= min(MOST, (SHELVES + BIGGEST) / place)
    assert parked.shelves.used == sum(sizes) <= most_together(parked.shelves.sharers)


@given(taken=steps)
def test_full_shelves_grow_by_less_with_each_who_comes(
    taken: list[tuple[str, int, list[Envelope]]],
) -> None:
    """Whoever takes in what order: the n-th largest has at most the n-th part, or a few events."""
    with patch.multiple(room, MAX_PARKED_BYTES=MOST, FEW_PARKED=FEW):
        parked = Parked()
        for step in taken:
            parked.take(*step)
            check(parked)


def test_who_parks_late_in_turn_meets_the_bound() -> None:
    """It is no empty one: who come one after the other, and never fail again, get near to it."""
    with patch.multiple(room, MAX_PARKED_BYTES=MOST, FEW_PARKED=0):
        parked = Parked()
        small = Envelope(LogRecord(0, None, b"", []))
        for number in range(30):
            parked.take("wait behind", number, [small] * 10)
    assert parked.shelves.used > 1.5 * SHELVES


def test_the_arithmetic_that_is_written_down() -> None:
    """In MiB, by the bounds of a worker and the largest event."""
    full = SHELF_BYTES + MAX_RECORD_BYTES
    found = [
        sum(min(room.MAX_PARKED_BYTES, full / place) for place in range(1, sharers + 1)) / 2**20
        for sharers in (8, 100, 1_000, 10_000)
    ]
    assert found == pytest.approx([64, 225, 374, 523], abs=1)
