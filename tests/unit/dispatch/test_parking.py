"""What happens beside the position: parked lanes, the bound, dead letters, commands."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bus.store.partition import Change, Command, ParkedEvent
from consumers.dispatch import parking, room
from consumers.dispatch.budget import Budget
from consumers.dispatch.changes import load, stage
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.member import Member
from consumers.dispatch.orders import Orders
from consumers.dispatch.room import Shelves
from consumers.dispatch.saves import Snapshot, beginning, committed, snapshot, uncertain
from consumers.dispatch.stream import Beside, Stream
from consumers.dispatch.window import FEW_EVENTS
from consumers.sinks.outcome import Delivered, Outcome, Refused, Temporary
from tests.unit.dispatch.small_stream import Small, answer, at, record, row, send, stored

POISON = Temporary("answer", 500)
TERMS = {"delivery": {"retry": {"schedule": (1, 3_600), "jitter": 0}}}
VERSION = stored(**TERMS)
UNREADABLE = Change(2, VERSION.id, None, None, unreadable=True)


def parked(offset: int, key: str, *, due: float = 0.0) -> ParkedEvent:
    """Give the row of an event that was tried once."""
    copy = Envelope(record(offset, key=key)).copy
    moment = at(due).wall
    return ParkedEvent(VERSION.id, offset, copy, 1, moment - timedelta(1), moment, "temporary 500")


def save(stream: Stream, orders: Orders, now: float) -> None:
    """Save, and have it confirmed."""
    stream.advance_all(now)
    orders.carry_out(at(now))
    committed(stream, orders, snapshot(stream, orders, at(now)), now)


def deliver(small: Small, now: float, *, bad: frozenset[int] = frozenset()) -> list[int]:
    """Send all that may be sent, all but the bad ones taken; give the offsets in their order."""
    subscriber = small.subscribers[VERSION.id]
    offsets = []
    while sent := send(subscriber, now):
        for delivery in sent:
            offsets.append(delivery.offset)
            outcome: Outcome = POISON if delivery.offset in bad else Delivered(204)
            answer(subscriber, delivery, outcome, now)
    return offsets


def loaded(
    small: Small, *open_: int, kept: tuple[ParkedEvent, ...], dead: frozenset[int] = frozenset()
) -> tuple[Stream, Member]:
    """Load a partition of which the log is to be read from 20 on."""
    stream = small.stream(20)
    stream.beside[VERSION.id] = Beside(kept, dead)
    return stream, stream.join(VERSION, row(VERSION.id, 20, *open_), at(0.0))


def test_a_parked_event_waits_until_what_lies_below_it_was_read_again() -> None:
    """An open event of its lane comes first, though it has to be found in the log."""
    small = Small()
    stream, member = loaded(small, 7, kept=(parked(10, "k"),))
    assert deliver(small, 1.0) == []
    for offset in range(7, 20):
        envelope = Envelope(record(offset, key="k" if offset in (7, 10) else "other"))
        stream.offer(member, envelope, 1.0)
    stream.arrive(member, 20)
    stream.advance_all(1.0)
    assert deliver(small, 1.0) == [7, 10]


def test_reading_again_is_exempt_from_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane that is full lets in what was open before it: else both would wait for ever."""
    monkeypatch.setattr(room, "MAX_PARKED", 1)
    small = Small()
    stream, member = loaded(small, 7, kept=(parked(10, "k"),))
    assert stream.offer(member, Envelope(record(7, key="k")), 1.0)
    assert deliver(small, 1.0) == [7]
    stream.arrive(member, 20)
    stream.advance_all(1.0)
    assert deliver(small, 1.0) == [10]


