"""The world of the engine's model would notice: each rule broken once, and an invariant fails.

Rules that it meets too seldom, or that cost others time and repeats instead of events, have a
scenario of their own in tests/unit/dispatch.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bus.store.partition import Burial, Change
from bus.store.streams import StoredSubscription
from consumers.dispatch import changes, member, parking, saves, subscriber, window
from consumers.dispatch.decision import Decision
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.member import Member
from consumers.dispatch.moment import Moment
from consumers.dispatch.orders import Orders
from consumers.dispatch.pace import Pace
from consumers.dispatch.room import Room
from consumers.dispatch.saves import Snapshot
from consumers.dispatch.scan import Scan
from consumers.dispatch.stream import Stream
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.window import Delivery, Window
from consumers.sinks.outcome import Outcome
from tests.property import dispatch_world
from tests.property.dispatch_world import World
from tests.property.test_dispatch_model import make_small, run
from tests.unit.dispatch import test_modes, test_parking

SEEDS = 120

Mutation = Callable[[pytest.MonkeyPatch], None]


def _position_waits_for_nobody(patch: pytest.MonkeyPatch) -> None:
    """Save the read offset, whatever is still open."""
    whole = dispatch_world.snapshot
    patch.setattr(
        dispatch_world,
        "snapshot",
        lambda stream, *how, **named: replace(
            whole(stream, *how, **named), next_offset=stream.read_offset
        ),
    )


def _rows_go_as_soon_as_attached(patch: pytest.MonkeyPatch) -> None:
    """Delete a row without asking where the stream's position is."""
    patch.setattr(saves, "_can_go", lambda who, _position, _read: who.attached)


def _lost_commits_count_as_done(patch: pytest.MonkeyPatch) -> None:
    """Take a commit without an answer for one that succeeded."""
    patch.setattr(
        dispatch_world,
        "uncertain",
        lambda taken: [setattr(each, "saved", row) for each, row in taken.rows],
    )


def _open_offsets_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Load a row without its open offsets."""
    whole = Member.__init__

    def broken(self: Member, *parts: object, **named: object) -> None:
        whole(self, *parts, **named)  # type: ignore[arg-type] # passed through as it came
        self.owed.clear()
        self.cursor = self.floor

    patch.setattr(member.Member, "__init__", broken)


def _lanes_do_not_wait(patch: pytest.MonkeyPatch) -> None:
    """Send every event of a lane at once."""

    def admit(self: Window, envelope: Envelope, now: float) -> Delivery:
        delivery = Delivery(envelope, self, None, now)
        self.pending[envelope.offset] = delivery
        return delivery

    patch.setattr(window.Window, "admit", admit)


def _changes_apply_at_once(patch: pytest.MonkeyPatch) -> None:
    """Do not stand still until the moment of a filter change is committed."""
    whole = dispatch_world.stage

    def stage(stream: Stream, *parts: object, **named: object) -> None:
        whole(stream, *parts, **named)  # type: ignore[arg-type] # passed through as it came
        changes.apply_changes(stream, 0.0)

    patch.setattr(dispatch_world, "stage", stage)


def _domains_are_left_at_once(patch: pytest.MonkeyPatch) -> None:
    """Drop what is open of a domain that a subscription does not name any more."""
    whole = changes._meet

    def meet(stream: Stream, change: Change, stored: StoredSubscription, now: Moment) -> None:
        if not stream.in_scope(stored.subscription):
            stream.gone.add(change.id)
            stream.leave(change.id)
        else:
            whole(stream, change, stored, now)

    patch.setattr(changes, "_meet", meet)


def _held_members_lose_what_did_not_fit(patch: pytest.MonkeyPatch) -> None:
    """Leave the stream after the event that found the window full, instead of at it."""
    whole = Member.detach
    patch.setattr(
        member.Member, "detach", lambda self, at, now: whole(self, at + 1, now), raising=True
    )


def _rows_come_a_save_too_late(patch: pytest.MonkeyPatch) -> None:
    """Leave the minimum with a member's first row, but write that row with a later save."""
    whole = dispatch_world.snapshot

    def late(stream: Stream, *how: Any, **named: Any) -> Snapshot:  # noqa: ANN401 - passed through
        taken = whole(stream, *how, **named)
        rows = tuple(each for each in taken.rows if each[0].saved is not None)
        return replace(taken, rows=rows)

    patch.setattr(dispatch_world, "snapshot", late)


