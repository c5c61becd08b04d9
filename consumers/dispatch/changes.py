"""Takes subscriptions in: those at the load, and what changes, from the moment that is saved on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from bus.store.partition import Change, ParkedEvent, Taken
from bus.store.stored import Position, Replay, StoredSubscription
from consumers.dispatch.moment import Moment
from consumers.dispatch.rows import parked_row
from consumers.dispatch.stream import Beside, Stream


def load(
    stream: Stream,
    known: Iterable[StoredSubscription],
    rows: Mapping[UUID, Position],
    *,
    failing: Mapping[UUID, datetime],
    unreadable: Iterable[UUID] = (),
    now: Moment,
) -> None:
    """Take in the subscriptions as they were at the stream's revision, and their rows.

    One that cannot be read keeps its row, or gets one where the stream stands.
    """
    for stored in known:
        row = rows.get(stored.id)
        noted = failing.get(stored.id)
        if _belongs(stream, stored, row):
            member = stream.join(stored, row, now)
            member.failing_noted = noted
            since = now.on_the_loop(noted)
            if since is not None:
                member.subscriber.has_failed_since(since)
        elif row or noted:
            stream.gone.add(stored.id)
    for identity in unreadable:
        if identity not in rows:
            stream.shelved[identity] = _shelf(identity, stream.read_offset, ())


def beside_of(taken: Taken) -> dict[UUID, Beside]:
    """Give what the store keeps of each subscription beside its position."""
    parked: defaultdict[UUID, list[ParkedEvent]] = defaultdict(list)
    dead: defaultdict[UUID, set[int]] = defaultdict(set)
    for event in taken.parked:
        parked[event.subscription].append(event)
    for subscription, offset in taken.dead:
        dead[subscription].add(offset)
    return {
        identity: Beside(tuple(parked[identity]), frozenset(dead[identity]))
        for identity in parked.keys() | dead.keys()
    }


def stage(
    stream: Stream,
    revision: int,
    changes: Iterable[Change],
    now: Moment,
) -> None:
    """Take in the changes up to `revision`.

    A changed subscription stands still until the save that marks its moment is committed. One that
    cannot be read keeps its place in its row, and is served again by whoever can read it.
    """
    stream.staged = revision
    for change in changes:
        if change.unreadable:
            _shelve(stream, change, now)
        elif change.stored is None:
            stream.shelved.pop(change.id, None)
            stream.beside.pop(change.id, None)
            stream.leave(change.id)
        else:
            _meet(stream, change, change.stored, now)


def _meet(stream: Stream, change: Change, stored: StoredSubscription, now: Moment) -> None:
    member = stream.members.get(change.id)
    if member is None:
        row = stream.shelved.get(change.id) or change.position
        row = None if change.id in stream.gone else row
        if not _belongs(stream, stored, row):
            if row:
                stream.shelved.pop(change.id, None)
                stream.gone.add(change.id)
            return
        member = stream.join(stored, row, now)
        if row is not None:
            return
    if member.attached:
        member.detach(stream.read_offset, now.loop)
    member.change = member.subscriber.shared(stored)
    stream.scanning.discard(member)
    stream.busy.add(member)


def _belongs(stream: Stream, stored: StoredSubscription, row: Position | None) -> bool:
    """Whether a subscription is served here: at home, or with something of the past to deliver."""
    if stream.in_scope(stored.subscription) or stored.id in stream.beside:
        return True
    return row is not None and bool(row.open)


def _shelve(stream: Stream, change: Change, now: Moment) -> None:
    """Put down what cannot be read. One not served here may begin to be now: it gets its row."""
    identity = change.id
    member = stream.members.get(identity)
    if member is None:
        if change.position is None or identity in stream.gone:
            stream.gone.discard(identity)
            stream.shelved.setdefault(identity, _shelf(identity, stream.read_offset, ()))
        return
    place, opened, shelf = member.next_offset(stream.read_offset), set(member.open), member.shelf
    if shelf is not None:
        # What was about to be saved is not: it is read again. Yet a save under way may keep it.
        opened |= shelf.unsaved
        stream.reopened |= {(identity, offset) for offset in shelf.unsaved | shelf.leaving}
        kept = [each for each in shelf if each.offset not in shelf.unsaved]
        rows = tuple(parked_row(identity, each, now) for each in kept)
        stream.beside[identity] = Beside(rows, frozenset(shelf.ahead - {r.offset for r in rows}))
    stream.shelved[identity] = _shelf(identity, place, tuple(sorted(opened)), member.replay)
    stream.leave(identity)


def _shelf(
    identity: UUID, next_offset: int, opened: tuple[int, ...], replay: Replay | None = None
) -> Position:
    return Position(
        subscription=identity,
        next_offset=next_offset,
        open=opened,
        failing_since=None,
        last_outcome="unreadable",
        replay=replay,
    )


def apply_changes(stream: Stream, now: float) -> None:
    """Let the changed subscriptions go on under their new version: the moment is committed."""
    for member in [each for each in stream.busy if each.frozen]:
        stored, member.change = member.change, None
        if stored is not None:
            stream.serve(member, stored, now)
