"""The pool of connections to Postgres, transactions, and the lifetime of both."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

import asyncpg

from bus.store.errors import StatementRefused, StoreUnavailable
from bus.store.translate import is_lost, translated

Row = Mapping[str, Any]
"""One row: its columns by name."""

STATEMENT_SECONDS = 5.0
"""Half of the dispatcher's lease (design §4): a save that hangs leaves time for another."""

_IDLE_IN_TRANSACTION_SECONDS = 30
"""After this Postgres ends a transaction that stands still: a stopped client keeps no lock."""

_IDLE_CONNECTION_SECONDS = 60.0
"""An unused connection is closed after this: its server may have vanished without a word."""

_CLOSE_SECONDS = 5.0
_GRACE_SECONDS = 1.0


class Session:
    """One connection to Postgres, used by one task at a time.

    Every method raises StoreUnavailable, Conflict, NotFound or StatementRefused (see
    `bus.store.errors`).
    """

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def fetch(self, query: str, *args: object) -> Sequence[Row]:
        """Run one statement and give all its rows."""
        with self._in_use():
            rows: Sequence[Row] = await self._connection.fetch(query, *args)
            return rows

    async def fetch_one(self, query: str, *args: object) -> Row | None:
        """Run one statement and give its first row, or None."""
        with self._in_use():
            row: Row | None = await self._connection.fetchrow(query, *args)
            return row

    async def execute(self, query: str, *args: object) -> str:
        """Run a statement (without arguments: several) and give its tag, such as `DELETE 3`."""
        with self._in_use():
            tag: str = await self._connection.execute(query, *args)
            return tag

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Run the block in one transaction, as `Database.transaction` does."""
        await self.execute("BEGIN")
        try:
            yield
        except BaseException:
            await _roll_back(self._connection)
            raise
        if await self.execute("COMMIT") != "COMMIT":
            raise StatementRefused("a statement had failed: nothing is written")

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """Run the block as part of a transaction: when it raises a refusal, it alone is undone."""
        await self.execute("SAVEPOINT part")
        try:
            yield
        except StatementRefused:
            await self.execute("ROLLBACK TO part")
            raise
        await self.execute("RELEASE part")

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        try:
            with translated(self._connection):
                yield
        except StoreUnavailable as error:
            if isinstance(error.__cause__, TimeoutError):
                # The server is silent. It would not answer a cancellation either, for which asyncpg
                # would let the caller wait as long again.
                _end(self._connection)
            raise


class Database:
    """A pool of connections to one Postgres database.

    It opens connections when they are needed, and anew after Postgres was away: nobody has to
    reconnect. Statements run at READ COMMITTED and end after some seconds, on the server too, so
    that a statement its caller has given up does not take effect long after.
    """

    def __init__(self, pool: asyncpg.Pool, patience: float) -> None:
        self._pool = pool
        self._patience = patience

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        *,
        application_name: str,
        max_size: int = 10,
        patience: float = STATEMENT_SECONDS,
    ) -> AsyncIterator[Self]:
        """Keep up to `max_size` connections to `url` for as long as the block lasts.

        Nothing connects yet, so that a process may start before Postgres does. `patience`, in
        seconds, holds for getting a connection and again for each statement. Raises
        StatementRefused when `url` is no Postgres address.
        """
        with translated():
            pool = asyncpg.create_pool(
                url,
                min_size=0,
                max_size=max_size,
                max_inactive_connection_lifetime=_IDLE_CONNECTION_SECONDS,
                timeout=patience,
                # Postgres ends the statement first; this is for a network that swallows all.
                command_timeout=patience + _GRACE_SECONDS,
                reset=_keep_as_is,
                server_settings={
                    "application_name": application_name,
                    "default_transaction_isolation": "read committed",
                    "statement_timeout": str(int(patience * 1000)),
                    "idle_in_transaction_session_timeout": str(_IDLE_IN_TRANSACTION_SECONDS * 1000),
                    "jit": "off",
                },
            )
            await pool
        try:
            yield cls(pool, patience)
        finally:
            await _close(pool)

    async def fetch(self, query: str, *args: object) -> Sequence[Row]:
        """Run one statement, a transaction of its own, and give all its rows."""
        async with self._borrowed() as connection:
            return await Session(connection).fetch(query, *args)

    async def fetch_one(self, query: str, *args: object) -> Row | None:
        """Run one statement, a transaction of its own, and give its first row, or None."""
        async with self._borrowed() as connection:
            return await Session(connection).fetch_one(query, *args)

    async def execute(self, query: str, *args: object) -> str:
        """Run one statement, a transaction of its own, and give its command tag."""
        async with self._borrowed() as connection:
            return await Session(connection).execute(query, *args)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Run the block in one transaction: committed at its end, rolled back when it raises.

        What the block raises of its own leaves unchanged. StoreUnavailable at the end of the block
        says that the answer to the commit was lost: it may or may not have been committed. Raises
        StatementRefused when the block swallowed an error of a statement, after which Postgres
        commits nothing.
        """
        async with self._borrowed() as connection:
            session = Session(connection)
            async with session.transaction():
                yield session

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Keep one connection for the block and close it afterwards.

        For what belongs to a connection rather than to a transaction, such as an advisory lock: it
        ends with the block.
        """
        async with self._borrowed() as connection:
            try:
                yield Session(connection)
            finally:
                _end(connection)

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[asyncpg.Connection]:
        with translated():
            try:
                async with asyncio.timeout(self._patience):
                    connection = await self._pool.acquire()
            except TimeoutError as error:
                raise StoreUnavailable("no connection to Postgres was free in time") from error
        try:
            yield connection
        finally:
            with translated():
                await self._pool.release(connection)


async def _keep_as_is(_connection: asyncpg.Connection) -> None:
    """Spare a round trip per use: only `session` changes a connection, and closes it."""


async def _roll_back(connection: asyncpg.Connection) -> None:
    """Undo the transaction; where that fails, end the connection: then Postgres does it."""
    try:
        with translated(connection):
            await connection.execute("ROLLBACK", timeout=_GRACE_SECONDS)
    except (StoreUnavailable, StatementRefused):
        _end(connection)
    except BaseException:  # cancelled: nobody waits for the answer any more
        _end(connection)
        raise


def _end(connection: asyncpg.Connection) -> None:
    if not is_lost(connection):
        connection.terminate()


async def _close(pool: asyncpg.Pool) -> None:
    """Close in good order; after a while without."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await pool.close()
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        pool.terminate()