def test_parked_and_dead_events_are_not_read_again() -> None:
    """A stream that went back after a crash passes over what is settled beside it."""
    small = Small()
    stream = small.stream(5)
    stream.beside[VERSION.id] = Beside((parked(6, "k", due=100.0),), frozenset({8}))
    stream.join(VERSION, None, at(0.0))
    for offset in range(5, 12):
        stream.feed(record(offset, key="k" if offset in (6, 9) else f"k{offset}"), 0.0)
    assert deliver(small, 0.0) == [5, 7, 10, 11]
    stream.advance_all(1.0)
    assert deliver(small, 101.0) == [6, 9]


def test_at_the_bound_the_longest_lane_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hot key that fails costs its oldest events, and no event of another key."""
    monkeypatch.setattr(room, "MAX_PARKED", 3)
    small = Small()
    stream = small.stream()
    orders = Orders(stream)
    member = stream.join(VERSION, None, at(0.0))
    stream.feed(record(0, key="hot"), 0.0)
    deliver(small, 0.0, bad=frozenset({0}))
    deliver(small, 1.0, bad=frozenset({0}))
    for offset in range(1, 7):
        stream.feed(record(offset, key="cold" if offset == 4 else "hot"), 2.0)
        taken = snapshot(stream, orders, at(2.0))
        committed(stream, orders, taken, 2.0)
    assert 4 in deliver(small, 2.0, bad=frozenset(range(4)))
    assert member.attached
    assert member.shelf is not None
    assert sorted(each.offset for each in member.shelf if not each.dying)[-2:] == [5, 6]
    assert member.subscriber.room.events <= 3


def park_big_ones(small: Small, number: int, offsets: range) -> tuple[Stream, Member]:
    """Have a subscription park these, one lane, each of 10 kB, as it is held back by the first."""
    stream = small.stream(offsets.start)
    member = stream.join(stored(number, **TERMS), None, at(0.0))
    stream.feed(record(offsets.start, key="hot", bytes_=10_000), 0.0)
    for now in (0.0, 1.0):
        for delivery in send(member.subscriber, now):
            answer(member.subscriber, delivery, POISON, now)
    for offset in offsets[1:]:
        stream.feed(record(offset, key="hot", bytes_=10_000), 1.0)
        save(stream, Orders(stream), 1.0)
    return stream, member


def test_what_is_parked_takes_nothing_of_the_windows() -> None:
    """A subscription that parks big events shrinks nobody's window."""
    small = Small(budget=Budget(5_000))
    _, parks = park_big_ones(small, 1, range(20))
    assert parks.subscriber.room.bytes > 200_000
    assert small.budget.used == 0
    other = small.stream().join(stored(2), None, at(2.0))
    for offset in range(FEW_EVENTS + 1):
        assert not other.window.full
        other.window.admit(Envelope(record(offset)), 2.0)


