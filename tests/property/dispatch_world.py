"""A small world for the engine's pure core: a log, Postgres, sinks and time.

One partition, a few subscriptions, and everything that can go wrong between two steps. The world
checks the invariants of design §3 as it goes: nothing lost at every committed state, order at every
attempt, gaps recorded, no repeats without a crash.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from random import Random
from uuid import UUID

from bus.codec import kafka
from bus.event import Event
from bus.log.record import Partition
from bus.store.partition import Change, Command, DeadLetter, Gap, ParkedEvent, Place, Taken
from bus.store.stored import Position, State, StoredSubscription
from bus.subscription import Subscription
from consumers.dispatch import invalid, room, window
from consumers.dispatch.barred import Barred
from consumers.dispatch.budget import Budget
from consumers.dispatch.changes import beside_of, load, stage
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.member import Member
from consumers.dispatch.moment import Moment
from consumers.dispatch.orders import Orders
from consumers.dispatch.room import Room, Shelves
from consumers.dispatch.saves import Snapshot, beginning, committed, snapshot, uncertain
from consumers.dispatch.scan import Scan
from consumers.dispatch.stream import Signals, Stream
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.window import Delivery
from consumers.sinks.outcome import Delivered, Gone, Misconfigured, Outcome, Refused, Temporary

OIN = "0" * 20
MOST_OPEN = 24
"""Of a row: what the test's small windows hold, some of it read again before and after a replay."""
TYPES = ("nl.test.a", "nl.test.b", "nl.test.c")
DOMAIN = "nl.test"
NO_EVENT = "no event"
KEYS = tuple(f"k{number}" for number in range(6))


