"""Records of the log that are no events: dead letters of their topic, for operators to see."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bus.store import queries
from bus.store.database import Database

_SQL = queries.load("invalid_records")


@dataclass(frozen=True, slots=True)
class ListedInvalid:
    """A record that is no event; `reason` names faults and places, no values."""

    partition: int
    offset: int
    reason: str
    found_at: datetime


class InvalidRecords:
    """Gives invalid records. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def counts(self, topics: Iterable[str]) -> Mapping[str, int]:
        """Give how many each topic has; one that has none is left out."""
        rows = await self._database.fetch(_SQL["counts"], list(topics))
        return {row["topic"]: row["many"] for row in rows}

    async def page(self, topic: str, *, after: tuple[int, int], limit: int) -> list[ListedInvalid]:
        """Give the next `limit` after a partition and offset, in that order."""
        rows = await self._database.fetch(_SQL["page"], topic, *after, limit)
        return [ListedInvalid(**row) for row in rows]
