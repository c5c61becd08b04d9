"""Whose turn it is to do what one process of all does for the whole bus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bus.store import queries
from bus.store.database import Database, Session

_SQL = queries.load("chores")


@asynccontextmanager
async def turn(database: Database) -> AsyncIterator[Session | None]:
    """Give a connection when it is this process's turn, None when another one has it.

    The turn lasts as long as the block, or until the connection is lost: then every statement on
    it raises StoreUnavailable. So do the chores on it, and no two processes do them at once.
    """
    async with database.session() as session:
        await session.execute(_SQL["prepare"])
        row = await session.fetch_one(_SQL["lock"])
        yield session if row and row["taken"] else None
