"""Takes subscriptions in: those at the load, and what changes, from the moment that is saved on."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from bus.store.streams import Change, Position, StoredSubscription
from consumers.dispatch.stream import Stream


def load(
    stream: Stream,
    known: Iterable[StoredSubscription],
    rows: Mapping[UUID, Position],
    *,
    unreadable: Iterable[UUID] = (),
    now: float,
) -> None:
    """Take in the subscriptions as they were at the stream's revision, and their rows.

    One that cannot be read keeps its row, or gets one where the stream stands.
    """
    for stored in known:
        row = rows.get(stored.id)
        if stream.in_scope(stored.subscription) or (row and row.open):
            stream.join(stored, row, now)
        elif row:
            stream.gone.add(stored.id)
    for identity in unreadable:
        if identity not in rows:
            stream.shelved[identity] = _shelf(identity, stream.read_offset, ())


def stage(
    stream: Stream,
    revision: int,
    changes: Iterable[Change],
    *,
    unreadable: Iterable[UUID] = (),
    now: float,
) -> None:
    """Take in the changes up to `revision`.

    A changed subscription stands still until the save that marks its moment is committed. One that
    cannot be read keeps its place in its row, and is served again by whoever can read it.
    """
    stream.staged = revision
    for identity in unreadable:
        _shelve(stream, identity)
    for change in changes:
        if change.stored is None:
            stream.shelved.pop(change.id, None)
            stream.leave(change.id)
        else:
            _meet(stream, change, change.stored, now)


def _meet(stream: Stream, change: Change, stored: StoredSubscription, now: float) -> None:
    member = stream.members.get(change.id)
    if member is None:
        row = stream.shelved.get(change.id) or change.position
        row = None if change.id in stream.gone else row
        if not stream.in_scope(stored.subscription) and not (row and row.open):
            if row:
                stream.shelved.pop(change.id, None)
                stream.gone.add(change.id)
            return
        member = stream.join(stored, row, now)
        if row is not None:
            return
    if member.attached:
        member.detach(stream.read_offset, now)
    member.change = stored
    stream.scanning.discard(member)
    stream.busy.add(member)


def _shelve(stream: Stream, identity: UUID) -> None:
    member = stream.members.get(identity)
    if member is not None:
        place = member.next_offset(stream.read_offset)
        stream.shelved[identity] = _shelf(identity, place, member.open)
        stream.leave(identity)


def _shelf(identity: UUID, next_offset: int, opened: tuple[int, ...]) -> Position:
    return Position(
        subscription=identity,
        next_offset=next_offset,
        open=opened,
        failing_since=None,
        last_outcome="unreadable",
    )


def apply_changes(stream: Stream, now: float) -> None:
    """Let the changed subscriptions go on under their new version: the moment is committed."""
    for member in [each for each in stream.busy if each.frozen]:
        stored, member.change = member.change, None
        if stored is not None:
            stream.serve(member, stored, now)
