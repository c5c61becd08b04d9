"""The outbox in a register's database: install it, watch tables, take rows from it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bus.store import queries
from bus.store.database import Database, Row, Session
from bus.store.errors import StatementRefused

_SQL = queries.load("outbox")


@dataclass(frozen=True, slots=True)
class Watch:
    """Which changes of which table are told, and as what.

    `table` is a name as in SQL ("zaken", 'basis."Zaak"'). The other fields are the arguments of
    `gemeentebus.watch`, whose comment in producers/outbox/install.sql says what they mean.
    """

    table: str
    source: str
    type_prefix: str
    dataref: str | None = None
    operations: tuple[str, ...] = ("insert", "update", "delete")
    columns: tuple[str, ...] | None = None
    verbs: tuple[str, str, str] = ("gecreeerd", "gewijzigd", "verwijderd")


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in an outbox: rows, counted up to a limit, and the first one's age in seconds."""

    rows: int
    seconds: float


class Feed:
    """One connection to an outbox, for a relay. Every method raises StoreError."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def lock(self) -> bool:
        """Become the only relay of this outbox until the connection ends; False: there is one."""
        row = await self._session.fetch_one(_SQL["lock"])
        return bool(row and row["taken"])

    async def take(self, rows: int, data_bytes: int, largest: int) -> Sequence[Row]:
        """Give the first rows by id, and leave them there: at most `rows`, about `data_bytes`.

        Columns, all text but the first and `data` (bytes), and null where an event lacks it: id,
        event_id, source, type, partitionkey, subject, dataref, time, datacontenttype, data,
        extensions (a JSON object). `too_large` (a boolean) says that `data` was left out because
        it has more than `largest` bytes.
        """
        return await self._session.fetch(_SQL["take"], rows, data_bytes, largest)

    async def settle(self, relayed: Sequence[int], refused: Mapping[int, str]) -> None:
        """Delete the rows that the log has, move refused ones away with the reason: all or none."""
        await self._session.execute(
            _SQL["settle"], list(relayed), list(refused), list(refused.values())
        )

    async def backlog(self, most: int) -> Backlog:
        """Count the rows that wait, up to `most`, and give the age of the first."""
        row = await self._session.fetch_one(_SQL["backlog"], most)
        return Backlog(row["waiting"], max(0.0, row["seconds"])) if row else Backlog(0, 0.0)


class Outbox:
    """The outbox of one register; `database` is the register's, not that of the bus.

    Every method raises StoreUnavailable, and StatementRefused with what Postgres says when the
    outbox is not installed or the role lacks a right.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def feed(self) -> AsyncIterator[Feed]:
        """Keep a connection for a relay; its lock, if it got it, ends with the block."""
        async with self._database.session() as session:
            await session.execute(_SQL["prepare"])
            yield Feed(session)

    async def install(self, script: str) -> None:
        """Run the install script, which is a transaction of its own."""
        async with self._database.session() as session:
            await session.execute(script)

    async def watch(self, watch: Watch) -> None:
        """Tell the changes of a table from now on; replaces an earlier watch of it.

        Raises StatementRefused with a sentence for people when the table cannot be watched this
        way: no primary key, no such table or column, a right that is missing.
        """
        await self._database.execute(
            _SQL["watch"],
            watch.table,
            watch.source,
            watch.type_prefix,
            watch.dataref,
            watch.operations,
            watch.columns,
            watch.verbs,
        )

    async def unwatch(self, table: str) -> bool:
        """Tell the changes of a table no longer; False when it was not watched."""
        row = await self._database.fetch_one(_SQL["unwatch"], table)
        return bool(row and row["ended"])

    async def watches(self) -> Sequence[Row]:
        """Give every watched table: `relation`, the fields of Watch, and `state`.

        The state is ok, outdated, broken or dropped; the view in install.sql says what they mean.
        """
        return await self._database.fetch(_SQL["watches"])

    async def rejected(self, limit: int) -> Sequence[Row]:
        """Give the newest rejected rows: id, event_id, source, type, reason, rejected_at."""
        return await self._database.fetch(_SQL["rejected"], limit)

    async def requeue(self, ids: Sequence[int] | None = None) -> int:
        """Put rejected rows back into the outbox, all or these; give their number."""
        row = await self._database.fetch_one(_SQL["requeue"], ids)
        if row is None:
            raise StatementRefused("requeue gave no answer")
        count: int = row["count"]
        return count
