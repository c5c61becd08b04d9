"""Subscriptions as the API keeps them: each change is one transaction with a number of its own."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from bus.catalogue.notices import (
    CHANGED,
    CREATED,
    DELETED,
    PAUSED,
    RESUMED,
    NoticeType,
)
from bus.store import pull, queries
from bus.store.database import Database, Row, Session
from bus.store.errors import Conflict, NotFound
from bus.store.notices import tell
from bus.store.revision import bump
from bus.store.secrets import Kind, Sealer
from bus.store.stored import ListedSubscription, Position, State, to_listed, to_position
from bus.subscription import Subscription

_SQL = queries.load("subscriptions")

TopicPartition = tuple[str, int]

Start = Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]
"""Gives the offset of the first event that a new subscription is to have, for each partition."""

Change = Callable[[bytes | None], bytes | None]
"""Makes the new secret of the one before; None: there is none."""

Place = tuple[datetime, UUID]
"""Where a page of subscriptions ended: `created_at` and `id` of its last."""


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition as last saved; `position` is None for one that goes with the stream."""

    topic: str
    partition: int
    stream_offset: int
    saved_at: datetime
    position: Position | None


class Subscriptions:
    """Keeps subscriptions and their sealed secrets. Every method raises StoreUnavailable.

    With each change goes a notice of it, published if and only if the change is committed.

    Where a method takes an `organisation`, a subscription of another one is NotFound; None is for
    operators and sees all.
    """

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def create(
        self,
        subscription: Subscription,
        *,
        secret: bytes,
        start: Start,
        credential: bytes | None = None,
        topics: Sequence[str] | None = None,
    ) -> ListedSubscription:
        """Store a subscription with its position on every partition of `topics` (None: of all).

        The position is the engine's, or of one that is pulled its own (`PullPositions`).
        `start` is asked while no domain and no other subscription can be created, so it must not
        take long; what it raises comes through, and nothing is stored. `secret` signs, `credential`
        goes with each request. Raises Conflict when the id is taken, NotFound when there is no such
        organisation.
        """
        id_ = UUID(subscription.id)
        sealed = self._seal(id_, secret, credential)
        async with self._database.transaction() as transaction:
            revision = await bump(transaction)
            rows = await transaction.fetch(_SQL["partitions"], topics)
            partitions: list[TopicPartition] = [(row["topic"], row["partition"]) for row in rows]
            asked = await start(partitions)
            offsets = {each: asked[each] for each in partitions}
            served: Mapping[TopicPartition, int] = {} if subscription.pulled else offsets
            (row,) = await transaction.fetch(
                _SQL["insert"],
                id_,
                subscription.organisation,
                revision,
                subscription.to_json(),
                list(sealed),
                list(sealed.values()),
                [topic for topic, _ in served],
                [partition for _, partition in served],
                [*served.values()],
            )
            await tell(transaction, CREATED, id_, subscription.organisation, revision)
            if subscription.pulled:
                await pull.place(transaction, id_, offsets)
        return to_listed(row)

    async def get(self, id_: UUID, *, organisation: str | None = None) -> ListedSubscription:
        """Give one subscription; raises NotFound."""
        row = await self._database.fetch_one(_SQL["get"], id_, organisation)
        if row is None:
            raise _not_found(id_)
        return to_listed(row)

    async def page(
        self, organisation: str | None = None, *, after: Place | None = None, limit: int
    ) -> list[ListedSubscription]:
        """Give the next `limit` subscriptions, oldest first; fewer when there are no more."""
        since, last = after or (datetime.min.replace(tzinfo=UTC), UUID(int=0))
        if organisation is None:
            rows = await self._database.fetch(_SQL["page_of_all"], since, last, limit)
        else:
            rows = await self._database.fetch(_SQL["page"], organisation, since, last, limit)
        return [to_listed(row) for row in rows]

    async def update(
        self,
        subscription: Subscription,
        *,
        expected: int | None = None,
        signing: Change | None = None,
        credential: Change | None = None,
        added: tuple[Sequence[str], Start] | None = None,
    ) -> ListedSubscription:
        """Store a new version. The owners of its partitions follow; no position is touched.

        But for those in `added`: topics that a pulled subscription did not ask for before, and
        where it begins there. Raises NotFound, and Conflict when it is no longer at the revision
        `expected`. A secret becomes what its change makes of it, and stays as it is without one.
        What a start or a change raises comes through, and nothing is stored.
        """
        id_, organisation = UUID(subscription.id), subscription.organisation
        async with self._database.transaction() as transaction:
            revision = await bump(transaction)
            row = await transaction.fetch_one(
                _SQL["update"], id_, organisation, subscription.to_json(), revision, expected
            )
            if row is None:
                if await transaction.fetch_one(_SQL["get"], id_, organisation) is None:
                    raise _not_found(id_)
                raise Conflict(f"subscription {id_} is no longer at revision {expected}")
            await self._change(transaction, id_, "signing", signing)
            await self._change(transaction, id_, "sinkcredential", credential)
            await tell(transaction, CHANGED, id_, organisation, revision)
            if added is not None:
                topics, start = added
                rows = await transaction.fetch(_SQL["partitions"], topics)
                offsets = await start([(each["topic"], each["partition"]) for each in rows])
                await pull.place(transaction, id_, offsets)
        return to_listed(row)

    async def credential(self, id_: UUID) -> bytes | None:
        """Give what opens the sink of a subscription, as it was given; None when nothing was."""
        row = await self._database.fetch_one(_SQL["secret"], id_, "sinkcredential")
        return None if row is None else self._unseal(row, id_, "sinkcredential")

    async def pause(self, id_: UUID, *, organisation: str) -> ListedSubscription:
        """Let nothing be delivered until it is resumed; one that is paused already stays so.

        Raises NotFound, and Conflict when it is disabled.
        """
        listed = await self._set_state(id_, organisation, "paused", PAUSED, come_from=("active",))
        if listed.state == "disabled":
            raise Conflict(f"subscription {id_} is disabled")
        return listed

    async def resume(self, id_: UUID, *, organisation: str) -> ListedSubscription:
        """Deliver again from where it stood, paused or disabled; an active one stays so.

        Raises NotFound.
        """
        return await self._set_state(
            id_, organisation, "active", RESUMED, come_from=("paused", "disabled")
        )

    async def delete(self, id_: UUID, *, organisation: str | None = None) -> None:
        """Remove a subscription, its secrets and its positions; its history stays.

        Raises NotFound.
        """
        async with self._database.transaction() as transaction:
            revision = await bump(transaction)
            row = await transaction.fetch_one(_SQL["delete"], id_, revision, organisation)
            if row is None:
                raise _not_found(id_)
            await tell(transaction, DELETED, id_, row["organisation"], revision)

    async def status(
        self, id_: UUID, *, topics: Sequence[str] | None = None
    ) -> list[PartitionStatus]:
        """Give where a subscription stands on every partition of `topics` (None: of all).

        It is not asked whether there is such a subscription.
        """
        rows = await self._database.fetch(_SQL["status"], id_, topics)
        return [
            PartitionStatus(
                topic=row["topic"],
                partition=row["partition"],
                stream_offset=row["stream_offset"],
                saved_at=row["saved_at"],
                position=None if row["subscription"] is None else to_position(row),
            )
            for row in rows
        ]

    async def _set_state(
        self,
        id_: UUID,
        organisation: str,
        state: State,
        told: NoticeType,
        *,
        come_from: Sequence[State],
    ) -> ListedSubscription:
        async with self._database.transaction() as transaction:
            revision = await bump(transaction)
            row = await transaction.fetch_one(
                _SQL["set_state"], id_, organisation, state, come_from, revision
            )
            if row is not None:
                await tell(transaction, told, id_, organisation, revision)
                return to_listed(row)
            row = await transaction.fetch_one(_SQL["get"], id_, organisation)
        if row is None:
            raise _not_found(id_)
        return to_listed(row)

    async def _change(
        self, transaction: Session, id_: UUID, kind: Kind, change: Change | None
    ) -> None:
        if change is None:
            return
        row = await transaction.fetch_one(_SQL["secret"], id_, kind)
        plain = change(None if row is None else self._unseal(row, id_, kind))
        if plain is None:
            await transaction.execute(_SQL["drop_secret"], id_, kind)
        else:
            sealed = self._sealer.seal(plain, subscription=id_, kind=kind)
            await transaction.execute(_SQL["put_secret"], id_, kind, sealed)

    def _unseal(self, row: Row, id_: UUID, kind: Kind) -> bytes:
        return self._sealer.unseal(row["sealed"], subscription=id_, kind=kind)

    def _seal(self, id_: UUID, secret: bytes, credential: bytes | None) -> dict[Kind, bytes]:
        secrets: dict[Kind, bytes | None] = {"signing": secret, "sinkcredential": credential}
        return {
            kind: self._sealer.seal(plain, subscription=id_, kind=kind)
            for kind, plain in secrets.items()
            if plain is not None
        }


def _not_found(id_: UUID) -> NotFound:
    return NotFound(f"there is no subscription {id_}")
