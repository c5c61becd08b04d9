"""Dead letters as their subscribers see them, and have them redriven or purged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bus.store import queries
from bus.store.copies import Copies
from bus.store.database import Database, Row, Session
from bus.store.errors import NotFound
from bus.store.partition import Burial, StoredRecord
from bus.store.revision import bump
from bus.store.secrets import Sealer

_SQL = queries.load("dead_letters")

_PER_COMMAND = (100, 256 * 1024)
"""Letters, or bytes of them, that an owner puts back at a time: once it has room for so many."""

PER_PURGE = 5_000
"""Letters that one purge forgets: no owner of their partitions saves meanwhile."""


@dataclass(frozen=True, slots=True)
class ListedLetter:
    """A dead letter without its event.

    What came from the event is None once it is purged, and where who gave it up could not read it.
    A `former` one is of a log that is gone: its topic was made anew since, or lost its end.
    """

    id: int
    topic: str
    partition: int
    offset: int
    event_id: str | None
    source: str | None
    type: str | None
    reason: Burial
    last_outcome: str | None
    attempts: int
    first_at: datetime | None
    last_at: datetime | None
    buried_at: datetime
    purged_at: datetime | None
    former: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Which dead letters of a subscription are meant: those for which all that is given holds."""

    ids: tuple[int, ...] | None = None
    reason: Burial | None = None
    type: str | None = None
    source: str | None = None
    before: datetime | None = None
    """Buried before this moment."""
    hidden: tuple[tuple[str, str], ...] = ()
    """Not those of these topics and sources."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why letters chosen by their ids cannot be used; nothing was done."""

    missing: frozenset[int]
    purged: frozenset[int]
    redriving: frozenset[int]
    """A redrive of these waits to be carried out."""
    former: frozenset[int] = frozenset()
    """The log of these is gone: their offsets mean other events in the one that is there."""


@dataclass(frozen=True, slots=True)
class Redriven:
    """How many letters are to be delivered again, and how many are not: their log is gone."""

    count: int
    skipped: int


class DeadLetters:
    """Gives, redrives and purges dead letters. Every method raises StoreUnavailable.

    Whose the subscription is has been asked before.
    """

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def page(
        self, subscription: UUID, choice: Choice, *, after: int, limit: int
    ) -> list[ListedLetter]:
        """Give the next `limit` letters after an id, oldest first; `choice.ids` is not asked."""
        rows = await self._database.fetch(_SQL["page"], subscription, *_terms(choice), after, limit)
        return [ListedLetter(**row) for row in rows]

    async def sources(self, subscription: UUID) -> list[tuple[str, str]]:
        """Give topic and source of every event of which a letter is kept, each once."""
        rows = await self._database.fetch(_SQL["sources"], subscription)
        return [(row["topic"], row["source"]) for row in rows]

    async def get(self, subscription: UUID, id_: int) -> tuple[ListedLetter, StoredRecord | None]:
        """Give one letter, and its record unless it is purged. Raises NotFound, Unreadable."""
        row = await self._database.fetch_one(_SQL["get"], subscription, id_)
        if row is None:
            raise NotFound(f"there is no dead letter {id_} of subscription {subscription}")
        columns = dict(row)
        sealed = columns.pop("sealed")
        letter = ListedLetter(**columns)
        if sealed is None:
            return letter, None
        copies = Copies(self._sealer, letter.topic, letter.partition)
        return letter, copies.unseal(sealed, subscription, letter.offset)

    async def redrive(self, subscription: UUID, choice: Choice) -> Redriven | Unfit:
        """Ask for another delivery of the chosen letters, and say how many those are.

        They stay dead letters until their owner has room for them, first come those of the lowest
        offset. Left out, unless named by id, are those purged or on their way already, and,
        counted, those of a log that is gone; owners leave out what came to be so since then. The
        change of the revision makes the owners look. Raises NotFound.
        """
        async with self._database.transaction() as transaction:
            await bump(transaction)
            unfit = await _hold(transaction, subscription, choice)
            if unfit is not None:
                return unfit
            asked = await _run(transaction, "redrive", subscription, choice, *_PER_COMMAND)
            return Redriven(asked["many"], asked["former"])

    async def purge(self, subscription: UUID, choice: Choice) -> int | Unfit:
        """Forget the events of the oldest PER_PURGE chosen letters, and say how many those are.

        Their places stay. Left out, unless named by id, are those that are purged, or on their way
        to be delivered again: as many as PER_PURGE, and there may be more to ask for. Raises
        NotFound.
        """
        async with self._database.transaction() as transaction:
            unfit = await _hold(transaction, subscription, choice, former_will_do=True)
            if unfit is not None:
                return unfit
            done = await _run(transaction, "purge", subscription, choice, PER_PURGE)
            return int(done["many"])


async def _hold(
    transaction: Session, subscription: UUID, choice: Choice, *, former_will_do: bool = False
) -> Unfit | None:
    """Keep owners and deletion away (bus/store/exceptions.py has the order); judge the ids."""
    await transaction.execute(_SQL["hold_streams"], subscription)
    if await transaction.fetch_one(_SQL["hold_subscription"], subscription) is None:
        raise NotFound(f"there is no subscription {subscription}")
    if choice.ids is None:
        return None
    rows = await transaction.fetch(_SQL["judge"], subscription, choice.ids)
    missing = frozenset(choice.ids) - {row["id"] for row in rows}
    unfit = Unfit(
        missing,
        purged=_ids(rows, "purged"),
        redriving=_ids(rows, "redriving"),
        former=frozenset() if former_will_do else _ids(rows, "former"),
    )
    return unfit if any((missing, unfit.purged, unfit.redriving, unfit.former)) else None


def _ids(rows: Sequence[Row], that_are: str) -> frozenset[int]:
    return frozenset(row["id"] for row in rows if row[that_are])


async def _run(
    transaction: Session, query: str, subscription: UUID, choice: Choice, *at_a_time: int
) -> Row:
    (row,) = await transaction.fetch(
        _SQL[query], subscription, *_terms(choice), choice.ids, *at_a_time
    )
    return row


def _terms(choice: Choice) -> tuple[object, ...]:
    topics, sources = [topic for topic, _ in choice.hidden], [source for _, source in choice.hidden]
    return (choice.reason, choice.type, choice.source, choice.before, topics, sources)