def _a_commit_settles_what_came_after_it(patch: pytest.MonkeyPatch) -> None:
    """Take the rows as they are at the commit for those that were saved."""
    whole = dispatch_world.committed

    def more(stream: Stream, orders: Orders, saved: Snapshot, now: float) -> None:
        moment = Moment(now, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=now))
        whole(stream, orders, saved, now)
        for each, _ in saved.rows:
            each.saved = each.row(stream.read_offset, moment)

    patch.setattr(dispatch_world, "committed", more)


def _gaps_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Move on over what retention took without a word."""
    whole = dispatch_world.snapshot
    patch.setattr(
        dispatch_world,
        "snapshot",
        lambda stream, *how, **named: replace(whole(stream, *how, **named), gaps=()),
    )


def _windows_have_no_bound(patch: pytest.MonkeyPatch) -> None:
    """Admit whatever comes."""
    patch.setattr(window.Window, "full", property(lambda _self: False))


def _attaching_waits_for_a_success(patch: pytest.MonkeyPatch) -> None:
    """Ask for recent successes of a member that is to join the stream."""
    whole = Member.attach

    def attach(self: Member, read_offset: int) -> None:
        if self.subscriber._succeeded_at > 0:
            whole(self, read_offset)

    patch.setattr(member.Member, "attach", attach)


def _attaching_does_not_wait_for_the_stream(patch: pytest.MonkeyPatch) -> None:
    """Join the stream from wherever one stands in the tail."""
    whole = Stream.advance

    def advance(self: Stream, who: Member, now: float) -> None:
        if not who.attached and self._may_read(who) and not who.owed:
            who.attach(self.read_offset)
        whole(self, who, now)

    patch.setattr(Stream, "advance", advance)


def _what_lies_below_a_row_is_taken(patch: pytest.MonkeyPatch) -> None:
    """Offer a member that is ahead of the stream what it had before."""
    patch.setattr(member.Member, "asks_for", lambda _self, _offset: True)
    whole = Member.__init__

    def broken(self: Member, *parts: object, **named: object) -> None:
        whole(self, *parts, **named)  # type: ignore[arg-type] # passed through as it came
        self.floor = self.cursor = min(self.floor, named["start"])  # type: ignore[type-var]

    patch.setattr(member.Member, "__init__", broken)


def _the_last_save_is_like_any_other(patch: pytest.MonkeyPatch) -> None:
    """Do not give every member with open events its row at a planned stop."""
    whole = dispatch_world.snapshot
    patch.setattr(
        dispatch_world,
        "snapshot",
        lambda stream, orders, now, **_named: whole(stream, orders, now),
    )


def _one_failing_head_is_an_outage(patch: pytest.MonkeyPatch) -> None:
    """Stop everything for one poison event, and never give it up."""
    patch.setattr(subscriber, "OUTAGE_HEADS", 1)
    whole = Subscriber.answered

    def head_only(self: Subscriber, delivery: Delivery, outcome: Outcome, **how: Any) -> Decision:  # noqa: ANN401 - passed through
        decision = whole(self, delivery, outcome, **how)
        if self._ready and self._ready[-1] is delivery:
            self._ready.rotate(1)  # no turns: the one that failed is tried again
        return decision

    patch.setattr(Subscriber, "answered", head_only)


def _a_lane_does_not_wait_for_the_dead_letter(patch: pytest.MonkeyPatch) -> None:
    """Go on behind an event that is given up before that is saved."""
    whole = parking.bury

    def bury(who: Member, delivery: Delivery, reason: Burial) -> None:
        whole(who, delivery, reason)
        if delivery.behind is not None and not delivery.parked:
            who.subscriber.offer(delivery.behind)

    patch.setattr(parking, "bury", bury)


def _parked_events_stay_open(patch: pytest.MonkeyPatch) -> None:
    """Read again, after a load, what is parked or dead already."""

    def restore(who: Member, *parts: Any) -> None:  # noqa: ANN401 - passed through
        owed, cursor = set(who.owed), who.cursor
        whole(who, *parts)
        who.owed, who.cursor = owed, cursor
        if who.shelf is not None:
            who.shelf.ahead.clear()

    whole = parking.restore
    patch.setattr(parking, "restore", restore)


def _replays_do_not_wait_for_flights(patch: pytest.MonkeyPatch) -> None:
    """Go back while requests are on the wire."""
    patch.setattr(Member, "flying", property(lambda _self: False))


def _replays_forget_what_is_open(patch: pytest.MonkeyPatch) -> None:
    """Let the new filter judge what the old one had admitted."""
    whole = Member.go_back

    def go_back(self: Member, *parts: Any) -> None:  # noqa: ANN401 - passed through
        whole(self, *parts)
        self.owed.clear()
        self.cursor = self.floor

    patch.setattr(Member, "go_back", go_back)


def _the_reader_rests_whoever_is_served(patch: pytest.MonkeyPatch) -> None:
    """Rest for one who reads from the tail, whoever else the stream serves."""
    patch.setattr(
        Stream, "rest", lambda self, now: self.pace.rest(self.members.values(), self.tail, now)
    )


def _invalid_records_have_all_the_room(patch: pytest.MonkeyPatch) -> None:
    """Read on, however many of them wait for a save."""
    patch.setattr(Pace, "await_save", lambda _self, **_how: None)


def _rests_for_a_save_do_not_end(patch: pytest.MonkeyPatch) -> None:
    """Rest on when the save has taken what there was no room for."""
    whole = Pace.await_save
    patch.setattr(Pace, "await_save", lambda self, *, needed: needed and whole(self, needed=True))


def _invalid_records_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Save none of them."""
    whole = dispatch_world.snapshot
    patch.setattr(
        dispatch_world,
        "snapshot",
        lambda stream, *how, **named: replace(whole(stream, *how, **named), invalid=()),
    )


