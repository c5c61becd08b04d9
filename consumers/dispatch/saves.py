"""What to save of a partition, as values: position, rows and exceptions in one transaction."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from bus.store.partition import AttemptMade, DeadLetter, Gap, InvalidRecord, ParkedEvent, Place
from bus.store.stored import Position
from consumers.dispatch import parking
from consumers.dispatch.changes import apply_changes
from consumers.dispatch.member import Member, Unsure
from consumers.dispatch.moment import Moment
from consumers.dispatch.orders import Orders
from consumers.dispatch.rows import attempt_made, dead_letter, parked_row
from consumers.dispatch.stream import Stream
from consumers.dispatch.window import Delivery

Parked = tuple[Member, Delivery, ParkedEvent]
Buried = tuple[Member, Delivery, DeadLetter]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One save: only what is in it is settled by its commit."""

    next_offset: int
    revision: int
    rows: tuple[tuple[Member, Position], ...] = field(repr=False)
    removed: tuple[Member, ...] = field(repr=False)
    gone: frozenset[UUID] = frozenset()
    shelved: tuple[Position, ...] = ()
    parked: tuple[Parked, ...] = field(default=(), repr=False)
    unparked: tuple[Place, ...] = ()
    dead: tuple[Buried, ...] = field(default=(), repr=False)
    gaps: tuple[Gap, ...] = ()
    invalid: tuple[InvalidRecord, ...] = ()
    commands: tuple[int, ...] = ()
    redriven: tuple[Place, ...] = ()
    replayed: tuple[UUID, ...] = ()
    attempts: tuple[AttemptMade, ...] = field(default=(), repr=False)
    failing: tuple[tuple[Member, datetime | None], ...] = field(default=(), repr=False)

    @property
    def with_exceptions(self) -> frozenset[Member]:
        """The members of which it holds parked events or dead letters."""
        return frozenset(each[0] for each in (*self.parked, *self.dead))

    @property
    def changes_anything(self) -> bool:
        """Whether anything but the stream's position and revision is in it."""
        return any(
            (
                self.rows,
                self.removed,
                self.gone,
                self.shelved,
                self.parked,
                self.unparked,
                self.dead,
                self.gaps,
                self.invalid,
                self.commands,
                self.attempts,
                self.failing,
            )
        )


def snapshot(stream: Stream, orders: Orders, now: Moment, *, final: bool = False) -> Snapshot:
    """Give the exact state of a partition at this moment.

    The stream's position is the lowest watermark of the members without a row; a member that drags,
    or that a change has frozen, gets its row here and leaves that minimum in the same transaction.
    What is parked or given up leaves the position in the same transaction as well; a barred member
    keeps it open instead. The `final` one of a planned stop gives every member with open events its
    row, so that nothing is repeated.
    """
    read = stream.read_offset
    with_row: list[Member] = []
    without: list[Member] = []
    for member in stream.busy:
        due = member.frozen or member.dragging(read, now.loop) or (member.barred and member.shelf)
        due = due or (final and not member.up_to_date)
        (with_row if due or member.saved is not None else without).append(member)
    position = min((member.watermark(read) for member in without), default=read)
    removed = tuple(each for each in with_row if _can_go(each, position, read))
    keeping = (each for each in with_row if not _can_go(each, position, read))
    rows = ((member, member.row(read, now)) for member in keeping)
    carried = orders.carried.values()
    beside = [each for each in stream.busy if each.shelf is not None]
    shelves = [each for each in beside if not each.barred]
    return Snapshot(
        next_offset=position,
        # Those whose change stands still for this save have their row in it.
        revision=stream.revision if stream.staged is None else stream.staged,
        rows=tuple((member, row) for member, row in rows if row != member.saved),
        removed=removed,
        gone=frozenset(stream.gone),
        shelved=tuple(stream.shelved.values()),
        parked=tuple(each for member in shelves for each in _parked(member, now)),
        unparked=(*stream.reopened, *(each for who in beside for each in _unparked(who))),
        dead=tuple(each for member in shelves for each in _dead(member, now)),
        gaps=tuple(stream.gaps),
        invalid=tuple(InvalidRecord(each.offset, each.copy, each.fault) for each in stream.invalid),
        commands=tuple(command.id for command in carried),
        redriven=(
            *stream.reopened,
            *(
                (command.subscription, each.offset)
                for command in carried
                for each in command.redriven
            ),
        ),
        replayed=tuple(each.subscription for each in carried if each.kind == "replay"),
        attempts=tuple(attempt_made(each, now) for each in stream.attempts),
        failing=tuple(
            (each, since)
            for each in stream.busy
            if (since := each.failing_since(now)) != each.failing_noted
        ),
    )


