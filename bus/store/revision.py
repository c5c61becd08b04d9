"""The counter of changes to subscriptions, domains and access: they commit in its order."""

from bus.store import queries
from bus.store.database import Database, Session

_SQL = queries.load("revision")


async def bump(transaction: Session) -> int:
    """Give a change its number, and hold back every other until this transaction ends.

    To be the first statement of the transaction: what is read after it no other change can alter.
    """
    (row,) = await transaction.fetch(_SQL["bump"])
    return int(row["value"])


async def current(database: Database) -> int:
    """Give the number of the last change that was committed."""
    (row,) = await database.fetch(_SQL["current"])
    return int(row["value"])
