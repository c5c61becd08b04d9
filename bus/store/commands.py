"""What the API asks of the owners of partitions: they carry it out under their epochs."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from bus.store import queries
from bus.store.database import Database
from bus.store.errors import Conflict, NotFound
from bus.store.revision import bump

_SQL = queries.load("commands")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What of a partition is to be replayed; until where the subscription stands if no end."""

    topic: str
    partition: int
    from_offset: int
    until_offset: int | None


class Commands:
    """Asks for replays. Every method raises StoreUnavailable.

    A command changes the revision, so that the owners of the partitions look at once.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def replaying(self, subscription: UUID) -> bool:
        """Say whether a replay waits or runs."""
        found = await self._database.fetch_one(_SQL["replaying"], subscription)
        return found is not None and bool(found["busy"])

    async def replay(self, subscription: UUID, stretches: Sequence[Stretch]) -> None:
        """Ask for all of these, or for none: of each partition one at most.

        Raises NotFound, and Conflict while an earlier one waits or runs.
        """
        async with self._database.transaction() as transaction:
            await bump(transaction)  # holds off the second of two, which then sees the first
            found = await transaction.fetch_one(_SQL["replaying"], subscription)
            if found is None:
                raise NotFound(f"there is no subscription {subscription}")
            if found["busy"]:
                raise Conflict(f"a replay of subscription {subscription} waits or runs")
            await transaction.execute(
                _SQL["replay"],
                subscription,
                [stretch.topic for stretch in stretches],
                [stretch.partition for stretch in stretches],
                [stretch.from_offset for stretch in stretches],
                [stretch.until_offset for stretch in stretches],
            )