def test_big_events_are_given_up_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is parked has a bound in bytes, but for a few events, whatever they weigh."""
    monkeypatch.setattr(room, "MAX_PARKED_BYTES", 100_000)
    _, member = park_big_ones(Small(), 1, range(20))
    assert 80_000 < member.subscriber.room.bytes <= 100_000
    assert member.attached
    monkeypatch.setattr(room, "MAX_PARKED_BYTES", 1)
    _, member = park_big_ones(Small(), 1, range(20))
    assert member.subscriber.room.events == room.FEW_PARKED


def test_where_the_shelves_are_full_each_has_an_equal_share() -> None:
    """Who has much gives up of it; who has little parks as if nobody else did."""
    small = Small(shelves=Shelves(250_000))
    much_stream, much = park_big_ones(small, 1, range(100))
    assert much.subscriber.room.bytes <= 250_000 + 11_000
    _, little = park_big_ones(small, 2, range(10))
    assert little.subscriber.room.events == 10
    much_stream.feed(record(100, key="hot", bytes_=10_000), 1.0)
    assert not much.attached
    for _ in range(20):
        save(much_stream, Orders(much_stream), 1.0)
    assert small.shelves.used - little.subscriber.room.bytes > 125_000
    assert small.shelves.used <= 250_000 + 11_000
    assert little.subscriber.room.events == 10


def test_a_lane_waits_for_its_dead_letter() -> None:
    """What comes behind a refused event goes out once the dead letter is saved, not before."""
    small = Small()
    stream = small.stream()
    orders = Orders(stream)
    stream.join(VERSION, None, at(0.0))
    for offset in range(3):
        stream.feed(record(offset, key="k"), 0.0)
    subscriber = small.subscribers[VERSION.id]
    (first,) = send(subscriber, 0.0)
    answer(subscriber, first, Refused(422), 0.0)
    taken = snapshot(stream, orders, at(0.0))
    assert [(letter.offset, letter.reason) for _, _, letter in taken.dead] == [(0, "refused")]
    assert taken.next_offset == 1
    assert deliver(small, 0.0) == []
    committed(stream, orders, taken, 0.0)
    assert deliver(small, 0.0) == [1, 2]


def test_only_a_dead_letter_that_others_wait_for_is_saved_soon() -> None:
    """In the window or on the shelf; one that nothing waits for can wait itself."""
    small = Small()
    stream = small.stream()
    member = stream.join(VERSION, None, at(0.0))
    keys = ("alone", "window", "window", "shelf", "shelf")
    for offset, key in enumerate(keys):
        stream.feed(record(offset, key=key), 0.0)
    alone, window, shelf = send(member.subscriber, 0.0)
    hurries = []
    for delivery in (alone, window):
        answer(member.subscriber, delivery, Refused(422), 0.0)
        hurries.append(small.hurries)
    answer(member.subscriber, shelf, POISON, 0.0)
    parking.park(member, shelf)
    parking.bury(member, shelf, "exhausted")
    assert [*hurries, small.hurries] == [0, 1, 2]


def test_what_cannot_be_kept_stays_open() -> None:
    """A dead letter that Postgres refuses is open in its subscription's row, and holds nobody."""
    small = Small()
    stream = small.stream()
    orders = Orders(stream)
    member = stream.join(VERSION, None, at(0.0))
    for offset in range(3):
        stream.feed(record(offset), 0.0)
    subscriber = small.subscribers[VERSION.id]
    for delivery in send(subscriber, 0.0):
        outcome = Refused(422) if delivery.offset == 1 else Delivered(204)
        answer(subscriber, delivery, outcome, 0.0)
    member.barred = True
    taken = snapshot(stream, orders, at(0.0))
    ((_, saved),) = taken.rows
    assert (saved.next_offset, saved.open) == (3, (1,))
    assert (taken.next_offset, taken.dead) == (3, ())
    member.barred = False
    assert [letter.offset for _, _, letter in snapshot(stream, orders, at(1.0)).dead] == [1]


def test_a_save_without_an_answer_is_made_again() -> None:
    """What it parked and what it gave up is in the next one too, until one is known to be there."""
    small = Small()
    stream = small.stream()
    orders = Orders(stream)
    stream.join(VERSION, None, at(0.0))
    for offset in range(3):
        stream.feed(record(offset), 0.0)
    subscriber = small.subscribers[VERSION.id]
    outcomes = (POISON, Refused(422), Delivered(204))
    for delivery, outcome in zip(send(subscriber, 0.0), outcomes, strict=True):
        answer(subscriber, delivery, outcome, 0.0)
    assert deliver(small, 1.0, bad=frozenset({0})) == [0]

    def exceptions(taken: Snapshot) -> tuple[list[int], list[int]]:
        parked_ = [event.offset for _, _, event in taken.parked]
        return parked_, [letter.offset for _, _, letter in taken.dead]

    taken = snapshot(stream, orders, at(1.0))
    assert exceptions(taken) == ([0], [1])
    uncertain(taken)
    again = snapshot(stream, orders, at(2.0))
    assert exceptions(again) == ([0], [1])
    committed(stream, orders, again, 2.0)
    assert exceptions(snapshot(stream, orders, at(3.0))) == ([], [])