def _rests_do_not_end(patch: pytest.MonkeyPatch) -> None:
    """Rest on when somebody attaches, or the one rested for has read on."""
    patch.setattr(Pace, "read_on", lambda _self: None)


def _beginnings_leave_what_was_parked(patch: pytest.MonkeyPatch) -> None:
    """Keep events of a log that is gone beside the one that took its place."""
    whole = test_parking.beginning
    patch.setattr(test_parking, "beginning", lambda *how: replace(whole(*how), unparked=()))


def _beginnings_leave_rows(patch: pytest.MonkeyPatch) -> None:
    """Keep positions in a log that is gone."""
    whole = dispatch_world.beginning
    patch.setattr(dispatch_world, "beginning", lambda *how: replace(whole(*how), removed=()))


def _nobody_drags(patch: pytest.MonkeyPatch) -> None:
    """Give nobody a row, however long its oldest event waits."""
    patch.setattr(Member, "dragging", lambda _self, _read, _now: False)


def _rows_stay_in_the_minimum(patch: pytest.MonkeyPatch) -> None:
    """Let the stream's position wait for those that have a row, too."""
    whole = test_modes.snapshot

    def waiting(stream: Stream, *how: Any, **named: Any) -> Snapshot:  # noqa: ANN401 - passed through
        taken = whole(stream, *how, **named)
        marks = [each.watermark(stream.read_offset) for each in stream.busy]
        return replace(taken, next_offset=min(marks))

    patch.setattr(test_modes, "snapshot", waiting)


