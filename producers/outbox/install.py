"""Installs the outbox in a register's database, or upgrades it."""

from importlib import resources

from bus.store.database import Database
from bus.store.outbox import Outbox


def script() -> str:
    """Give install.sql, which a database administrator may run with psql just as well."""
    return resources.files("producers.outbox").joinpath("install.sql").read_text(encoding="utf-8")


async def install(database: Database) -> None:
    """Run the script in the register's database; a second time does no harm.

    Raises StatementRefused when the role may not make the schema, and StoreUnavailable.
    """
    await Outbox(database).install(script())
