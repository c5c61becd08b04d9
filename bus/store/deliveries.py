"""What the store knows of one event: who may have wanted it, and what became of it for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bus.store import queries
from bus.store.database import Database
from bus.store.errors import BadBody
from bus.store.stored import to_body
from bus.subscription import Subscription

_SQL = queries.load("deliveries")


@dataclass(frozen=True, slots=True)
class Version:
    """A subscription as it was at a moment, or (`later`) as it first was when made after it."""

    id: UUID
    organisation: str
    subscription: Subscription
    later: bool


@dataclass(frozen=True, slots=True)
class Passage:
    """When the stream of a partition passed an offset: after one moment and before another.

    Each is None where nothing was noted; `passed` says whether it did at all.
    """

    passed: bool
    after: datetime | None
    before: datetime | None


@dataclass(frozen=True, slots=True)
class Trace:
    """What is stored of one event for one subscription, as far as that is still there.

    `ended`: the subscription is deleted. `next_offset`, `open_` and `saved_at` are of its position
    row; `skipped` says that a replay will not deliver it once more. `failed` attempts were noted,
    the last at `failed_at`; `delivered_at` only where successes are noted too.
    """

    subscription: UUID
    ended: bool
    next_offset: int | None
    open_: bool
    skipped: bool
    saved_at: datetime | None
    letter: int | None
    letter_purged: bool
    letter_reason: str | None
    letter_attempts: int | None
    buried_at: datetime | None
    parked_attempts: int | None
    due_at: datetime | None
    lost: bool
    failed: int
    failed_at: datetime | None
    last_outcome: str | None
    delivered_at: datetime | None


class Deliveries:
    """Looks events up. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def versions(self, at: datetime, organisation: str | None) -> list[Version]:
        """Give every subscription (of one organisation) in its version of a moment.

        Those made later come as they were made, those deleted since as they were; one whose body
        does not read is left out.
        """
        found = []
        for row in await self._database.fetch(_SQL["versions"], at, organisation):
            try:
                terms = to_body(row["body"], row["subscription"])
            except BadBody:
                continue
            version = Version(row["subscription"], row["organisation"], terms, row["later"])
            found.append(version)
        return found

    async def passage(self, topic: str, partition: int, offset: int) -> Passage:
        """Give when the stream passed an offset."""
        row = await self._database.fetch_one(_SQL["passage"], topic, partition, offset)
        return Passage(passed=False, after=None, before=None) if row is None else Passage(**row)

    async def traces(
        self, topic: str, partition: int, offset: int, subscriptions: Sequence[UUID]
    ) -> list[Trace]:
        """Give what is stored of the event for each of these subscriptions."""
        rows = await self._database.fetch(
            _SQL["traces"], topic, partition, offset, list(subscriptions)
        )
        return [Trace(**row) for row in rows]