@pytest.mark.parametrize("outcome", [POISON, Refused(422)])
def test_what_a_save_keeps_as_its_subscription_gets_unreadable_comes_once(outcome: Outcome) -> None:
    """The next save has it open in the row, and neither parked nor dead."""
    small = Small()
    stream = small.stream()
    orders = Orders(stream)
    member = stream.join(VERSION, None, at(0.0))
    stream.feed(record(0), 0.0)
    (delivery,) = send(member.subscriber, 0.0)
    answer(member.subscriber, delivery, outcome, 0.0)
    if not delivery.dying:
        parking.park(member, delivery)
    under_way = snapshot(stream, orders, at(0.0))
    assert len(under_way.parked) + len(under_way.dead) == 1
    stage(stream, 2, [UNREADABLE], at(0.0))
    committed(stream, orders, under_way, 0.0)
    taken = snapshot(stream, orders, at(1.0))
    (shelved,) = taken.shelved
    assert (shelved.next_offset, shelved.open) == (1, (0,))
    assert (VERSION.id, 0) in taken.unparked
    assert (VERSION.id, 0) in taken.redriven
    committed(stream, orders, taken, 1.0)
    again = snapshot(stream, orders, at(2.0))
    assert (again.unparked, again.redriven) == ((), ())


def test_what_was_delivered_stays_so_as_its_subscription_gets_unreadable() -> None:
    """Its parked copy goes, though the save that was to take it away was never made."""
    small = Small()
    stream, _ = loaded(small, kept=(parked(10, "k"),))
    assert deliver(small, 1.0) == [10]
    stage(stream, 2, [UNREADABLE], at(1.0))
    taken = snapshot(stream, Orders(stream), at(1.0))
    (shelved,) = taken.shelved
    assert (shelved.next_offset, shelved.open) == (20, ())
    assert taken.unparked == ((VERSION.id, 10),)


def test_what_was_delivered_leaves_though_new_exceptions_are_refused() -> None:
    """Else a planned stop would have it delivered once more."""
    small = Small()
    stream, member = loaded(small, kept=(parked(10, "k"),))
    assert deliver(small, 1.0) == [10]
    member.barred = True
    taken = snapshot(stream, Orders(stream), at(1.0), final=True)
    assert taken.unparked == ((VERSION.id, 10),)


def test_a_replay_sends_nothing_before_it_is_saved() -> None:
    """It rests until nothing is on the wire, then until its new place is committed."""
    small = Small()
    stream = small.stream(0, tail_bytes=100_000)
    orders = Orders(stream)
    stream.join(VERSION, None, at(0.0))
    for offset in range(6):
        stream.feed(record(offset), 0.0)
    subscriber = small.subscribers[VERSION.id]
    flights = send(subscriber, 0.0)
    orders.take([Command(1, VERSION.id, "replay", from_offset=2, until_offset=4)], 0.0)
    for delivery in flights[:5]:
        answer(subscriber, delivery, Delivered(204), 0.0)
    orders.carry_out(at(0.0))
    assert not orders.carried
    answer(subscriber, flights[5], Delivered(204), 0.0)
    orders.carry_out(at(0.0))
    taken = snapshot(stream, orders, at(0.0))
    assert taken.commands == (1,)
    assert deliver(small, 0.0) == []
    stream.feed(record(6), 0.0)
    committed(stream, orders, taken, 0.0)
    stream.advance_all(0.0)
    assert deliver(small, 0.0) == [2, 3, 6]
    assert stream.members[VERSION.id].attached


def test_live_events_of_a_lane_wait_behind_a_redriven_one() -> None:
    """It goes back to its place by offset; other lanes do not notice."""
    small = Small()
    stream = small.stream(20)
    orders = Orders(stream)
    stream.join(VERSION, None, at(0.0))
    orders.take([Command(1, VERSION.id, "redrive", redriven=(parked(10, "k"),))], 0.0)
    orders.carry_out(at(0.0))
    for offset in range(20, 24):
        stream.feed(record(offset, key="k" if offset % 2 else "other"), 0.0)
    taken = snapshot(stream, orders, at(0.0))
    assert taken.redriven == ((VERSION.id, 10),)
    assert {event.offset for _, _, event in taken.parked} == {10, 21, 23}
    offsets = deliver(small, 0.0)
    assert [offset for offset in offsets if offset in (10, 21, 23)] == [10, 21, 23]
    committed(stream, orders, taken, 0.0)
    save(stream, orders, 1.0)
    assert stream.members[VERSION.id].shelf is None


