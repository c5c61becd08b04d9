"""What a partition's owner saves beside positions (design §4): parked, given up, lost, told.

Locks are taken in one order by everybody who writes: the revision counter, streams (by topic and
partition), subscriptions, and then what belongs to them. So nobody waits in a circle.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from bus.store import notices, queries
from bus.store.copies import Copies
from bus.store.database import Database, Row, Session
from bus.store.errors import StatementRefused
from bus.store.partition import Command, DeadLetter, InvalidRecord, ParkedEvent, Place, Save
from bus.store.secrets import NOBODY
from bus.store.stored import Position

_SQL = queries.load("exceptions")

_PARKED = ("subscription", "offset", "attempts", "first_at", "due_at", "last_outcome")
_DEAD = (
    *("subscription", "offset", "event_id", "source", "type"),
    *("reason", "last_outcome", "attempts", "first_at", "last_at"),
)
_GAP = ("subscription", "from_offset", "until_offset", "reason")
_FAILING = ("subscription", "since")
_ATTEMPT = (
    *("subscription", "offset", "event_id", "source", "type"),
    *("attempt", "outcome", "at"),
)

_AT_A_TIME = 5
"""Commands of a kind that an owner gets of one subscription: what they redrive has room at once."""

_Columns = list[object]


def any_in(save: Save) -> bool:
    """Say whether a save holds more than positions."""
    return any(
        (
            *(save.parked, save.unparked, save.dead, save.redriven, save.replayed),
            *(save.invalid, save.gaps, save.commands, save.attempts, save.notices, save.failing),
            save.former_log,
        )
    )


async def hold_subscriptions(transaction: Session, save: Save) -> None:
    """Keep from deletion whoever a save is about; its stream is held already."""
    if save.former_log is not None:
        await transaction.execute(_SQL["hold_everybody"], save.topic, save.partition)
    named = {
        *save.removed,
        *save.replayed,
        *(subscription for subscription, _ in (*save.unparked, *save.redriven)),
    }
    for values in (save.rows, save.parked, save.dead, save.gaps, save.attempts, save.failing):
        named.update(value.subscription for value in values)
    await transaction.execute(_SQL["hold_subscriptions"], list(named))


async def write(transaction: Session, copies: Copies, save: Save) -> list[int]:
    """Write all of a save but its positions, in a transaction that holds what it is about.

    What is of a deleted subscription is left out. One that is both in `replayed` and in `dead` was
    given up after the replay began: its letter settles. Gives the offsets of invalid records of
    which Postgres refuses the row.
    """
    former = save.former_log
    statements: tuple[tuple[str, _Columns], ...] = (
        ("leave_letters", [former]),
        ("unpark", _places(save.unparked)),
        ("leave_parked", [former]),
        ("redrive", _places(save.redriven)),
        ("unsettle", [list(save.replayed)]),
        ("park", [*_fields(save.parked, _PARKED), *_sealed(save.parked, copies)]),
        ("bury", [*_fields(save.dead, _DEAD), *_sealed(save.dead, copies), former]),
        ("note_gaps", _fields(save.gaps, _GAP)),
        ("recover", [[each.subscription for each in save.failing if each.since is None]]),
        ("fail", _fields([each for each in save.failing if each.since], _FAILING)),
        ("done", [list(save.commands)]),
        ("note_attempts", _fields(save.attempts, _ATTEMPT)),
    )
    place = save.topic, save.partition
    for name, columns in statements:
        if columns[0]:
            await transaction.execute(_SQL[name], *place, *columns)
    if former is not None:
        await transaction.execute(_SQL["leave_positions"], *place)
    await notices.write(transaction, *save.notices)
    invalid = [(each.offset, each.reason, _for_nobody(each, copies)) for each in save.invalid]
    return await _keep_invalid(transaction, place, invalid) if invalid else []


async def parked(transaction: Session, copies: Copies) -> tuple[ParkedEvent, ...]:
    """Give the parked events of a partition, each lane in its order."""
    rows = await transaction.fetch(_SQL["parked"], copies.topic, copies.partition)
    return tuple(event for row in rows if (event := _parked(row, copies)) is not None)


async def dead(
    transaction: Session, copies: Copies, next_offset: int, positions: Sequence[Position]
) -> frozenset[Place]:
    """Give the dead letters that settle an offset which is still to be read, or open."""
    lowest = min((min((row.next_offset, *row.open)) for row in positions), default=next_offset)
    rows = await transaction.fetch(
        _SQL["dead"], copies.topic, copies.partition, next_offset, min(lowest, next_offset)
    )
    return frozenset((row["subscription"], row["event_offset"]) for row in rows)


async def failing(transaction: Session, copies: Copies) -> dict[UUID, datetime]:
    """Give since when sinks have only failed, of those who have for a while."""
    rows = await transaction.fetch(_SQL["failing"], copies.topic, copies.partition)
    return {row["subscription"]: row["since"] for row in rows}


async def commands(database: Database, copies: Copies, epoch: int) -> list[Command] | None:
    """Give what is asked of a partition's owner, the first in order; None: its epoch is over."""
    rows = await database.fetch(_SQL["commands"], copies.topic, copies.partition, epoch, _AT_A_TIME)
    if not rows:
        return None
    asked = [row for row in rows if row["id"] is not None]
    places = [(row["subscription"], offset) for row in asked for offset in row["offsets"] or ()]
    redriven: dict[Place, ParkedEvent] = {}
    if places:
        # Fenced off since then? The save that makes use of them will tell.
        letters = await database.fetch(
            _SQL["letters"], copies.topic, copies.partition, *_places(places)
        )
        events = (_parked(row, copies) for row in letters)
        redriven = {(event.subscription, event.offset): event for event in events if event}
    return [_command(row, redriven) for row in asked]