def _the_lowest_leads_the_scan(patch: pytest.MonkeyPatch) -> None:
    """Read for whoever is farthest behind, as long as it has room."""

    def lead(self: Scan) -> Member | None:
        may = [each for each in self._stream.scanning if self._stream.may_scan(each)]
        return min(may, key=lambda each: each.cursor, default=None)

    patch.setattr(Scan, "lead", lead)


def _outages_let_everybody_read(patch: pytest.MonkeyPatch) -> None:
    """Ask of a member that is to read on, and to join the stream, only for room."""
    whole = Stream._may_read

    def may_read(self: Stream, who: Member) -> bool:
        with pytest.MonkeyPatch.context() as blind:
            blind.setattr(Subscriber, "outage", False)
            return whole(self, who)

    patch.setattr(Stream, "_may_read", may_read)


@pytest.mark.parametrize(
    ("mutate", "scenario"),
    [
        (_nobody_drags, test_modes.test_who_hangs_for_long_gets_its_row_and_leaves_the_minimum),
        (_nobody_drags, test_modes.test_who_hangs_far_behind_gets_its_row_at_once),
        (
            _rows_stay_in_the_minimum,
            test_modes.test_who_hangs_for_long_gets_its_row_and_leaves_the_minimum,
        ),
        (_the_lowest_leads_the_scan, test_modes.test_those_who_scan_take_turns),
        (_outages_let_everybody_read, test_modes.test_nobody_joins_the_stream_in_an_outage),
        (
            _beginnings_leave_what_was_parked,
            test_parking.test_nothing_of_a_log_made_anew_is_settled_by_what_was_kept_of_the_old,
        ),
    ],
)
def test_a_broken_rule_fails_its_scenario(
    mutate: Mutation, scenario: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of these rules, broken alone, is what its scenario is about."""
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        scenario()


def _what_is_parked_fills_the_windows(patch: pytest.MonkeyPatch) -> None:
    """Count parked events in what all windows hold together."""
    whole = Window.give_up_lane

    def give_up_lane(self: Window, head: Delivery, **how: bool) -> list[Delivery]:
        lane = whole(self, head, **how)
        for each in lane:
            self.budget.hold(each.envelope)
        return lane

    patch.setattr(Window, "give_up_lane", give_up_lane)


def _big_events_are_parked_without_a_bound(patch: pytest.MonkeyPatch) -> None:
    """Look at how many events are parked, and not at what they weigh."""
    patch.setattr(Room, "_most_bytes", lambda _self: float("inf"))


@pytest.mark.parametrize(
    "mutate",
    [
        _position_waits_for_nobody,
        _the_reader_rests_whoever_is_served,
        _rests_do_not_end,
        _invalid_records_have_all_the_room,
        _rests_for_a_save_do_not_end,
        _invalid_records_are_forgotten,
        _rows_go_as_soon_as_attached,
        _lost_commits_count_as_done,
        _open_offsets_are_forgotten,
        _lanes_do_not_wait,
        _changes_apply_at_once,
        _domains_are_left_at_once,
        _held_members_lose_what_did_not_fit,
        _rows_come_a_save_too_late,
        _a_commit_settles_what_came_after_it,
        _gaps_are_forgotten,
        _windows_have_no_bound,
        _attaching_waits_for_a_success,
        _attaching_does_not_wait_for_the_stream,
        _what_lies_below_a_row_is_taken,
        _the_last_save_is_like_any_other,
        _one_failing_head_is_an_outage,
        _a_lane_does_not_wait_for_the_dead_letter,
        _parked_events_stay_open,
        _replays_do_not_wait_for_flights,
        _replays_forget_what_is_open,
        _what_is_parked_fills_the_windows,
        _big_events_are_parked_without_a_bound,
        _beginnings_leave_rows,
    ],
)
def test_a_broken_rule_is_noticed(mutate: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these rules, broken alone, loses, repeats or reorders an event in some run."""
    make_small(monkeypatch)
    mutate(monkeypatch)
    with pytest.raises(AssertionError):  # noqa: PT012 - any of the runs may be the one
        for seed in range(SEEDS):
            run(World(seed), crashes=seed % 3 > 0)