@dataclass(frozen=True, slots=True)
class LogRecord:
    """What a reader gives."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    type: str
    topic: str = "t"
    partition: int = 0
    timestamp: int = 0


Version = tuple[int, Subscription, State]
"""A revision, and what a subscription is from it on."""


@dataclass(slots=True)
class Database:
    """The rows of one partition, and the history of subscriptions."""

    next_offset: int = 0
    revision: int = 0
    counter: int = 0
    positions: dict[UUID, Position] = field(default_factory=dict)
    parked: dict[Place, ParkedEvent] = field(default_factory=dict)
    dead: dict[Place, DeadLetter] = field(default_factory=dict)
    failing: dict[UUID, datetime] = field(default_factory=dict)
    settling: set[Place] = field(default_factory=set)
    gaps: set[Gap] = field(default_factory=set)
    invalid: set[int] = field(default_factory=set)
    commands: dict[int, Command] = field(default_factory=dict)
    history: list[tuple[int, UUID, Subscription | None, State]] = field(default_factory=list)

    def at(self, revision: int) -> dict[UUID, Version]:
        """Give the subscriptions as they were at a revision."""
        found: dict[UUID, Version] = {}
        for number, identity, subscription, state in self.history:
            if number > revision:
                break
            if subscription is None:
                found.pop(identity, None)
            else:
                found[identity] = (number, subscription, state)
        return found

    def change(
        self, identity: UUID, subscription: Subscription | None, state: State = "active"
    ) -> None:
        """Store a version, a state or (None) the deletion of a subscription."""
        self.counter += 1
        self.history.append((self.counter, identity, subscription, state))

    def forget(self, identity: UUID) -> None:
        """Drop what refers to a subscription."""
        self.positions.pop(identity, None)
        self.failing.pop(identity, None)
        for rows in (self.parked, self.dead):
            for place in [each for each in rows if each[0] == identity]:
                del rows[place]
        self.settling = {each for each in self.settling if each[0] != identity}
        self.commands = {n: c for n, c in self.commands.items() if c.subscription != identity}


@dataclass(slots=True)
class Fate:
    """What is true of one subscription, whatever the engine thinks.

    `versions` are the terms and the stretch of offsets they were applied to, the newest last.
    """

    created: int
    start: int
    versions: list[tuple[int, float, Subscription]]
    acknowledged: set[int] = field(default_factory=set)
    dead: set[int] = field(default_factory=set)

    def terms(self, offset: int) -> Subscription:
        """Give the terms under which an event was looked at last."""
        return next(
            terms for since, until, terms in reversed(self.versions) if since <= offset < until
        )


class World:
    """Runs the core step by step.

    One in four is `crowded`: big events of few keys, and sinks that stay sick, so that what is
    parked meets its bounds.
    """

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)  # noqa: S311 - a replayable run, not a secret
        self.log: list[LogRecord] = []
        self.end = self.rng.randrange(5)
        self.log_start = 0
        self.since = self.end
        self.database = Database(next_offset=self.end)
        self.fates: dict[UUID, Fate] = {}
        self.now = 100.0
        self.repeats = 0
        self.crashes = 0
        self.sick: dict[UUID, Callable[[int], Outcome]] = {}
        self.pending: Snapshot | None = None
        self.removed: list[LogRecord] = []
        self.unwritable: set[UUID] = set()
        self.commands = 0
        self.budget = Budget(self.rng.choice([3_000, float("inf")]))
        self.shelves = Shelves(0)
        self.unreadable: dict[UUID, int] = {}
        self.returning: set[UUID] = set()
        self.crowded = seed % 4 == 0
        self.keys = KEYS[:2] if self.crowded else KEYS
        self.biggest = Envelope(LogRecord(0, None, None, [], "none"))
        self.start()

    # The owner

    def start(self) -> None:
        """Load, as an owner does after taking the fence."""
        self.subscribers: dict[UUID, Subscriber] = {}
        self.budget.used = 0
        self.shelves = Shelves(6_000 if self.crowded else float("inf"))
        self.stirred: set[Subscriber] = set()
        self.flights: list[tuple[Subscriber, Delivery]] = []
        self._load()

    def _load(self) -> None:
        self.pending = None
        self.stream = Stream(
            Partition("t", 0),
            start=self.database.next_offset,
            revision=self.database.revision,
            readers=lambda _: frozenset({OIN}),
            subscriber=self._subscriber,
            in_scope=_in_scope,
            signals=Signals(lost=self._lost),
            budget=self.budget,
            tail_bytes=self.rng.choice([2_000, 20_000]),
        )
        self.stream.flights.until = float("inf")
        self.scan = Scan(self.stream)
        self.orders = Orders(self.stream)
        self.barred = Barred()
        self.stream.beside.update(beside_of(self._taken()))
        living = self.database.at(self.database.counter)
        known = self.database.at(self.database.revision)
        hidden = {
            each for each, since in self.unreadable.items() if since <= self.database.revision
        }
        seen = (each for each in known if each in living and each not in hidden)
        load(
            self.stream,
            [_stored(each, *known[each]) for each in seen],
            self.database.positions,
            failing=self.database.failing,
            unreadable=hidden,
            now=self._moment(),
        )

    def crash(self) -> None:
        """Lose everything in memory; a request on the wire may or may not have reached its sink."""
        self.crashes += 1
        if self.pending is not None and self.rng.random() < 0.5:
            self._write(self.pending)
        for subscriber, delivery in self.flights:
            if self.rng.random() < 0.5:
                self._reach(subscriber, delivery)
        self.start()

    def stop_as_planned(self) -> None:
        """Finish the flights, save exactly, and load again elsewhere."""
        if self.pending is not None:
            return
        for subscriber, delivery in self.flights:
            self._answer(subscriber, delivery)
        self.flights.clear()
        self.stream.close()
        self._save_last()
        self.start()

    def _save_last(self) -> None:
        last = snapshot(self.stream, self.orders, self._moment(), final=True)
        if self._refuses(last):
            self.barred.bar(last.with_exceptions, self.now)
            last = snapshot(self.stream, self.orders, self._moment(), final=True)
        self._write(last)

    def stop_past_the_deadline(self) -> None:
        """Stop as planned with requests unanswered; their answers come when all is put down."""
        if self.pending is not None:
            return
        self.crashes += 1
        late = self.flights
        self.flights = []
        self.stream.close()
        self._save_last()
        self.start()
        for flight in late:
            self._answer(*flight)

    def take_again(self) -> None:
        """Be fenced off and take the partition anew: the same worker, its requests still out."""
        self.crashes += 1
        if self.pending is not None and self.rng.random() < 0.5:
            self._write(self.pending)
        self.pending = None
        self.stream.close()
        self._load()

    def lapse(self) -> None:
        """Let the lease run out, until a save succeeds."""
        self.stream.flights.until = 0.0

    def retain(self) -> None:
        """Let retention take the oldest part of the log, at times while nobody owned it."""
        if self.log and self.rng.random() < 0.3:
            self.log_start = self.rng.choice(self.log).offset
            self.removed += [each for each in self.log if each.offset < self.log_start]
            self.log = [each for each in self.log if each.offset >= self.log_start]
            if self.rng.random() < 0.5:
                self.crash()

    def make_anew(self) -> None:
        """Let the topic be made anew: its owner, who knows all subscriptions, takes it again.

        What is kept of the old log settles nothing of the new one, and no redrive brings it back.
        """
        unknown = self.unreadable or self.stream.shelved or self.stream.staged is not None
        if unknown or self.pending is not None or self.stream.revision < self.database.counter:
            return
        for flight in self.flights:
            self._answer(*flight)
        self.flights.clear()
        self.unwritable.clear()
        self._begin_anew(beginning(self.stream, 0, self._moment()))
        self.stream.close()
        self._load()

    def _begin_anew(self, taken: Snapshot) -> None:
        database = self.database
        self.log, self.removed, self.log_start, self.end = [], [], 0, 0
        database.next_offset = taken.next_offset
        for identity in (*(each.subscriber.identity for each in taken.removed), *taken.gone):
            database.positions.pop(identity, None)
        for place in taken.unparked:
            database.parked.pop(place, None)
        assert not database.parked, "an event of the old log waits beside the new one"
        assert not database.positions, "a position in the old log stays"
        terms = database.at(taken.revision)
        self.fates = {
            identity: Fate(fate.created, 0, [(0, float("inf"), terms[identity][1])])
            for identity, fate in self.fates.items()
        }
        database.dead.clear()  # those that stay are of another log: no command finds them
        database.settling.clear()
        database.gaps.clear()
        database.invalid.clear()
        self.since = 0

    # The steps

    def publish(self) -> None:
        """Append a few events, now and then after a gap in the offsets."""
        for _ in range(self.rng.randrange(1, 8)):
            if self.rng.random() < 0.1:
                self.end += self.rng.randrange(1, 4)
            if self.rng.random() < 0.05:
                self.log.append(LogRecord(self.end, None, b"?", [], NO_EVENT))
                self.end += 1
                continue
            self._append(self.rng.choice(self.keys), self.rng.choice(TYPES))

    def _append(self, key: str, type_: str) -> None:
        padding = self.rng.choice([1, 1, 1_500]) if self.crowded else 1
        attributes = {"partitionkey": key, "padding": "x" * padding}
        event = Event(id=str(self.end), source="urn:x", type=type_, attributes=attributes)
        headers, value = kafka.encode(event)
        self.log.append(LogRecord(self.end, key.encode(), value, list(headers), type_))
        self.biggest = max(self.biggest, Envelope(self.log[-1]), key=attrgetter("size"))
        self.end += 1

    def read(self) -> None:
        """Let the stream take in some of the log, unless its reader rests: for nobody's loss."""
        if self.stream.pace.resting:
            served = [each for each in self.stream.members.values() if each.attached]
            assert not served or self.stream.invalid.full, "somebody waits for a reader that rests"
            return
        self.check_invalid_bounded()
        if self.stream.read_offset < self.log_start:
            self.stream.pass_over(self.log_start)
        fresh = [each for each in self.log if each.offset >= self.stream.read_offset]
        for record in fresh[: self.rng.randrange(1, 12)]:
            self.stream.feed(record, self.now)
        self.stream.rest(self.now)

    def read_scan(self) -> None:
        """Give the scan one turn."""
        lead = self.scan.lead()
        if lead is None:
            return
        at = lead.cursor
        if at < self.log_start:
            self.scan.overtaken(self.log_start, self.now)
            return
        records = [each for each in self.log if each.offset >= at][: self.rng.randrange(1, 6)]
        end = records[-1].offset + 1 if records else max(self.end, at)
        self.scan.feed(at, map(Envelope, records), end, self.now)

    def send(self) -> None:
        """Put on the wire what may be sent; every attempt is checked for its order."""
        for subscriber in self.subscribers.values():
            while (delivery := subscriber.next(self.now)) is not None:
                twins = (
                    each
                    for who, each in self.flights
                    if who is subscriber and each.offset == delivery.offset
                )
                assert all(each.window.closed for each in twins), "on the wire twice"
                self._check_order(subscriber, delivery)
                self.flights.append((subscriber, delivery))

    def answer(self) -> None:
        """Let some sinks answer, in any order."""
        self.rng.shuffle(self.flights)
        for _ in range(self.rng.randrange(1, 6)):
            if self.flights:
                self._answer(*self.flights.pop())

    def save(self) -> None:
        """Begin a save, or learn what became of the one that is under way."""
        if self.pending is None:
            self._begin_save()
            return
        taken, self.pending = self.pending, None
        luck = self.rng.random()
        if self._refuses(taken):
            uncertain(taken)
            self.barred.bar({self.suspect} if self.suspect else taken.with_exceptions, self.now)
        elif luck < 0.8:
            self._write(taken)
            self.barred.clear(self.suspect)
            committed(self.stream, self.orders, taken, self.now)
            self.stream.flights.until = float("inf")
        else:
            if luck < 0.9:
                self._write(taken)
            uncertain(taken)

    def _begin_save(self) -> None:
        self.stream.advance_all(self.now)
        self.check_budget()
        self.check_room()
        self._carry_out_orders()
        self.suspect = self.barred.suspect(self.now)
        self.pending = snapshot(self.stream, self.orders, self._moment())
        living = self.database.at(self.database.counter)
        for identity in [each.subscriber.identity for each in self.stream.to_disable]:
            if identity in living and living[identity][2] == "active":
                self.database.change(identity, living[identity][1], "disabled")
        self.stream.to_disable.clear()

    def _carry_out_orders(self) -> None:
        before = set(self.orders.carried)
        self.orders.carry_out(self._moment())
        for number, command in self.orders.carried.items():
            fate = self.fates.get(command.subscription)
            if number not in before and fate:
                again = {each.offset for each in command.redriven}
                # One that a replay delivered since is a dead letter again: others go on before it.
                fate.dead |= again & fate.acknowledged
                fate.acknowledged -= again

    def _refuses(self, taken: Snapshot) -> bool:
        return any(each.subscriber.identity in self.unwritable for each in taken.with_exceptions)

    def follow(self) -> None:
        """Take in what changed of the subscriptions, and what was asked for."""
        if self.stream.staged is not None:
            return
        if self.stream.revision != self.database.counter:
            self._stage()
            self.orders.owes = True
        if self.orders.owes:
            self.orders.take(self._commands(), self.now)

    def _stage(self) -> None:
        newest: dict[UUID, tuple[int, Subscription | None, State]] = {}
        for number, identity, subscription, state in self.database.history:
            if number > self.stream.revision:
                newest[identity] = (number, subscription, state)
        for identity, (_, subscription, _) in newest.items():
            # A change takes effect where the subscription stands: for a new one, at its start.
            fate = self.fates.get(identity)
            if (
                fate is not None
                and subscription is not None
                and fate.created > self.stream.revision
            ):
                fate.versions = [(fate.start, float("inf"), subscription)]
        changes = [
            Change(
                revision=number,
                id=identity,
                stored=None
                if subscription is None or identity in self.unreadable
                else _stored(identity, number, subscription, state),
                position=self.database.positions.get(identity),
                unreadable=identity in self.unreadable,
            )
            for identity, (number, subscription, state) in newest.items()
        ]
        stage(self.stream, self.database.counter, changes, self._moment())

    def pass_time(self) -> None:
        """Let the clock go on."""
        self.now += self.rng.choice([0.01, 0.5, 3.0])

    # What subscribers do

    def subscribe(self) -> None:
        """Create a subscription that starts at the end of the log, with its row."""
        if len(self.fates) >= 6:
            return
        identity = UUID(int=self.rng.getrandbits(128))
        subscription = self._terms(identity)
        self.database.change(identity, subscription)
        self.database.positions[identity] = Position(
            subscription=identity,
            next_offset=self.end,
            open=(),
            failing_since=None,
            last_outcome=None,
        )
        self.fates[identity] = Fate(
            self.database.counter, self.end, [(self.end, float("inf"), subscription)]
        )
        if self.rng.random() < (0.6 if self.crowded else 0.4):
            self.sick[identity] = self.rng.choice(_SICKNESSES)

    def change_filter(self) -> None:
        """Give a subscription other types."""
        if self.fates:
            identity = self.rng.choice(list(self.fates))
            if identity in self.unreadable or identity in self.returning:
                return  # it is served under its newest version at once where it was left
            terms = self._terms(identity)
            if self.rng.random() < 0.3:
                terms = terms.model_copy(update={"domains": ("nl.elders",)})
            state = self.database.at(self.database.counter)[identity][2]
            self.database.change(identity, terms, state)

    def change_state(self) -> None:
        """Pause a subscription, or resume it."""
        if self.fates:
            identity = self.rng.choice(list(self.fates))
            _, terms, state = self.database.at(self.database.counter)[identity]
            self.database.change(identity, terms, "paused" if state == "active" else "active")

    def lose_sight(self) -> None:
        """Let a subscription's newest version be one that the owner cannot read, or can again."""
        here = [
            each for each in self.fates if each in self.stream.members or each in self.unreadable
        ]
        if here:
            identity = self.rng.choice(here)
            _, terms, state = self.database.at(self.database.counter)[identity]
            self.database.change(identity, terms, state)
            self.returning.add(identity)
            if self.unreadable.pop(identity, None) is None:
                self.unreadable[identity] = self.database.counter

    def delete(self) -> None:
        """Delete a subscription: its rows go at once, the owner learns of it later."""
        if self.fates and self.rng.random() < 0.2:
            identity = self.rng.choice(list(self.fates))
            del self.fates[identity]
            self.unreadable.pop(identity, None)
            self.database.change(identity, None)
            self.database.forget(identity)

    def ask_for_replay(self) -> None:
        """Have a stretch of the log delivered again, unless that goes on already."""
        if not self.fates or not self.log:
            return
        identity = self.rng.choice(list(self.fates))
        row = self.database.positions.get(identity)
        waiting = [each for each in self.database.commands.values() if each.kind == "replay"]
        if (row and row.replay) or identity in [each.subscription for each in waiting]:
            return
        start = self.rng.choice(self.log).offset
        until = self.rng.choice([None, start + self.rng.randrange(1, 20)])
        self._ask(Command(0, identity, "replay", from_offset=start, until_offset=until))

    def ask_for_redrive(self) -> None:
        """Have some dead letters tried again."""
        if self.database.dead:
            identity = self.rng.choice(list(self.database.dead))[0]
            asked = [one for each in self.database.commands.values() for one in each.redriven]
            busy = {(each.subscription, each.offset) for each in asked}
            places = sorted(e for e in self.database.dead if e[0] == identity and e not in busy)
            letters = list(map(self._redriven, places[: self.rng.randrange(1, 12)]))
            for first in range(0, len(letters), 3):
                part = tuple(letters[first : first + 3])
                self._ask(Command(0, identity, "redrive", redriven=part))

    def _ask(self, command: Command) -> None:
        self.commands += 1
        self.database.commands[self.commands] = replace(command, id=self.commands)
        self.database.counter += 1

    def _redriven(self, place: Place) -> ParkedEvent:
        letter = self.database.dead[place]
        return ParkedEvent(letter.subscription, letter.offset, letter.record, 0, None, None, None)

    def refuse_exceptions(self) -> None:
        """Let Postgres refuse the exceptions of one subscription, or take them again."""
        if self.unwritable:
            self.unwritable.clear()
        elif self.fates and self.rng.random() < 0.3:
            self.unwritable.add(self.rng.choice(list(self.fates)))

    def heal(self) -> None:
        """Let one sick sink recover."""
        if self.sick and not (self.crowded and self.rng.random() < 0.7):
            del self.sick[self.rng.choice(list(self.sick))]

    # Checks

    def check_nothing_lost(self) -> None:
        """Check invariant 1 on what is committed now, and that what is no event is on record."""
        for record in self.log:
            if record.type == NO_EVENT and self.since <= record.offset < self.database.next_offset:
                assert record.offset in self.database.invalid, "no event, and nobody knows of it"
        for identity, fate in self.fates.items():
            for record in self.log:
                if record.offset in fate.acknowledged or not _wants(fate, record):
                    continue
                assert self._is_still_to_come(identity, record.offset), (
                    f"{record.offset} is lost for {identity}: "
                    f"row {self.database.positions.get(identity)}, "
                    f"stream {self.database.next_offset}"
                )

    def _is_still_to_come(self, identity: UUID, offset: int) -> bool:
        place, database = (identity, offset), self.database
        if place in database.parked or place in database.dead:
            return True
        row = database.positions.get(identity)
        if row is None:
            return offset >= database.next_offset
        if offset in row.open:
            return True
        passed_over = row.replay and row.replay.until <= offset < row.replay.resume
        return offset >= row.next_offset and not passed_over

    def check_gaps(self) -> None:
        """Check invariant 7: what retention took before it was delivered is recorded."""
        for identity, fate in self.fates.items():
            gaps = [each for each in self.database.gaps if each.subscription == identity]
            for record in self.removed:
                offset = record.offset
                settled = offset in fate.acknowledged or offset in fate.dead
                if settled or not _wants(fate, record):
                    continue
                recorded = any(each.from_offset <= offset < each.until_offset for each in gaps)
                assert recorded, f"{offset} is gone for {identity} and no gap says so"

    def check_budget(self) -> None:
        """Check that what all windows hold together is counted once, and nothing else is."""
        held = {
            each.envelope
            for member in self.stream.members.values()
            for each in member.window.pending.values()
        }
        assert self.budget.used == sum(each.size for each in held)

    def check_invalid_bounded(self) -> None:
        """Check that the reader goes on only where another invalid record has room."""
        waiting = list(self.stream.invalid)
        size = sum(each.size for each in waiting)
        assert size == self.stream.invalid.bytes
        most = self.stream.invalid.max_bytes
        assert len(waiting) < invalid.MAX_INVALID, "invalid records have no bound"
        assert size < most, "invalid records have no bound in bytes"

    def check_room(self) -> None:
        """Check that what is parked is counted for each who parks it."""
        total = 0
        most = room.MAX_PARKED_BYTES + window.MAX_BYTES + self.biggest.size
        for member in self.stream.members.values():
            shelf = [each for each in member.shelf or () if not each.dying]
            size = sum(each.envelope.size for each in shelf)
            counted = member.subscriber.room
            assert (counted.events, counted.bytes) == (len(shelf), size)
            assert size <= most, "what is parked has no bound"
            total += size
        assert self.shelves.used == total

    def drain(self) -> None:
        """Turn every fault off: all that matches arrives, and every row goes, in bounded rounds.

        Now and then events that nobody will ever take stay as bad as they are: they are given up,
        for a good event arrives at times; without one it would be an outage. So it is where they
        have taken all the room there is, and for who has left: nothing is given up then.
        """
        bad_events = (_picky, _poison) if self.rng.random() < 0.5 else ()
        self.sick = {one: ill for one, ill in self.sick.items() if ill in bad_events}
        self.unwritable.clear()
        for identity in [each for each in self.fates if each in self.unreadable]:
            del self.unreadable[identity]
            _, terms, state = self.database.at(self.database.counter)[identity]
            self.database.change(identity, terms, state)
        for number in range(3_000):
            self.now += 5.0
            self._heal_who_gets_nothing_good()
            if self.sick and number % 40 == 0:
                for type_ in TYPES:
                    self.end += self.end % 7 == 0  # never at the end: a stream moves by records
                    self._append(f"good{number}", type_)
            for identity, (_, terms, state) in self.database.at(self.database.counter).items():
                if state != "active":
                    self.database.change(identity, terms)
            self.follow()
            self.read()
            self.read_scan()
            self.send()
            for flight in self.flights:
                self._answer(*flight)
            self.flights.clear()
            self.save()
            if self._drained():
                self.check_gaps()
                return
        raise AssertionError(
            f"stands still: {self._missing()}, {self.database.positions}, "
            f"{self.database.parked.keys()}, {self.database.commands}"
        )

    def _heal_who_gets_nothing_good(self) -> None:
        for identity, member in self.stream.members.items():
            subscriber = member.subscriber
            reads = member.window.roomy and subscriber.room.fits(self.biggest)
            if subscriber.outage and subscriber.wants_probes and (member.leaving or not reads):
                self.sick.pop(identity, None)

    def _drained(self) -> bool:
        database = self.database
        if self.stream.revision != database.counter or self._missing():
            return False
        return not (database.positions or database.parked or database.commands)

    def _missing(self) -> dict[UUID, set[int]]:
        missing = {
            identity: {
                each.offset
                for each in self.log
                if _wants(fate, each) and each.offset not in fate.acknowledged | fate.dead
            }
            for identity, fate in self.fates.items()
        }
        return {identity: offsets for identity, offsets in missing.items() if offsets}

    def _check_order(self, subscriber: Subscriber, delivery: Delivery) -> None:
        fate = self.fates.get(subscriber.identity)
        if fate is None:
            return
        offset = delivery.offset
        if offset in fate.acknowledged:
            self.repeats += 1
            return
        since = [number for number, (at, _, _) in enumerate(fate.versions) if at <= offset]
        orderings = {terms.ordering for _, _, terms in fate.versions[max(since, default=0) :]}
        for record in self.log:
            if record.offset >= offset or "none" in orderings:
                break
            if "key" in orderings and record.key != delivery.envelope.record.key:
                continue
            if _wants(fate, record) and record.offset not in fate.dead:
                assert record.offset in fate.acknowledged, (
                    f"{offset} is attempted before {record.offset} of its lane is settled"
                )

    # Inside

    def _lost(self, member: Member, offsets: Collection[int]) -> None:
        identity = member.subscriber.identity
        assert max(offsets) < self.log_start, f"{identity} gives up {offsets}: the log has them"

    def _answer(self, subscriber: Subscriber, delivery: Delivery) -> None:
        sickness = self.sick.get(subscriber.identity)
        outcome = sickness(delivery.offset) if sickness else Delivered(204)
        if isinstance(outcome, Delivered):
            self._reach(subscriber, delivery)
        decision = subscriber.answered(delivery, outcome, now=self.now, roll=self.rng.random())
        delivery.window.on_decided(delivery, decision, self.now)

    def _reach(self, subscriber: Subscriber, delivery: Delivery) -> None:
        if subscriber.identity in self.fates:
            self.fates[subscriber.identity].acknowledged.add(delivery.offset)

    def _write(self, taken: Snapshot) -> None:
        database = self.database
        self._note_changes(taken)
        assert taken.next_offset >= database.next_offset, "the stream's position went back"
        database.next_offset, database.revision = taken.next_offset, taken.revision
        if database.revision == database.counter:
            self.returning.clear()
        living = database.at(database.counter)
        for row in (*(row for _, row in taken.rows), *taken.shelved):
            assert len(row.open) <= MOST_OPEN, "what a row keeps open has no bound"
            if row.subscription in living:
                database.positions[row.subscription] = row
        for member in taken.removed:
            database.positions.pop(member.subscriber.identity, None)
        for identity in taken.gone:
            database.positions.pop(identity, None)
        self._note_commands(taken)  # before the exceptions: what is given up with it stays so
        self._write_exceptions(taken, living)
        self.check_nothing_lost()

    def _write_exceptions(self, taken: Snapshot, living: dict[UUID, Version]) -> None:
        database = self.database
        database.settling = {each for each in database.settling if each[0] not in taken.replayed}
        for place in taken.redriven:
            database.dead.pop(place, None)
            database.settling.discard(place)
        for place in taken.unparked:
            database.parked.pop(place, None)
        for _, _, event in taken.parked:
            if event.subscription in living:
                database.parked[event.subscription, event.offset] = event
        for _, _, letter in taken.dead:
            if letter.subscription in living:
                database.dead[letter.subscription, letter.offset] = letter
                database.settling.add((letter.subscription, letter.offset))
                self.fates[letter.subscription].dead.add(letter.offset)
        database.gaps |= set(taken.gaps)
        database.invalid |= {each.offset for each in taken.invalid}
        for member, since in taken.failing:
            database.failing.pop(member.subscriber.identity, None)
            if since is not None and member.subscriber.identity in living:
                database.failing[member.subscriber.identity] = since
        for identity in taken.gone:
            database.failing.pop(identity, None)

    def _note_changes(self, taken: Snapshot) -> None:
        """Note from which offset on the truth is another one."""
        database = self.database
        rows = {row.subscription: row for row in (*taken.shelved, *(row for _, row in taken.rows))}
        for identity, (number, subscription, _) in database.at(taken.revision).items():
            fate = self.fates.get(identity)
            if fate is None or number <= database.revision or fate.created > database.revision:
                continue  # one that is new joined under its newest version: see `follow`
            row = rows.get(identity) or database.positions.get(identity)
            if row is None:
                here = _in_scope(subscription) or _in_scope(fate.versions[-1][2])
                assert not here, "a change was applied without a row that marks its moment"
            moment = row.next_offset if row else taken.next_offset
            if row is not None and row.replay and moment < row.replay.resume:
                # What it had passed before it went back keeps the verdict of that time.
                fate.versions.append((moment, row.replay.until, subscription))
                moment = row.replay.resume
            fate.versions.append((moment, float("inf"), subscription))

    def _note_commands(self, taken: Snapshot) -> None:
        """Note what is to be delivered again: a replay forgets what was acknowledged before."""
        rows = {row.subscription: row for _, row in taken.rows}
        for number in taken.commands:
            command = self.database.commands.pop(number, None)
            fate = command and self.fates.get(command.subscription)
            row = command and rows.get(command.subscription)
            if command is None or not fate or command.kind != "replay" or not row:
                continue
            if row.replay is None:
                continue
            terms = self.database.at(taken.revision)[command.subscription][1]
            fate.versions.append((row.next_offset, row.replay.until, terms))
            again = range(row.next_offset, row.replay.until)
            fate.acknowledged -= {each for each in again if each not in row.open}
            fate.dead -= set(again)

    def _subscriber(self, stored: StoredSubscription) -> Subscriber:
        known = self.subscribers.get(stored.id)
        if known is None:
            known = self.subscribers[stored.id] = Subscriber(
                stored, self.stirred.add, Room(self.shelves)
            )
        elif stored.revision > known.stored.revision:
            known.reconfigure(stored)
        return known

    def _terms(self, identity: UUID) -> Subscription:
        return Subscription.model_validate(
            {
                "id": str(identity),
                "organisation": OIN,
                "types": tuple(self.rng.sample(TYPES, self.rng.randrange(1, 3))),
                "sink": "https://sink.example/",
                "protocol": "HTTP",
                "ordering": self.rng.choice(["key", "key", "partition", "none"]),
                "delivery": {
                    "concurrency": self.rng.choice([1, 4]),
                    "retry": {"schedule": (1, 5), "limit": 30},
                },
            }
        )

    def _moment(self) -> Moment:
        return Moment(self.now, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now))

    def _taken(self) -> Taken:
        database = self.database
        return Taken(
            epoch=0,
            next_offset=database.next_offset,
            revision=database.revision,
            positions=tuple(database.positions.values()),
            parked=tuple(database.parked.values()),
            dead=frozenset(database.settling),
        )

    def _commands(self) -> list[Command]:
        def with_copies(command: Command) -> Command:
            places = [(each.subscription, each.offset) for each in command.redriven]
            kept = (self._redriven(each) for each in places if each in self.database.dead)
            return replace(command, redriven=tuple(kept))

        asked = sorted(self.database.commands.values(), key=attrgetter("subscription", "kind"))
        by_kind = groupby(asked, key=attrgetter("subscription", "kind"))
        first = [each for _, commands in by_kind for each in list(commands)[:2]]
        return [with_copies(each) for each in sorted(first, key=attrgetter("id"))]


