"""Cursors come back as they were written and in no other way; pages lose nothing, in order."""

from string import ascii_letters
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.api.problem import Problem
from bus.api.pull import moved
from bus.catalogue import Access
from bus.codec import kafka
from bus.event import Event
from bus.log.record import Headers, Partition
from bus.pull.cursor import Cursors, NotACursor
from bus.pull.entry import Entry
from bus.pull.page import Budget, Page
from bus.pull.wish import Wish
from bus.subscription import Subscription

OIN = "00000001823288444000"
CURSORS = Cursors(b"k" * 32)

partitions = st.builds(Partition, st.sampled_from(["a.x", "a.y", "b"]), st.integers(0, 7))
positions = st.dictionaries(partitions, st.integers(0, 2**63 - 1), max_size=12)


class Record:
    """A record at a place."""

    timestamp = 0

    def __init__(self, place: Partition, offset: int, type_: str) -> None:
        self.topic, self.partition = place
        self.offset = offset
        event = Event(id=f"{place.partition}-{offset}", source="urn:a", type=type_)
        headers, self.value = kafka.encode(event)
        self.headers: Headers = headers
        self.key = b"k"


def wish_of(*types: str) -> Wish:
    """Give the wish of a subscription to these types that may read everything."""
    terms = Subscription(id=str(uuid4()), organisation=OIN, protocol="PULL", types=types)
    access = Access({"": OIN})
    return Wish(terms, lambda source, _: access.readers(source, "d"))


@given(positions, st.uuids())
def test_a_cursor_comes_back(where: dict[Partition, int], subscription: UUID) -> None:
    """For its own subscription, whatever the positions."""
    assert CURSORS.read(CURSORS.write(subscription, where), subscription) == where


@given(positions, st.uuids(), st.data())
def test_a_changed_cursor_is_refused(
    where: dict[Partition, int], subscription: UUID, data: st.DataObject
) -> None:
    """One character more, less or other; another subscription; another bus."""
    text = CURSORS.write(subscription, where)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="latin-1").filter(lambda each: each != text[at]))
    damaged = [text[:at] + text[at + 1 :], text[:at] + other + text[at + 1 :], text + "A"]
    damaged += [text[:at] + each + text[at:] for each in "!=\n"]
    damaged += [text[:-1] + each for each in ascii_letters if each != text[-1]]
    for each in damaged:
        with pytest.raises(NotACursor):
            CURSORS.read(each, subscription)
    with pytest.raises(NotACursor):
        CURSORS.read(text, uuid4())
    with pytest.raises(NotACursor):
        Cursors(b"o" * 32).read(text, subscription)


@given(st.text(max_size=200), st.uuids())
def test_no_text_is_a_cursor_by_chance(text: str, subscription: UUID) -> None:
    """Nor is there one that breaks the reading of it."""
    for each in (text, "1" + text):
        with pytest.raises(NotACursor):
            CURSORS.read(each, subscription)


@given(positions, positions)
def test_a_position_only_goes_forward(
    stands: dict[Partition, int], wanted: dict[Partition, int]
) -> None:
    """Unless it is told to go back, in no partition; and then nothing is moved at all."""
    assert moved(stands, wanted, rewind=True) == wanted
    forward = all(offset >= stands.get(each, 0) for each, offset in wanted.items())
    if forward:
        assert moved(stands, wanted, rewind=False) == wanted
    else:
        with pytest.raises(Problem) as refusal:
            moved(stands, wanted, rewind=False)
        assert refusal.value.status == 409


@given(
    st.lists(st.lists(st.sampled_from("ab"), max_size=30), min_size=1, max_size=4),
    st.integers(1, 7),
    st.integers(1, 12),
    st.integers(1, 2_000),
)
def test_pages_in_a_row_have_each_event_once(
    logs: list[list[str]], events: int, scanned: int, size: int
) -> None:
    """Whatever the budget: each page moves on, none repeats, and each partition keeps its order."""
    places = [Partition("t", number) for number in range(len(logs))]
    records = {
        place: [Entry(Record(place, offset, type_)) for offset, type_ in enumerate(log)]
        for place, log in zip(places, logs, strict=True)
    }
    wish, budget = wish_of("a"), Budget(events, bytes=size, scanned=scanned)
    where, found = dict.fromkeys(places, 0), []
    while any(where[place] < len(records[place]) for place in places):
        page = Page.begin(where, wish, budget)
        for place in tuple(page.behind):
            if page.take(records[place][where[place] :]):
                page.reached(place, len(records[place]), end=True)
        assert page.positions != where
        assert len(page.events) <= events
        found += [(each.partition, each.offset) for each in page.events]
        where = page.positions
    wanted = {(p, entry.offset) for p in places for entry in records[p] if entry.type == "a"}
    assert len(found) == len(wanted)
    assert set(found) == wanted
    for place in places:
        mine = [offset for each, offset in found if each == place]
        assert mine == sorted(mine)
