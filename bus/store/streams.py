"""What the engine reads and writes per partition; every write carries its epoch (design §4)."""

import time
from collections.abc import Callable, Iterable, Sequence

from bus.store import queries, revision
from bus.store.database import Database, Row
from bus.store.errors import Fenced, NotFound, Unreadable
from bus.store.partition import Change, Save, StreamRow, Taken
from bus.store.secrets import Sealer
from bus.store.stored import Position, StoredSubscription, to_position, to_stored

__all__ = [
    "Change",
    "Position",
    "Save",
    "StoredSubscription",
    "StreamRow",
    "Streams",
    "Taken",
]

_SQL = queries.load("streams")

OnUnreadable = Callable[[Unreadable], None]
"""Told of a subscription that cannot be read, which is then left out of the answer."""


class Streams:
    """The streams, the positions beside them, and the subscriptions that they serve.

    Every method raises StoreUnavailable. Those that read subscriptions raise Unreadable for the
    first that does not read; with `unreadable` that is told of each such one instead, and the rest
    is given. Whoever passes it must keep the position of what was left out: nobody else does.
    """

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def take(self, topic: str, partition: int, owner: str) -> Taken:
        """Become the owner of a partition, and read what its last owner has saved.

        `owner` is for people to read. Raises NotFound when there is no such stream. When the
        answer is lost, take again: an epoch nobody uses does no harm.
        """
        async with self._database.transaction() as transaction:
            row = await transaction.fetch_one(_SQL["take"], topic, partition, owner)
            if row is None:
                raise NotFound(f"there is no stream of {topic}/{partition}")
            # A statement of its own: it sees what a save that we had to wait for has written.
            positions = await transaction.fetch(_SQL["positions"], topic, partition)
        return Taken(
            row["epoch"],
            row["next_offset"],
            row["revision"],
            tuple(to_position(position) for position in positions),
        )

    async def save(self, save: Save) -> None:
        """Write all of it, or none and raise Fenced when the epoch is over.

        A row whose subscription has been deleted is skipped. One statement, so that an owner that
        stands still holds no lock. Saves of a partition are made one after the other. One that
        raised StoreUnavailable may have been written, but is not written any more once a later one
        is.
        """
        rows = save.rows
        answer = await self._database.fetch_one(
            _SQL["save"],
            save.topic,
            save.partition,
            save.epoch,
            save.next_offset,
            save.revision,
            # The number of this save: it grows with each, and starts anew with an epoch.
            time.monotonic_ns(),
            [row.subscription for row in rows],
            [row.next_offset for row in rows],
            [_array(row.open) for row in rows],
            [row.failing_since for row in rows],
            [row.last_outcome for row in rows],
            save.removed,
        )
        if answer is None or not answer["held"]:
            raise _fenced(save.topic, save.partition, save.epoch)

    async def revision(self) -> int:
        """Give the number of the last change to a subscription, a domain or access."""
        return await revision.current(self._database)

    async def subscriptions_at(
        self, revision: int, *, unreadable: OnUnreadable | None = None
    ) -> list[StoredSubscription]:
        """Give each subscription in the version that was valid at a revision.

        Left out are those created later, and those deleted, be it since then.
        """
        rows = await self._database.fetch(_SQL["subscriptions_at"], revision)
        return [stored for row in rows if (stored := self._stored(row, unreadable)) is not None]

    async def changes(
        self,
        topic: str,
        partition: int,
        epoch: int,
        after: int,
        *,
        unreadable: OnUnreadable | None = None,
    ) -> tuple[int, list[Change]]:
        """Give the revision now, and what changed from `after` up to it, in order.

        A subscription that changed more than once comes once, with its newest version. All of it is
        one moment, in which the epoch was the current one; raises Fenced when it is not.
        """
        rows = await self._database.fetch(_SQL["changes"], topic, partition, epoch, after)
        if not rows:
            raise _fenced(topic, partition, epoch)
        found = (self._change(row, unreadable) for row in rows if row["subscription"] is not None)
        return rows[0]["now"], [change for change in found if change is not None]

    async def lags(self, topics: Iterable[str]) -> list[StreamRow]:
        """Give the stream of each partition of these topics, as last saved."""
        rows = await self._database.fetch(_SQL["lags"], list(topics))
        return [StreamRow(**row) for row in rows]

    def _change(self, row: Row, unreadable: OnUnreadable | None) -> Change | None:
        stored = None
        if row["body"] is not None:
            stored = self._stored(row, unreadable)
            if stored is None:
                return None
        position = None if row["next_offset"] is None else to_position(row)
        return Change(row["revision"], row["subscription"], stored, position)

    def _stored(self, row: Row, unreadable: OnUnreadable | None) -> StoredSubscription | None:
        try:
            return to_stored(row, self._sealer)
        except Unreadable as error:
            if unreadable is None:
                raise
            unreadable(error)
            return None


def _array(offsets: Sequence[int]) -> str:
    """Write an array as Postgres reads it: arrays of unlike length fit no parameter."""
    return "{" + ",".join(map(str, offsets)) + "}"


def _fenced(topic: str, partition: int, epoch: int) -> Fenced:
    return Fenced(f"{topic}/{partition}: epoch {epoch} is over")