def commands(letters: int) -> list[Command]:
    """Ask for letters of two keys, at offsets from 0 on, two at a time."""
    asked = [parked(offset, f"k{offset % 2}") for offset in range(letters)]
    return [
        Command(first, VERSION.id, "redrive", redriven=tuple(asked[first : first + 2]))
        for first in range(0, letters, 2)
    ]


def test_a_redrive_of_many_waits_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no room stays a dead letter; none is given up again, each key keeps its order."""
    monkeypatch.setattr(room, "MAX_PARKED", 16)
    small = Small()
    stream = small.stream(100)
    orders = Orders(stream)
    member = stream.join(VERSION, None, at(0.0))
    orders.take(commands(60), 0.0)
    delivered: list[int] = []
    back: list[int] = []
    for now in range(40):
        stream.feed(record(100 + now, key="k0"), now)
        orders.carry_out(at(now))
        taken = snapshot(stream, orders, at(now))
        assert (taken.dead, member.subscriber.room.exceeded) == ((), False)
        assert member.subscriber.room.events <= 8 + now + 1
        back += [offset for _, offset in taken.redriven]
        committed(stream, orders, taken, now)
        delivered += deliver(small, now)
    assert back == list(range(60))
    for key in (0, 1):
        of_key = [offset for offset in delivered if offset < 60 and offset % 2 == key]
        assert of_key == list(range(key, 60, 2))
    assert len(delivered) == 100


def test_a_redrive_waits_while_half_the_room_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that still fails gets what there is room for; a later redrive overtakes no earlier."""
    monkeypatch.setattr(room, "MAX_PARKED", 16)
    small = Small()
    stream = small.stream(100)
    orders = Orders(stream)
    member = stream.join(VERSION, None, at(0.0))
    asked = commands(60)
    orders.take([replace(asked[0], redriven=tuple(parked(o, "k") for o in range(7)))], 0.0)
    orders.take([*asked[4:6], replace(asked[6], redriven=(parked(60, "small"),))], 0.0)
    for now in range(6):
        save(stream, orders, now)
        deliver(small, now, bad=frozenset(range(100)))
    assert member.subscriber.room.events == 7
    for now in range(4_000, 4_010):
        save(stream, orders, now)
        deliver(small, now)
    assert member.shelf is None or member.shelf.empty


def test_a_dead_letter_of_nobody_here_stays() -> None:
    """Who has left the domain, or cannot be read, has no lane: the letter is not taken away."""
    stream = Small().stream(20)
    orders = Orders(stream)
    orders.take([Command(1, VERSION.id, "redrive", redriven=(parked(10, "k"),))], 0.0)
    orders.carry_out(at(0.0))
    taken = snapshot(stream, orders, at(0.0))
    assert taken.commands == (1,)
    assert taken.redriven == ()


def test_a_barred_member_keeps_its_row() -> None:
    """What Postgres refuses to park is open in the row: it stays, though the stream is further."""
    small = Small()
    stream = small.stream()
    orders = Orders(stream)
    member = stream.join(VERSION, row(VERSION.id, 0), at(0.0))
    stream.feed(record(0), 0.0)
    deliver(small, 0.0, bad=frozenset({0}))
    deliver(small, 1.0, bad=frozenset({0}))
    assert member.attached
    assert not member.window.pending
    member.barred = True
    taken = snapshot(stream, orders, at(1.0))
    assert not taken.removed
    assert [(each.next_offset, each.open) for _, each in taken.rows] == [(1, (0,))]


