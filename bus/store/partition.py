"""What the engine and the store tell each other about one partition: frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from bus.catalogue import notices
from bus.store.stored import Position, StoredSubscription

Place = tuple[UUID, int]
"""A subscription, and an offset of the partition that is spoken of."""

Burial = Literal["refused", "exhausted", "backlog", "recreated"]
"""Why an event was given up: the sink will never take it; its schedule came to an end; too many
were parked; its topic was made anew while it was parked."""

LossReason = Literal["retention", "damaged", "recreated"]
"""Why the log has lost an event: it is older than the log keeps; it cannot be read; its topic was
made anew."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record of the log as it was read, kept whole: the store seals it."""

    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes | None], ...] = field(repr=False)
    timestamp: int


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """An event that waits for its next attempt beside the position, with its copy.

    `first_at` is None before the first attempt, `due_at` while another of its lane is before it.
    """

    subscription: UUID
    offset: int
    record: StoredRecord
    attempts: int
    first_at: datetime | None
    due_at: datetime | None
    last_outcome: str | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that is given up, with its copy. Its offset counts as settled from here on."""

    subscription: UUID
    offset: int
    record: StoredRecord
    event_id: str
    source: str
    type: str
    reason: Burial
    last_outcome: str | None
    attempts: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class InvalidRecord:
    """A record of the log that is no CloudEvent; `reason` names faults and places, no values."""

    offset: int
    record: StoredRecord
    reason: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Events the log lost before a subscription had them: at most [from_offset, until_offset)."""

    subscription: UUID
    from_offset: int
    until_offset: int
    reason: LossReason


@dataclass(frozen=True, slots=True)
class Failing:
    """Since when the sink of a subscription has only failed; None: it has not, or not for long."""

    subscription: UUID
    since: datetime | None


@dataclass(frozen=True, slots=True)
class AttemptMade:
    """One attempt, as its subscriber may look it up."""

    subscription: UUID
    offset: int
    event_id: str
    source: str
    type: str
    attempt: int
    outcome: str
    at: datetime


Notice = notices.Notice
"""What the bus has to tell of a subscription."""


@dataclass(frozen=True, slots=True)
class Command:
    """What the API asks of the owner of a partition; the save that carries it out deletes it.

    A replay goes back to `from_offset`, up to `until_offset` or else to where it stands; a redrive
    puts the dead letters `offsets` back into their lanes, and `redriven` are their copies.
    """

    id: int
    subscription: UUID
    kind: Literal["replay", "redrive"]
    from_offset: int | None = None
    until_offset: int | None = None
    redriven: tuple[ParkedEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """A partition as its new owner finds it: what the last save that counted has left.

    A position may belong to a subscription that was created after `revision`; it then comes once
    more in `changes`. `dead` are the dead letters that settle an offset at or after the lowest
    position; `failing` says since when sinks have only failed.
    """

    epoch: int
    next_offset: int
    revision: int
    positions: tuple[Position, ...]
    parked: tuple[ParkedEvent, ...] = ()
    dead: frozenset[Place] = frozenset()
    topic_id: UUID | None = None
    failing: Mapping[UUID, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """The newest version of a subscription that was created, changed or (`stored` None) deleted.

    `position` is its row on the partition asked about, if it has one. One that is `unreadable` is
    there, but this version of the bus cannot read it.
    """

    revision: int
    id: UUID
    stored: StoredSubscription | None
    position: Position | None
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Save:
    """What a partition's owner knows now: absolute values, no subscription twice.

    `rows` are written as they stand, `removed` lose their row; all others are left alone. `parked`
    are written, `unparked` go. Dead letters in `redriven` go, for they are parked again; those of
    the subscriptions in `replayed` settle nothing any more. `commands` are the ids of those that
    this save carries out. `progressed` asks that the stream's position be noted with its time.
    `former_log` names the log that was read until now, if it is gone: what is kept of it beside the
    stream ends with this save. Rows end with a gap, what is parked becomes dead letters, and no
    dead letter of it is ever put back.
    Doing all of it twice is as doing it once.
    """

    topic: str
    partition: int
    epoch: int
    next_offset: int
    revision: int
    rows: tuple[Position, ...] = ()
    removed: tuple[UUID, ...] = ()
    parked: tuple[ParkedEvent, ...] = ()
    unparked: tuple[Place, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    redriven: tuple[Place, ...] = ()
    replayed: tuple[UUID, ...] = ()
    invalid: tuple[InvalidRecord, ...] = ()
    gaps: tuple[Gap, ...] = ()
    commands: tuple[int, ...] = ()
    failing: tuple[Failing, ...] = ()
    attempts: tuple[AttemptMade, ...] = ()
    notices: tuple[Notice, ...] = ()
    topic_id: UUID | None = None
    progressed: bool = False
    former_log: UUID | None = None


@dataclass(frozen=True, slots=True)
class StreamRow:
    """How far a stream is, as last saved, and who has it; epoch 0 was never taken."""

    topic: str
    partition: int
    next_offset: int
    revision: int
    epoch: int
    owner: str | None
    saved_at: datetime
