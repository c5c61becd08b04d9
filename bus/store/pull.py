"""Where subscriptions that are pulled stand; the engine has no part in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bus.store import queries
from bus.store.database import Database, Row, Session
from bus.store.errors import NotFound
from bus.store.partition import LossReason

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


@dataclass(frozen=True, slots=True)
class Loss:
    """Events that the log does not have any more: at most those from `start` up to `end`."""

    topic: str
    partition: int
    start: int
    end: int
    reason: LossReason


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

    async def overtaken(self, subscription: UUID, losses: Sequence[Loss]) -> None:
        """Record what the log has lost, and go on behind it, in one transaction.

        Where the subscription has been moved on meanwhile, it is left. Raises NotFound when it has
        been deleted.
        """
        async with self._database.transaction() as transaction:
            stands = await _stands(transaction, subscription)
            behind = [loss for loss in losses if stands.get(_place(loss), 0) == loss.start]
            ends = {_place(loss): loss.end for loss in behind}
            await transaction.execute(_SQL["move"], subscription, *_columns(ends))
            await transaction.execute(
                _SQL["add_gaps"],
                subscription,
                [loss.topic for loss in behind],
                [loss.partition for loss in behind],
                [loss.start for loss in behind],
                [loss.end for loss in behind],
                [loss.reason for loss in behind],
            )


async def place(transaction: Session, subscription: UUID, offsets: Offsets) -> None:
    """Let a subscription begin at these offsets, in the transaction that makes it want them."""
    await transaction.execute(_SQL["place"], subscription, *_columns(offsets))


async def _stands(transaction: Session, subscription: UUID) -> dict[TopicPartition, int]:
    if await transaction.fetch_one(_SQL["lock"], subscription) is None:
        raise NotFound(f"there is no subscription {subscription}")
    rows = await transaction.fetch(_SQL["standing"], subscription)
    return {each: row.next_offset for each, row in _standing(rows).items()}


def _standing(rows: Sequence[Row]) -> dict[TopicPartition, Standing]:
    return {
        (row["topic"], row["partition"]): Standing(
            row["start_offset"], row["next_offset"], row["saved_at"]
        )
        for row in rows
    }


def _place(loss: Loss) -> TopicPartition:
    return loss.topic, loss.partition


def _columns(offsets: Offsets) -> tuple[list[str], list[int], list[int]]:
    return [topic for topic, _ in offsets], [number for _, number in offsets], [*offsets.values()]
