"""Attempts, the newest first: those that failed, and others where a subscription asks for it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bus.store import queries
from bus.store.database import Database

_SQL = queries.load("attempts")

AttemptPlace = tuple[datetime, str, int, int, int]
"""Where a page of attempts ended: at, topic, partition, offset and number of its last."""


@dataclass(frozen=True, slots=True)
class ListedAttempt:
    """One attempt; `event_id` is the id that its source gave the event."""

    topic: str
    partition: int
    offset: int
    event_id: str
    source: str
    type: str
    attempt: int
    outcome: str
    at: datetime

    @property
    def place(self) -> AttemptPlace:
        """Where it stands among the others of its subscription."""
        return (self.at, self.topic, self.partition, self.offset, self.attempt)


class Attempts:
    """Gives attempts. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, subscription: UUID, *, before: AttemptPlace | None, limit: int
    ) -> list[ListedAttempt]:
        """Give the next `limit` attempts before a place, newest first."""
        if before is None:
            rows = await self._database.fetch(_SQL["newest"], subscription, limit)
        else:
            rows = await self._database.fetch(_SQL["page"], subscription, *before, limit)
        return [ListedAttempt(**row) for row in rows]
