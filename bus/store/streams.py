"""What the engine reads and writes per partition; every write carries its epoch (design §4)."""

import time
from collections.abc import Iterable, Sequence
from uuid import UUID

from bus.store import exceptions, notices, queries, revision
from bus.store.copies import Copies, OnUnreadable
from bus.store.database import Database, Row, Session
from bus.store.errors import Fenced, NotFound, Unreadable
from bus.store.partition import Change, Command, Notice, Save, StreamRow, Taken
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


class Streams:
    """The streams, the positions beside them, and the subscriptions that they serve.

    Every method raises StoreUnavailable. Those that read subscriptions or copies of their events
    raise Unreadable for the first that does not read; with `unreadable` that is told of each such
    one instead, and the rest is given. Whoever passes it must keep the position of what was left
    out: nobody else does.
    """

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def take(
        self,
        topic: str,
        partition: int,
        owner: str,
        *,
        unreadable: OnUnreadable | None = None,
    ) -> Taken:
        """Become the owner of a partition, and read what its last owner has saved.

        `owner` is for people to read. Raises NotFound when there is no such stream. When the
        answer is lost, take again: an epoch nobody uses does no harm.
        """
        copies = Copies(self._sealer, topic, partition, unreadable=unreadable)
        async with self._database.transaction() as transaction:
            row = await transaction.fetch_one(_SQL["take"], topic, partition, owner)
            if row is None:
                raise NotFound(f"there is no stream of {topic}/{partition}")
            # Statements of their own: they see what a save that we had to wait for has written.
            rows = await transaction.fetch(_SQL["positions"], topic, partition)
            positions = tuple(to_position(position) for position in rows)
            next_offset = row["next_offset"]
            return Taken(
                row["epoch"],
                next_offset,
                row["revision"],
                positions,
                await exceptions.parked(transaction, copies),
                await exceptions.dead(transaction, copies, next_offset, positions),
                row["topic_id"],
                await exceptions.failing(transaction, copies),
            )

    async def save(self, save: Save) -> list[int]:
        """Write all of it, or none and raise Fenced when the epoch is over.

        What belongs to a subscription that has been deleted is skipped. Gives the offsets of
        invalid records of which Postgres refuses the row: they alone are left out. Positions alone
        are one statement, so that an owner that stands still holds no lock. Saves of a partition
        are made one after the other. One that raised StoreUnavailable may have been written, but is
        not written any more once a later one is.
        """
        # The number of this save: it grows with each, and starts anew with an epoch.
        number = time.monotonic_ns()
        if not exceptions.any_in(save):
            await _save_positions(self._database, save, number)
            return []
        async with self._database.transaction() as transaction:
            # The stream first, then the subscriptions: the order of all who write here.
            await _hold(transaction, save.topic, save.partition, save.epoch)
            await exceptions.hold_subscriptions(transaction, save)
            await _save_positions(transaction, save, number)
            copies = Copies(self._sealer, save.topic, save.partition)
            return await exceptions.write(transaction, copies, save)

    async def commands(
        self,
        topic: str,
        partition: int,
        epoch: int,
        *,
        unreadable: OnUnreadable | None = None,
    ) -> list[Command]:
        """Give what the API asks of a partition, in order, the first of each subscription.

        Raises Fenced. Whoever asks for a command changes the revision with it. Letters to be
        redriven that have been purged or redriven since are left out; one that a save under way
        carries out may be among them still.
        """
        copies = Copies(self._sealer, topic, partition, unreadable=unreadable)
        found = await exceptions.commands(self._database, copies, epoch)
        if found is None:
            raise _fenced(topic, partition, epoch)
        return found

    async def disable(
        self,
        topic: str,
        partition: int,
        epoch: int,
        subscription: UUID,
        served: int,
        reason: str,
        notice: Notice,
    ) -> bool:
        """Disable an active subscription, in a version of its own, and keep what to tell of it.

        `served` is the revision that was delivered to: a later one may have another sink. Says
        whether it did: it may be paused, changed, disabled or deleted already. Raises Fenced.
        """
        async with self._database.transaction() as transaction:
            number = await revision.bump(transaction)
            await _hold(transaction, topic, partition, epoch)
            done = await transaction.fetch_one(
                _SQL["disable"], subscription, reason, number, served
            )
            if done is not None:
                await notices.write(transaction, notice)
            return done is not None

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
        changed = (row for row in rows if row["subscription"] is not None)
        return rows[0]["now"], [self._change(row, unreadable) for row in changed]

    async def lags(self, topics: Iterable[str]) -> list[StreamRow]:
        """Give the stream of each partition of these topics, as last saved."""
        rows = await self._database.fetch(_SQL["lags"], list(topics))
        return [StreamRow(**row) for row in rows]

    def _change(self, row: Row, unreadable: OnUnreadable | None) -> Change:
        deleted = row["body"] is None
        stored = None if deleted else self._stored(row, unreadable)
        position = None if row["next_offset"] is None else to_position(row)
        there = not deleted and stored is None
        return Change(row["revision"], row["subscription"], stored, position, unreadable=there)

    def _stored(self, row: Row, unreadable: OnUnreadable | None) -> StoredSubscription | None:
        try:
            return to_stored(row, self._sealer)
        except Unreadable as error:
            if unreadable is None:
                raise
            unreadable(error)
            return None


async def _save_positions(session: Database | Session, save: Save, number: int) -> None:
    rows = save.rows
    answer = await session.fetch_one(
        _SQL["save"],
        save.topic,
        save.partition,
        save.epoch,
        save.next_offset,
        save.revision,
        number,
        save.topic_id,
        save.progressed,
        [row.subscription for row in rows],
        [row.next_offset for row in rows],
        [_array(row.open) for row in rows],
        [row.failing_since for row in rows],
        [row.last_outcome for row in rows],
        [row.replay and row.replay.until for row in rows],
        [row.replay and row.replay.resume for row in rows],
        save.removed,
    )
    if answer is None or not answer["held"]:
        raise _fenced(save.topic, save.partition, save.epoch)


async def _hold(transaction: Session, topic: str, partition: int, epoch: int) -> None:
    if await transaction.fetch_one(_SQL["hold"], topic, partition, epoch) is None:
        raise _fenced(topic, partition, epoch)


def _array(offsets: Sequence[int]) -> str:
    """Write an array as Postgres reads it: arrays of unlike length fit no parameter."""
    return "{" + ",".join(map(str, offsets)) + "}"


def _fenced(topic: str, partition: int, epoch: int) -> Fenced:
    return Fenced(f"{topic}/{partition}: epoch {epoch} is over")