def _fields(values: Sequence[object], names: Sequence[str]) -> _Columns:
    return [[getattr(value, name) for value in values] for name in names]


def _places(places: Sequence[Place]) -> _Columns:
    return [[subscription for subscription, _ in places], [offset for _, offset in places]]


def _sealed(events: Sequence[ParkedEvent | DeadLetter], copies: Copies) -> _Columns:
    return [
        [copies.digest(event.record) for event in events],
        [copies.seal(event.record, event.subscription, event.offset) for event in events],
    ]


def _for_nobody(invalid: InvalidRecord, copies: Copies) -> bytes:
    return copies.seal(invalid.record, NOBODY, invalid.offset)


async def _keep_invalid(
    transaction: Session, place: tuple[str, int], rows: list[tuple[int, str, bytes]]
) -> list[int]:
    """Keep all rows that Postgres takes; one that it refuses is found by halving."""
    try:
        async with transaction.part():
            await transaction.execute(
                _SQL["keep_invalid"], *place, *map(list, zip(*rows, strict=True))
            )
    except StatementRefused:
        if len(rows) == 1:
            return [rows[0][0]]
        half = len(rows) // 2
        refused = await _keep_invalid(transaction, place, rows[:half])
        return refused + await _keep_invalid(transaction, place, rows[half:])
    return []


def _parked(row: Row, copies: Copies) -> ParkedEvent | None:
    record = copies.unseal(row["sealed"], row["subscription"], row["event_offset"])
    if record is None:
        return None
    return ParkedEvent(
        row["subscription"],
        row["event_offset"],
        record,
        row["attempts"],
        row["first_at"],
        row["due_at"],
        row["last_outcome"],
    )


def _command(row: Row, redriven: Mapping[Place, ParkedEvent]) -> Command:
    places = ((row["subscription"], offset) for offset in row["offsets"] or ())
    return Command(
        row["id"],
        row["subscription"],
        row["kind"],
        row["from_offset"],
        row["until_offset"],
        tuple(redriven[place] for place in places if place in redriven),
    )
