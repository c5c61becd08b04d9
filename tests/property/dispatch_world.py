"""A small world for the engine's pure core: a log, Postgres, sinks and time.

One partition, a few subscriptions, and everything that can go wrong between two steps. The world
checks the invariants of design §3 as it goes: nothing lost at every committed state, order at every
attempt, no repeats without a crash.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from bus.codec import kafka
from bus.event import Event
from bus.store.streams import Change, Position, StoredSubscription
from bus.subscription import Subscription
from consumers.dispatch.changes import load, stage
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.member import Member
from consumers.dispatch.saves import Snapshot, committed, snapshot, uncertain
from consumers.dispatch.scan import Scan
from consumers.dispatch.stream import Stream
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.window import Delivery
from consumers.sinks.outcome import Delivered, Outcome, Refused, Temporary

OIN = "0" * 20
TYPES = ("nl.test.a", "nl.test.b", "nl.test.c")
DOMAIN = "nl.test"
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


@dataclass(slots=True)
class Database:
    """The rows of one partition, and the history of subscriptions."""

    next_offset: int = 0
    revision: int = 0
    counter: int = 0
    positions: dict[UUID, Position] = field(default_factory=dict)
    history: list[tuple[int, UUID, Subscription | None]] = field(default_factory=list)

    def at(self, revision: int) -> dict[UUID, tuple[int, Subscription]]:
        """Give the subscriptions as they were at a revision."""
        found: dict[UUID, tuple[int, Subscription]] = {}
        for number, identity, subscription in self.history:
            if number > revision:
                break
            if subscription is None:
                found.pop(identity, None)
            else:
                found[identity] = (number, subscription)
        return found


@dataclass(slots=True)
class Fate:
    """What is true of one subscription, whatever the engine thinks."""

    created: int
    start: int
    versions: list[tuple[int, Subscription]]  # valid from an offset on
    acknowledged: set[int] = field(default_factory=set)
    attempted: set[int] = field(default_factory=set)


class World:
    """Runs the core step by step."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)  # noqa: S311 - a replayable run, not a secret
        self.log: list[LogRecord] = []
        self.end = self.rng.randrange(5)
        self.log_start = 0
        self.database = Database(next_offset=self.end)
        self.fates: dict[UUID, Fate] = {}
        self.now = 100.0
        self.repeats = 0
        self.crashes = 0
        self.sick: dict[UUID, Callable[[int], Outcome]] = {}
        self.pending: Snapshot | None = None
        self.start()

    # The owner

    def start(self) -> None:
        """Load, as an owner does after taking the fence."""
        self.subscribers: dict[UUID, Subscriber] = {}
        self.stirred: set[Subscriber] = set()
        self.flights: list[tuple[Subscriber, Delivery]] = []
        self._load()

    def _load(self) -> None:
        self.pending = None
        self.stream = Stream(
            start=self.database.next_offset,
            revision=self.database.revision,
            readers=lambda _source: frozenset({OIN}),
            subscriber=self._subscriber,
            in_scope=_in_scope,
            on_room=lambda: None,
            on_more=lambda: None,
            on_lost=self._lost,
            tail_bytes=self.rng.choice([2_000, 20_000]),
        )
        self.stream.flights.until = float("inf")
        self.scan = Scan(self.stream)
        living = self.database.at(self.database.counter)
        known = self.database.at(self.database.revision)
        load(
            self.stream,
            [_stored(each, *version) for each, version in known.items() if each in living],
            self.database.positions,
            now=self.now,
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
        self._write(snapshot(self.stream, now=self.now, wall=self._wall(), final=True))
        self.start()

    def stop_past_the_deadline(self) -> None:
        """Stop as planned with requests unanswered; their answers come when all is put down."""
        if self.pending is not None:
            return
        self.crashes += 1
        late = self.flights
        self.flights = []
        self.stream.close()
        self._write(snapshot(self.stream, now=self.now, wall=self._wall(), final=True))
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
            self.log = [each for each in self.log if each.offset >= self.log_start]
            if self.rng.random() < 0.5:
                self.crash()

    # The steps

    def publish(self) -> None:
        """Append a few events, now and then after a gap in the offsets."""
        for _ in range(self.rng.randrange(1, 8)):
            if self.rng.random() < 0.1:
                self.end += self.rng.randrange(1, 4)
            if self.rng.random() < 0.05:
                self.log.append(LogRecord(self.end, None, b"?", [], "no event"))
                self.end += 1
                continue
            key, type_ = self.rng.choice(KEYS), self.rng.choice(TYPES)
            event = Event(
                id=str(self.end), source="urn:x", type=type_, attributes={"partitionkey": key}
            )
            headers, value = kafka.encode(event)
            self.log.append(LogRecord(self.end, key.encode(), value, list(headers), type_))
            self.end += 1

    def read(self) -> None:
        """Let the stream take in some of the log."""
        if self.stream.read_offset < self.log_start:
            self.stream.pass_over(self.log_start)
        fresh = [each for each in self.log if each.offset >= self.stream.read_offset]
        for record in fresh[: self.rng.randrange(1, 12)]:
            self.stream.feed(record, self.now)

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
        self.stream.advance_all(self.now)
        if self.pending is None:
            self.pending = snapshot(self.stream, now=self.now, wall=self._wall())
            return
        taken, self.pending = self.pending, None
        luck = self.rng.random()
        if luck < 0.8:
            self._write(taken)
            committed(self.stream, taken, self.now)
            self.stream.flights.until = float("inf")
            return
        if luck < 0.9:
            self._write(taken)
        uncertain(taken)

    def follow(self) -> None:
        """Take in what changed of the subscriptions."""
        if self.stream.staged is not None or self.stream.revision == self.database.counter:
            return
        newest: dict[UUID, tuple[int, Subscription | None]] = {}
        for number, identity, subscription in self.database.history:
            if number > self.stream.revision:
                newest[identity] = (number, subscription)
        for identity, (_, subscription) in newest.items():
            # A change takes effect where the subscription stands: for a new one, at its start.
            fate = self.fates.get(identity)
            if (
                fate is not None
                and subscription is not None
                and fate.created > self.stream.revision
            ):
                fate.versions = [(fate.start, subscription)]
        changes = [
            Change(
                revision=number,
                id=identity,
                stored=None if subscription is None else _stored(identity, number, subscription),
                position=self.database.positions.get(identity),
            )
            for identity, (number, subscription) in newest.items()
        ]
        stage(self.stream, self.database.counter, changes, now=self.now)

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
        self.database.counter += 1
        self.database.history.append((self.database.counter, identity, subscription))
        self.database.positions[identity] = Position(
            subscription=identity,
            next_offset=self.end,
            open=(),
            failing_since=None,
            last_outcome=None,
        )
        self.fates[identity] = Fate(self.database.counter, self.end, [(self.end, subscription)])
        if self.rng.random() < 0.4:
            self.sick[identity] = self.rng.choice(_SICKNESSES)

    def change_filter(self) -> None:
        """Give a subscription other types."""
        if self.fates:
            identity = self.rng.choice(list(self.fates))
            self.database.counter += 1
            terms = self._terms(identity)
            if self.rng.random() < 0.3:
                terms = terms.model_copy(update={"domains": ("nl.elders",)})
            self.database.history.append((self.database.counter, identity, terms))

    def delete(self) -> None:
        """Delete a subscription: its rows go at once, the owner learns of it later."""
        if self.fates and self.rng.random() < 0.2:
            identity = self.rng.choice(list(self.fates))
            del self.fates[identity]
            self.database.counter += 1
            self.database.history.append((self.database.counter, identity, None))
            self.database.positions.pop(identity, None)

    def heal(self) -> None:
        """Let one sick sink recover."""
        if self.sick:
            del self.sick[self.rng.choice(list(self.sick))]

    # Checks

    def check_nothing_lost(self) -> None:
        """Check invariant 1 on what is committed now."""
        for identity, fate in self.fates.items():
            row = self.database.positions.get(identity)
            for record in self.log:
                if record.offset in fate.acknowledged or not _wants(fate, record):
                    continue
                offset = record.offset
                still = (
                    offset >= row.next_offset or offset in row.open
                    if row
                    else offset >= self.database.next_offset
                )
                assert still, (
                    f"{offset} is lost for {identity}: "
                    f"row {row}, stream {self.database.next_offset}"
                )

    def drain(self) -> None:
        """Turn every fault off: all that matches arrives, and every row goes, in bounded rounds."""
        self.sick.clear()
        for _ in range(600):
            self.now += 1.0
            self.follow()
            self.read()
            self.read_scan()
            self.send()
            for flight in self.flights:
                self._answer(*flight)
            self.flights.clear()
            self.save()
            followed = self.stream.revision == self.database.counter
            if followed and not self._missing() and not self.database.positions:
                return
        raise AssertionError(f"stands still: {self._missing()}, {self.database.positions}")

    def _missing(self) -> dict[UUID, set[int]]:
        missing = {
            identity: {
                each.offset
                for each in self.log
                if _wants(fate, each) and each.offset not in fate.acknowledged
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
        last = max(each for each, (since, _) in enumerate(fate.versions) if since <= offset)
        orderings = {terms.ordering for _, terms in fate.versions[last:]}
        for record in self.log:
            if record.offset >= offset or "none" in orderings:
                break
            if "key" in orderings and record.key != delivery.envelope.record.key:
                continue
            if _wants(fate, record):
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
        if subscriber.answered(delivery, outcome, now=self.now, roll=self.rng.random()):
            delivery.window.on_delivered(delivery, self.now)

    def _reach(self, subscriber: Subscriber, delivery: Delivery) -> None:
        if subscriber.identity in self.fates:
            self.fates[subscriber.identity].acknowledged.add(delivery.offset)

    def _write(self, taken: Snapshot) -> None:
        database = self.database
        rows = {row.subscription: row for _, row in taken.rows}
        for identity, (number, subscription) in database.at(taken.revision).items():
            fate = self.fates.get(identity)
            if fate is None or number <= database.revision or fate.created > database.revision:
                continue  # one that is new joined under its newest version: see `follow`
            row = rows.get(identity) or database.positions.get(identity)
            if row is None:
                here = _in_scope(subscription) or _in_scope(fate.versions[-1][1])
                assert not here, "a change was applied without a row that marks its moment"
            fate.versions.append((row.next_offset if row else taken.next_offset, subscription))
        assert taken.next_offset >= database.next_offset, "the stream's position went back"
        database.next_offset, database.revision = taken.next_offset, taken.revision
        for _, row in taken.rows:
            if row.subscription in database.at(database.counter):
                database.positions[row.subscription] = row
        for member in taken.removed:
            database.positions.pop(member.subscriber.identity, None)
        for identity in taken.gone:
            database.positions.pop(identity, None)
        self.check_nothing_lost()

    def _subscriber(self, stored: StoredSubscription) -> Subscriber:
        known = self.subscribers.get(stored.id)
        if known is None:
            known = self.subscribers[stored.id] = Subscriber(stored, self.stirred.add)
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
                "delivery": {"concurrency": self.rng.choice([1, 4]), "retry": {"schedule": (1, 5)}},
            }
        )

    def _wall(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now)


def _stored(identity: UUID, revision: int, subscription: Subscription) -> StoredSubscription:
    return StoredSubscription(
        id=identity,
        organisation=OIN,
        revision=revision,
        subscription=subscription,
        secret=b"s" * 32,
    )


def _wants(fate: Fate, record: LogRecord) -> bool:
    if record.offset < fate.start:
        return False
    version = next(terms for since, terms in reversed(fate.versions) if record.offset >= since)
    return _in_scope(version) and record.type in version.types


def _in_scope(subscription: Subscription) -> bool:
    return not subscription.domains or DOMAIN in subscription.domains


def _down(_offset: int) -> Outcome:
    return Temporary("refused")


def _picky(offset: int) -> Outcome:
    return Refused(422) if offset % 7 == 0 else Delivered(204)


def _asks_for_quiet(offset: int) -> Outcome:
    return Temporary("answer", 429, retry_after=2.0) if offset % 3 == 0 else Delivered(200)


_SICKNESSES = (_down, _picky, _asks_for_quiet)