def beginning(stream: Stream, start: int, now: Moment) -> Snapshot:
    """Give a partition whose log was made anew: all positions at its `start`.

    Offsets mean nothing any more. What was parked or given up becomes dead letters, and neither
    they nor anything else kept beside the position settles an offset of the new log; what was lost
    with the old one nobody can say. The store ends what this owner could not read.
    """
    read = stream.read_offset
    members, unreadable = stream.members, stream.shelved.values()
    shelves = [(each, each.shelf) for each in members.values() if each.shelf is not None]
    ended = {
        (member, each.offset): each
        for member, shelf in shelves
        for each in (*shelf, *shelf.dying.values())
    }
    left = {(member, offset) for member, shelf in shelves for offset in shelf.leaving}
    return Snapshot(
        next_offset=start,
        revision=stream.revision,
        rows=(),
        removed=tuple(each for each in members.values() if each.saved),
        gone=frozenset(stream.gone),
        unparked=tuple(
            (member.subscriber.identity, offset) for member, offset in ended.keys() | left
        ),
        dead=tuple(
            (member, each, dead_letter(member.subscriber.identity, each, now, reason="recreated"))
            for (member, _), each in ended.items()
        ),
        gaps=(
            *(
                Gap(identity, member.watermark(read), member.next_offset(read), "recreated")
                for identity, member in members.items()
                if not member.leaving
            ),
            *(
                Gap(
                    each.subscription,
                    min((each.next_offset, *each.open)),
                    each.next_offset,
                    "recreated",
                )
                for each in unreadable
            ),
        ),
    )


def committed(stream: Stream, orders: Orders, saved: Snapshot, now: float) -> None:
    """Take in that a save is durable: its changes apply from here on, its dead letters are dead."""
    for member, row in saved.rows:
        member.saved = row
    for member in saved.removed:
        member.saved = None
    for member, since in saved.failing:
        member.failing_noted = since
    stream.gone -= saved.gone
    for row in saved.shelved:
        if stream.shelved.get(row.subscription) is row:
            del stream.shelved[row.subscription]
    _settle_exceptions(stream, saved, now)
    if stream.staged is not None and stream.staged == saved.revision:
        stream.revision, stream.staged = saved.revision, None
        apply_changes(stream, now)
    orders.committed(saved.commands, now)
    for member in stream.busy:
        parking.tidy(member)
    stream.busy = {each for each in stream.busy if not _idle(each)}


def uncertain(saved: Snapshot) -> None:
    """Take in that a save may or may not be durable: its rows are written or removed again."""
    for member, _ in saved.rows:
        member.saved = Unsure.MAYBE
    for member in saved.removed:
        member.saved = Unsure.MAYBE
    for member, _ in saved.failing:
        member.failing_noted = Unsure.MAYBE


def _settle_exceptions(stream: Stream, saved: Snapshot, now: float) -> None:
    for member, delivery, row in saved.parked:
        trouble, shelf = delivery.in_trouble(), member.shelf
        trouble.durable = True
        if shelf is not None and trouble.failures == row.attempts:
            shelf.dirty.pop(row.offset, None)
    stream.reopened.difference_update(saved.unparked)
    for identity, offset in saved.unparked:
        member_of = stream.members.get(identity)
        if member_of is not None and member_of.shelf is not None:
            member_of.shelf.leaving.discard(offset)
    for member, delivery, letter in saved.dead:
        if member.shelf is not None:
            member.shelf.dying.pop(letter.offset, None)
        member.owed.discard(letter.offset)
        delivery.in_trouble().kept = False
        if not delivery.window.closed:
            stream.settle(member, delivery, now)
    del stream.gaps[: len(saved.gaps)]
    del stream.attempts[: len(saved.attempts)]
    stream.keep_no_longer(record.offset for record in saved.invalid)


def _parked(member: Member, now: Moment) -> list[Parked]:
    shelf, identity = member.shelf, member.subscriber.identity
    deliveries = [each for each in shelf.dirty.values() if not each.dying] if shelf else []
    for each in deliveries:
        each.in_trouble().kept = True  # from here on it may be there
    return [(member, each, parked_row(identity, each, now)) for each in deliveries]


def _unparked(member: Member) -> list[Place]:
    shelf = member.shelf
    if shelf is None:
        return []
    dying = () if member.barred else shelf.dying.values()  # a barred one's letter is not written
    leaving = (*shelf.leaving, *(each.offset for each in dying if each.in_trouble().kept))
    return [(member.subscriber.identity, offset) for offset in leaving]


def _dead(member: Member, now: Moment) -> list[Buried]:
    identity, shelf = member.subscriber.identity, member.shelf
    dying = shelf.dying.values() if shelf else ()
    return [(member, each, dead_letter(identity, each, now)) for each in dying]


def _can_go(member: Member, position: int, read: int) -> bool:
    """Whether the stream's position speaks for this member, so that its row can go."""
    if not member.attached or member.frozen or member.owed or member.floor > read:
        return False
    if member.barred:
        return False  # what it could not park is open in the row alone
    return member.attach_offset <= position <= member.watermark(read)


def _idle(member: Member) -> bool:
    quiet = member.shelf is None or member.shelf.quiet
    noted = member.saved is not None or member.failing_noted is not None
    return quiet and member.up_to_date and not noted
