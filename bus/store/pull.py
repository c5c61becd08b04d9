"""Where subscriptions that are pulled stand; the engine has no part in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bus.catalogue.notices import Lost, gap
from bus.store import notices, queries
from bus.store.database import Database, Row, Session
from bus.store.errors import NotFound

_SQL = queries.load("pull")

TopicPartition = tuple[str, int]

Offsets = Mapping[TopicPartition, int]
"""The next offset of each partition."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A row: `start` is where the subscription began, `next_offset` what is to be read next."""

    start: int
    next_offset: int
    saved_at: datetime


class PullPositions:
    """Keeps the positions. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self, subscription: UUID) -> dict[TopicPartition, Standing]:
        """Give each row of a subscription; a partition without one came later and starts at 0."""
        return _standing(await self._database.fetch(_SQL["standing"], subscription))

    async def move(self, subscription: UUID, decide: Callable[[Offsets], Offsets]) -> Offsets:
        """Put a subscription where `decide` says, told where it stands; give where it is then.

        Nobody else moves it meanwhile. What `decide` raises comes through, and nothing is moved.
        Raises NotFound when it has been deleted.
        """
        async with self._database.transaction() as transaction:
            stands = await _stands(transaction, subscription)
            wanted = decide(stands)
            moved = {each: offset for each, offset in wanted.items() if stands.get(each) != offset}
            if moved:
                await transaction.execute(_SQL["move"], subscription, *_columns(moved))
        return {**stands, **moved}

    async def overtaken(
        self, subscription: UUID, organisation: str, losses: Sequence[Lost]
    ) -> list[Lost]:
        """Record what the log has lost, and go on behind it, in one transaction.

        Where the subscription has been moved on meanwhile, it is left. Gives what is new, of which
        the organisation is told. Raises NotFound when it has been deleted.
        """
        async with self._database.transaction() as transaction:
            stands = await _stands(transaction, subscription)
            behind = [loss for loss in losses if stands.get(_place(loss), 0) == loss.from_offset]
            ends = {_place(loss): loss.until_offset for loss in behind}
            await transaction.execute(_SQL["move"], subscription, *_columns(ends))
            return await _record(transaction, subscription, organisation, behind)

    async def damaged(
        self, subscription: UUID, organisation: str, losses: Sequence[Lost]
    ) -> list[Lost]:
        """Record what nobody can read of the log, as `overtaken` does; the position stays."""
        async with self._database.transaction() as transaction:
            await _stands(transaction, subscription)
            return await _record(transaction, subscription, organisation, losses)


async def place(transaction: Session, subscription: UUID, offsets: Offsets) -> None:
    """Let a subscription begin at these offsets, in the transaction that makes it want them."""
    await transaction.execute(_SQL["place"], subscription, *_columns(offsets))


async def _stands(transaction: Session, subscription: UUID) -> dict[TopicPartition, int]:
    if await transaction.fetch_one(_SQL["lock"], subscription) is None:
        raise NotFound(f"there is no subscription {subscription}")
    rows = await transaction.fetch(_SQL["standing"], subscription)
    return {each: row.next_offset for each, row in _standing(rows).items()}


async def _record(
    transaction: Session, subscription: UUID, organisation: str, losses: Sequence[Lost]
) -> list[Lost]:
    names = ("topic", "partition", "from_offset", "until_offset", "reason")
    columns = ([getattr(loss, name) for loss in losses] for name in names)
    new = await transaction.fetch(_SQL["add_gaps"], subscription, *columns)
    found = [Lost(**row) for row in new]
    await notices.write(transaction, *(gap(subscription, organisation, each) for each in found))
    return found


def _standing(rows: Sequence[Row]) -> dict[TopicPartition, Standing]:
    return {
        (row["topic"], row["partition"]): Standing(
            row["start_offset"], row["next_offset"], row["saved_at"]
        )
        for row in rows
    }


def _place(loss: Lost) -> TopicPartition:
    return loss.topic, loss.partition


def _columns(offsets: Offsets) -> tuple[list[str], list[int], list[int]]:
    return [topic for topic, _ in offsets], [number for _, number in offsets], [*offsets.values()]