def _stored(
    identity: UUID, revision: int, subscription: Subscription, state: State
) -> StoredSubscription:
    return StoredSubscription(
        id=identity,
        organisation=OIN,
        revision=revision,
        subscription=subscription,
        secret=b"s" * 32,
        state=state,
    )


def _wants(fate: Fate, record: LogRecord) -> bool:
    if record.offset < fate.start:
        return False
    version = fate.terms(record.offset)
    return _in_scope(version) and record.type in version.types


def _in_scope(subscription: Subscription) -> bool:
    return not subscription.domains or DOMAIN in subscription.domains


def _down(_offset: int) -> Outcome:
    return Temporary("refused")


def _picky(offset: int) -> Outcome:
    return Refused(422) if offset % 7 == 0 else Delivered(204)


def _asks_for_quiet(offset: int) -> Outcome:
    return Temporary("answer", 429, retry_after=2.0) if offset % 3 == 0 else Delivered(200)


def _poison(offset: int) -> Outcome:
    return Temporary("answer", 500) if offset % 7 == 0 else Delivered(204)


def _unknown(offset: int) -> Outcome:
    return Misconfigured("answer", 404) if offset % 5 < 2 else Delivered(204)


def _retired(offset: int) -> Outcome:
    return Gone() if offset % 9 == 0 else Delivered(204)


_SICKNESSES = (_down, _picky, _asks_for_quiet, _poison, _unknown, _retired)