def test_an_outage_made_of_bad_events_lets_a_good_one_in() -> None:
    """However many bad ones there are: once each was tried, reading goes on."""
    small = Small()
    stream = small.stream(20)
    bad = frozenset(range(1, 6))
    stream.beside[VERSION.id] = Beside(tuple(parked(offset, f"k{offset}") for offset in bad))
    member = stream.join(VERSION, row(VERSION.id, 10), at(0.0))
    for turn in range(10):
        deliver(small, turn * 10_000.0, bad=bad)
    assert member.subscriber.outage
    assert stream.may_scan(member)
    stream.offer(member, Envelope(record(10)), 100_000.0)
    assert 10 in [o for turn in range(10, 20) for o in deliver(small, turn * 10_000.0, bad=bad)]


def test_a_sink_that_only_fails_is_known_after_a_restart() -> None:
    """All that fails is parked, and no row says so: its days of failures count on all the same."""
    small = Small()
    stream = small.stream()
    orders = Orders(stream)
    member = stream.join(VERSION, None, at(0.0))
    stream.feed(record(0), 0.0)
    deliver(small, 0.0, bad=frozenset({0}))
    deliver(small, 1.0, bad=frozenset({0}))
    first = snapshot(stream, orders, at(30.0))
    committed(stream, orders, first, 30.0)
    assert [since for _, since in first.failing] == [None]
    deliver(small, 4_000.0, bad=frozenset({0}))
    taken = snapshot(stream, orders, at(4_000.0))
    assert taken.failing == ((member, at(0.0).wall),)
    assert not taken.rows
    committed(stream, orders, taken, 4_000.0)
    assert not snapshot(stream, orders, at(4_001.0)).failing

    anew = Small()
    stream = anew.stream(1)
    stream.beside[VERSION.id] = Beside(tuple(row for _, _, row in taken.parked))
    noted = {VERSION.id: at(0.0).wall}
    load(stream, [VERSION], {}, failing=noted, now=at(5_000.0))
    subscriber = anew.subscribers[VERSION.id]
    assert subscriber.failing_since == 0.0
    deliver(anew, 5 * 86_400.0 + 1, bad=frozenset({0}))
    assert subscriber.to_disable == "failing"


def test_one_success_ends_what_was_known_of_failures() -> None:
    """Here, where it is noted, and whatever another partition still says of the time before."""
    small = Small()
    stream = small.stream()
    load(stream, [VERSION], {}, failing={VERSION.id: at(0.0).wall}, now=at(5_000.0))
    stream.feed(record(0), 5_000.0)
    assert deliver(small, 5_000.0) == [0]
    member = stream.members[VERSION.id]
    assert snapshot(stream, Orders(stream), at(5_001.0)).failing == ((member, None),)
    load(small.stream(), [VERSION], {}, failing={VERSION.id: at(10.0).wall}, now=at(5_002.0))
    assert member.subscriber.failing_since is None


def test_a_stream_that_is_closed_twice_counts_once() -> None:
    """A partition can be fenced off just as it is to be put down: its other partitions go on."""
    small = Small()
    stream, member = loaded(small, kept=(parked(10, "k"),))
    stream.close()
    stream.close()
    assert member.subscriber.room.events == 0


def test_nothing_of_a_log_made_anew_is_settled_by_what_was_kept_of_the_old() -> None:
    """Events just delivered or given up stand beside the position until the next save."""
    small = Small()
    stream, member = loaded(small, kept=(parked(10, "k"),))
    assert deliver(small, 1.0) == [10]
    stream.feed(record(20), 1.0)
    (refused,) = send(member.subscriber, 1.0)
    answer(member.subscriber, refused, Refused(422), 1.0)
    taken = beginning(stream, 0, at(1.0))
    assert (VERSION.id, 10) in taken.unparked
    assert [(letter.offset, letter.reason) for _, _, letter in taken.dead] == [(20, "recreated")]
