"""What to save of a partition, as values: stream position and rows in one transaction."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from bus.store.streams import Position
from consumers.dispatch.changes import apply_changes
from consumers.dispatch.member import Member, Unsure
from consumers.dispatch.stream import Stream


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One save: only what is in it is settled by its commit."""

    next_offset: int
    revision: int
    rows: tuple[tuple[Member, Position], ...] = field(repr=False)
    removed: tuple[Member, ...] = field(repr=False)
    gone: frozenset[UUID] = frozenset()
    shelved: tuple[Position, ...] = ()


def snapshot(stream: Stream, *, now: float, wall: datetime, final: bool = False) -> Snapshot:
    """Give the exact state of a partition at this moment.

    The stream's position is the lowest watermark of the members without a row; a member that drags,
    or that a change has frozen, gets its row here and leaves that minimum in the same transaction.
    The `final` one of a planned stop gives every member with open events its row, so that nothing
    is repeated.
    """
    read = stream.read_offset
    with_row: list[Member] = []
    without: list[Member] = []
    for member in stream.busy:
        due = member.frozen or member.dragging(read, now) or (final and not member.up_to_date)
        (with_row if due or member.saved is not None else without).append(member)
    position = min((member.watermark(read) for member in without), default=read)
    removed = tuple(each for each in with_row if _can_go(each, position, read))
    keeping = (each for each in with_row if not _can_go(each, position, read))
    rows = ((member, member.row(read, now, wall)) for member in keeping)
    return Snapshot(
        next_offset=position,
        # Those whose change stands still for this save have their row in it.
        revision=stream.revision if stream.staged is None else stream.staged,
        rows=tuple((member, row) for member, row in rows if row != member.saved),
        removed=removed,
        gone=frozenset(stream.gone),
        shelved=tuple(stream.shelved.values()),
    )


def committed(stream: Stream, saved: Snapshot, now: float) -> None:
    """Take in that a save is durable: its changes apply from here on."""
    for member, row in saved.rows:
        member.saved = row
    for member in saved.removed:
        member.saved = None
    stream.gone -= saved.gone
    for row in saved.shelved:
        if stream.shelved.get(row.subscription) is row:
            del stream.shelved[row.subscription]
    if stream.staged is not None and stream.staged == saved.revision:
        stream.revision, stream.staged = saved.revision, None
        apply_changes(stream, now)
    stream.busy = {each for each in stream.busy if not _idle(each)}


def uncertain(saved: Snapshot) -> None:
    """Take in that a save may or may not be durable: its rows are written or removed again."""
    for member, _ in saved.rows:
        member.saved = Unsure.MAYBE
    for member in saved.removed:
        member.saved = Unsure.MAYBE


def _can_go(member: Member, position: int, read: int) -> bool:
    """Whether the stream's position speaks for this member, so that its row can go."""
    if not member.attached or member.frozen or member.owed or member.floor > read:
        return False
    return member.attach_offset <= position <= member.watermark(read)


def _idle(member: Member) -> bool:
    return member.up_to_date and member.saved is None
