"""What is not normal delivery of a subscription, in numbers, and what the log has lost of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bus.store import queries
from bus.store.database import Database

_SQL = queries.load("troubles")


@dataclass(frozen=True, slots=True)
class FoundGap:
    """Events that the log lost before a subscription had them: at most these offsets."""

    topic: str
    partition: int
    from_offset: int
    until_offset: int
    reason: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is parked, given up and lost of a subscription; purged dead letters are not counted.

    `redriving` of the dead letters wait for their owner to have room for them; `gaps` are the
    newest ones, at most 20 of `gap_count`.
    """

    parked: int
    dead_letters: int
    replaying: bool
    redriving: int
    gap_count: int
    gaps: tuple[FoundGap, ...]


class Troubles:
    """Looks after what is not normal. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, subscription: UUID) -> Trouble:
        """Give what there is of a subscription; whether it is there is not asked."""
        (counts,) = await self._database.fetch(_SQL["counts"], subscription)
        rows = await self._database.fetch(_SQL["gaps"], subscription) if counts["gap_count"] else ()
        return Trouble(**counts, gaps=tuple(FoundGap(**row) for row in rows))
