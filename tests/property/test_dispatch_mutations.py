"""The world of the engine's model would notice: each rule broken once, and an invariant fails."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bus.store.streams import Change, StoredSubscription
from consumers.dispatch import changes, member, saves, window
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.member import Member
from consumers.dispatch.stream import Stream
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.window import Delivery, Window
from tests.property import dispatch_world
from tests.property.dispatch_world import World
from tests.property.test_dispatch_model import run

SEEDS = 120

Mutation = Callable[[pytest.MonkeyPatch], None]


def _position_waits_for_nobody(patch: pytest.MonkeyPatch) -> None:
    """Save the read offset, whatever is still open."""
    whole = dispatch_world.snapshot
    patch.setattr(
        dispatch_world,
        "snapshot",
        lambda stream, **how: replace(whole(stream, **how), next_offset=stream.read_offset),
    )


def _rows_go_as_soon_as_attached(patch: pytest.MonkeyPatch) -> None:
    """Delete a row without asking where the stream's position is."""
    patch.setattr(saves, "_can_go", lambda member, _position, _read: member.attached)


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

    def meet(stream: Stream, change: Change, stored: StoredSubscription, now: float) -> None:
        if not stream.in_scope(stored.subscription):
            stream.gone.add(change.id)
            stream.leave(change.id)
        else:
            whole(stream, change, stored, now)

    patch.setattr(changes, "_meet", meet)


def _outages_outlive_their_partition(patch: pytest.MonkeyPatch) -> None:
    """Count failing heads of closed windows."""
    patch.setattr(Subscriber, "drop_closed", lambda _self: None)


def _held_members_lose_what_did_not_fit(patch: pytest.MonkeyPatch) -> None:
    """Leave the stream after the event that found the window full, instead of at it."""
    whole = Member.detach
    patch.setattr(
        member.Member, "detach", lambda self, at, now: whole(self, at + 1, now), raising=True
    )


@pytest.mark.parametrize(
    "mutate",
    [
        _position_waits_for_nobody,
        _rows_go_as_soon_as_attached,
        _lost_commits_count_as_done,
        _open_offsets_are_forgotten,
        _lanes_do_not_wait,
        _changes_apply_at_once,
        _domains_are_left_at_once,
        _outages_outlive_their_partition,
        _held_members_lose_what_did_not_fit,
    ],
)
def test_a_broken_rule_is_noticed(mutate: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these rules, broken alone, loses, repeats or reorders an event in some run."""
    monkeypatch.setattr(window, "MAX_EVENTS", 6)
    mutate(monkeypatch)
    with pytest.raises(AssertionError):  # noqa: PT012 - any of the runs may be the one
        for seed in range(SEEDS):
            run(World(seed), crashes=seed % 3 > 0)
