"""One partition in memory: the stream and its subscriptions. No I/O, no clock, no awaits.

Longer than most modules: all that moves a subscription between its modes is one hand-over, and
stands in one place.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from bus.catalogue.asking import add_wanted
from bus.log.record import Partition, Record
from bus.match.index import Index
from bus.store.partition import Gap, LossReason, ParkedEvent, Place
from bus.store.streams import Position, StoredSubscription
from bus.subscription import Subscription
from consumers.dispatch import parking
from consumers.dispatch.admission import admit, take
from consumers.dispatch.budget import Budget
from consumers.dispatch.consequences import decided
from consumers.dispatch.envelope import Envelope, from_copy
from consumers.dispatch.flights import Flights
from consumers.dispatch.invalid import Invalid
from consumers.dispatch.member import Member, Unsure
from consumers.dispatch.moment import Moment
from consumers.dispatch.pace import Pace
from consumers.dispatch.rows import Attempt
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.tail import Tail
from consumers.dispatch.wanted import nothing
from consumers.dispatch.window import Delivery, Window

Readers = Callable[[Envelope], frozenset[str]]
"""The organisations that may read an event now."""


def _nobody_listens(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Signals:
    """What a stream tells who holds its partition; all return at once.

    `room`: somebody who is behind may have room. `more`: somebody stopped halfway through the tail.
    `turn`: the reader is to rest, or to read on. `hurry`: others or the reader wait for a save.
    `lost`: the log does not hold offsets any more that a member was still to look at.
    """

    room: Callable[[], None] = _nobody_listens
    more: Callable[[], None] = _nobody_listens
    turn: Callable[[], None] = _nobody_listens
    hurry: Callable[[], None] = _nobody_listens
    lost: Callable[[Member, Collection[int]], None] = _nobody_listens


@dataclass(frozen=True, slots=True)
class Beside:
    """What the store keeps of a subscription beside its position on this partition."""

    parked: tuple[ParkedEvent, ...] = ()
    dead: frozenset[int] = field(default_factory=frozenset)

    def __bool__(self) -> bool:
        return bool(self.parked or self.dead)


TAIL_STEP = 500
"""Records of the tail shown to one member at a time, some 2 ms: others have to be served too."""


class Stream:
    """The subscriptions of one partition, and the offset that the stream has read up to.

    A member is *attached* (served by the stream), *held* (its window was full: served from the
    tail), or *scanning* (too far behind for the tail: served by the scan). All three end at the
    same synchronous hand-over: a member whose cursor has reached the read offset attaches.
    """

    def __init__(  # noqa: PLR0913 - all that surrounds it, by name
        self,
        place: Partition,
        *,
        start: int,
        revision: int,
        readers: Readers,
        subscriber: Callable[[StoredSubscription], Subscriber],
        in_scope: Callable[[Subscription], bool],
        signals: Signals,
        budget: Budget,
        tail_bytes: int,
    ) -> None:
        self.place = place
        self.read_offset = start
        self.revision = revision
        self.staged: int | None = None
        self.flights = Flights()
        self._budget = budget
        self.tail = Tail(start, max_bytes=tail_bytes)
        self.pace = Pace(signals.turn)
        self.members: dict[UUID, Member] = {}
        self.busy: set[Member] = set()
        self.scanning: set[Member] = set()
        self.halfway: set[Member] = set()
        self.gone: set[UUID] = set()
        self.shelved: dict[UUID, Position] = {}
        self.reopened: set[Place] = set()
        self.beside: dict[UUID, Beside] = {}
        self.gaps: list[Gap] = []
        self.invalid = Invalid(tail_bytes // 4)  # of a worker: 8 MiB
        self.to_disable: set[Member] = set()
        self.attempts: list[Attempt] = []
        self.in_scope = in_scope
        self.readers = readers
        self._subscriber = subscriber
        self._signals = signals
        self._index: Index[Member] = Index()

    # Membership

    def join(self, stored: StoredSubscription, row: Position | None, now: Moment) -> Member:
        """Take a subscription in, at its row or else at the read offset, and let it read on."""
        member = Member(
            self._subscriber(stored),
            Window(stored.subscription.ordering, self.flights, self._budget),
            start=self.read_offset,
            row=row,
            now=now.loop,
            hurry=self._signals.hurry,
        )
        member.window.on_decided = partial(decided, self, member)
        beside = self.beside.pop(stored.id, None)
        if beside is not None:
            copies = self.copies(beside.parked)
            parking.restore(member, copies, beside.dead, self.read_offset, now)
        if stored.id in self.gone or stored.id in self.shelved:
            # A save that is under way may remove or write its row.
            member.saved = Unsure.MAYBE
            self.gone.discard(stored.id)
            self.shelved.pop(stored.id, None)
        self.members[stored.id] = member
        if member.subscriber.to_disable is not None:
            self.to_disable.add(member)
        self.busy.add(member)
        self.serve(member, stored, now.loop)
        return member

    def renew_window(self, member: Member, *, at_rest: bool) -> Window:
        """Give a member a new window for an old one of which nothing is on the wire."""
        window = Window(member.subscriber.subscription.ordering, self.flights, self._budget)
        window.on_decided = partial(decided, self, member)
        window.at_rest = at_rest
        for delivery in member.window.pending.values():
            self._budget.let_go(delivery.envelope)
        member.window.closed = True
        member.subscriber.drop_closed()
        return window

    def copies(self, events: Iterable[ParkedEvent]) -> parking.Copies:
        """Give parked events with their copies, to be sent as if they came from the log."""
        return [(each, from_copy(each.record, self.place, each.offset)) for each in events]

    def serve(self, member: Member, stored: StoredSubscription, now: float) -> None:
        """Let a member read on under this version; one out of scope only gets what it has open."""
        member.subscriber = self._subscriber(stored)
        stored = member.subscriber.shared(stored)
        terms = stored.subscription
        member.leaving = not self.in_scope(terms)
        member.terms = None if member.leaving else terms
        if member.leaving:
            member.wants = nothing
            if member in self._index:
                self._index.remove(member)
        else:
            member.wants = member.subscriber.wanted(stored)
            add_wanted(self._index, member, terms, organisation=stored.organisation)
        self.advance(member, now)

    def leave(self, identity: UUID) -> None:
        """Let a subscription go; what of it is in flight is no longer waited for."""
        member = self.members.pop(identity, None)
        if member is None:
            return
        self._put_down(member)
        if member in self._index:
            self._index.remove(member)
        self.busy.discard(member)
        self.scanning.discard(member)
        self.halfway.discard(member)
        self.pace.read_on()  # it may have been for this one that the reader rests

    # The stream

    def feed(self, record: Record, now: float) -> None:
        """Take the next record of the log.

        Attached members get it, or leave the stream here if their window is full. One from below
        the read offset is ignored.
        """
        if record.offset < self.read_offset:
            return
        envelope = Envelope(record)
        self.tail.append(envelope)
        for member in self._matching(envelope):
            if not member.attached or envelope.offset < member.floor:
                continue
            self.busy.add(member)
            if not admit(member, envelope, now):
                member.detach(envelope.offset, now)
        self.read_offset = envelope.offset + 1

    def advance(self, member: Member, now: float) -> None:
        """Let a member read on from the tail as far as its window allows, and attach at the end."""
        if member.attached or not self._may_read(member):
            return
        if member.cursor < self.tail.start:
            self.scanning.add(member)
            self._signals.room()
            return
        self.scanning.discard(member)
        self.halfway.discard(member)
        self._read_tail(member, now)
        self.pace.look(self.tail, now)

    def _read_tail(self, member: Member, now: float) -> None:
        for shown, envelope in enumerate(self.tail.since(member.cursor)):
            if shown >= TAIL_STEP:
                self.halfway.add(member)
                self._signals.more()
                return
            if not self.offer(member, envelope, now):
                return
        self.arrive(member, self.read_offset)
        if member.window.roomy and not member.owed:
            member.attach(self.read_offset)
            self.pace.read_on()

    def rest(self, now: float) -> None:
        """Let the reader rest where reading on serves nobody, and costs somebody the tail."""
        # Who is not busy is attached.
        if len(self.busy) == len(self.members) and not any(each.attached for each in self.busy):
            self.pace.rest(self.busy, self.tail, now)

    def arrive(self, member: Member, end: int, reason: LossReason = "retention") -> None:
        """Take in that a member has been shown all that the log holds below `end`.

        What it still waits for there is lost, for this reason.
        """
        member.move_to(end)
        missing = {offset for offset in member.owed if offset < member.cursor}
        if missing:
            member.owed -= missing
            self.lose(member, missing, reason)

    def pass_over(self, offset: int, reason: LossReason = "retention") -> None:
        """Take in that the log lost what lay between the read offset and this one."""
        if offset <= self.read_offset:
            return
        for member in self.members.values():
            start = max(self.read_offset, member.floor)
            if member.attached and not member.leaving and start < offset:
                self.lose(member, range(start, offset), reason)
        self.read_offset = offset
        self.tail = Tail(offset, max_bytes=self.tail.max_bytes)  # one without a hole

    def lose(
        self, member: Member, offsets: Collection[int], reason: LossReason = "retention"
    ) -> None:
        """Record that the log lost these before the member had them: at most these."""
        start, until = min(offsets), max(offsets) + 1
        self.gaps.append(Gap(member.subscriber.identity, start, until, reason))
        self._signals.lost(member, offsets)

    def offer(self, member: Member, envelope: Envelope, now: float) -> bool:
        """Show a member an event at or after its cursor; False if it wants it and has no room."""
        readable = envelope.event is not None and member.subscriber.organisation in self.readers(
            envelope
        )
        return take(member, envelope, readable=readable, now=now)

    def advance_all(self, now: float) -> None:
        """Let every member read on that can, and go that has to: for what no answer sets going."""
        for member in list(self.busy):
            parking.read_past(member, self.read_offset)
            if member.leaving and member.finished:
                self.gone.add(member.subscriber.identity)
                self.leave(member.subscriber.identity)
        for member in [each for each in self.busy if not each.attached]:
            self._end_old_lanes(member, now)
            self.advance(member, now)
        self.pace.look(self.tail, now)

    def _end_old_lanes(self, member: Member, now: float) -> None:
        """Read what stands in lanes of another ordering once more, if nothing of it is on the wire.

        What always fails would never run out: not where it is an outage, or one lane that is held.
        """
        ordering = member.subscriber.subscription.ordering
        if member.window.ordering == ordering or not member.window.pending:
            return
        if member.frozen or member.leaving or member.flying:
            return
        place = member.next_offset(self.read_offset)
        member.read_anew(self.renew_window(member, at_rest=False), place, now)
        parking.put_back(member, now)

    def close(self) -> None:
        """Send nothing more; answers that still come are not waited for."""
        for member in self.members.values():
            self._put_down(member)

    def may_scan(self, member: Member) -> bool:
        """Whether a scanning member can take in more now."""
        return member in self.scanning and self._may_read(member)

    def _may_read(self, member: Member) -> bool:
        subscriber = member.subscriber
        if member.frozen or subscriber.stopped or not member.window.roomy:
            return False
        if subscriber.outage and not subscriber.wants_probes:
            return False
        ordering = subscriber.subscription.ordering
        if member.window.ordering != ordering:
            # Lanes of two kinds would not wait for each other: the old ones run out first.
            if member.window.pending:
                return False
            parking.reorder(member, ordering)
        return True

    def _matching(self, envelope: Envelope) -> Iterable[Member]:
        event = envelope.event  # of each record: one that is none is kept, whatever type it claims
        if event is None:
            self._keep(envelope)
            return ()
        if not self._index.wants(event.type):
            envelope.forget()
            return ()
        return self._index.match(event.type, event.get, self.readers(envelope))

    def _keep(self, envelope: Envelope) -> None:
        """Keep a record that is no event; with no room for more the reader rests for the save."""
        self.invalid.add(envelope)
        if self.invalid.full:
            self.pace.await_save(needed=True)
            self._signals.hurry()

    def keep_no_longer(self, invalid: Iterable[int]) -> None:
        """Let go of invalid records that are saved, and read on where that makes room."""
        self.invalid.saved(invalid)
        self.pace.await_save(needed=self.invalid.full)

    def settle(self, member: Member, delivery: Delivery, now: float) -> None:
        """Let a delivery go that is settled, and the member read on if that makes room."""
        parking.settle(member, delivery)
        if member.attached:
            return
        if member not in self.scanning:
            self.advance(member, now)
        elif member.window.roomy:
            self._signals.room()

    def _put_down(self, member: Member) -> None:
        if member.window.closed:
            return  # fenced off, and then told to stop
        member.window.closed = True
        for delivery in member.window.pending.values():
            self._budget.let_go(delivery.envelope)
        parking.forget(member)
        member.subscriber.drop_closed()
