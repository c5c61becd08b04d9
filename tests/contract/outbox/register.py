"""A register with an outbox, as its developers and administrators use it."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from bus.store.database import Database, Session
from bus.store.outbox import Outbox, Watch

SOURCE = "urn:nld:oin:00000001234567890000:systeem:zaken"
PREFIX = "nl.zaken.zaak"
DATAREF = "https://zaken.example.nl/zaken/{id}"
ZAAK = Watch("zaak", SOURCE, PREFIX, DATAREF)


class Told(NamedTuple):
    """What an event in the outbox says."""

    type: str
    key: str
    dataref: str | None


@dataclass(frozen=True)
class Register:
    """A database of its own; the outbox is installed."""

    url: str
    database: Database

    @property
    def outbox(self) -> Outbox:
        """The outbox in it."""
        return Outbox(self.database)

    async def run(self, *statements: str) -> None:
        """Run statements, each a transaction of its own."""
        for statement in statements:
            await self.database.execute(statement)

    async def value(self, query: str, *args: object) -> object:
        """Give the first column of the first row."""
        row = await self.database.fetch_one(query, *args)
        return next(iter(row.values())) if row else None

    async def told(self) -> list[Told]:
        """Give what is in the outbox, in order, and empty it."""
        rows = await self.database.fetch(
            "WITH gone AS (DELETE FROM gemeentebus.outbox RETURNING *) "
            "SELECT type, partitionkey, dataref FROM gone ORDER BY id"
        )
        return [Told(*row.values()) for row in rows]

    async def rows(self) -> int:
        """Count the rows that wait."""
        count = await self.value("SELECT count(*) FROM gemeentebus.outbox")
        assert isinstance(count, int)
        return count

    @asynccontextmanager
    async def as_role(self, name: str) -> AsyncIterator[Session]:
        """Act as another role, on a connection of its own."""
        async with self.database.session() as session:
            await session.execute(f"SET SESSION AUTHORIZATION {name}")
            yield session


@asynccontextmanager
async def new_database(postgres: str) -> AsyncIterator[str]:
    """Give the address of an empty database, and drop it afterwards."""
    name = f"register_{uuid.uuid4().hex[:12]}"
    url = urlunsplit(urlsplit(postgres)._replace(path=f"/{name}"))
    async with Database.open(postgres, application_name="tests", max_size=1) as admin:
        await admin.execute(f"CREATE DATABASE {name}")
        try:
            yield url
        finally:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def new_role(postgres: str) -> AsyncIterator[str]:
    """Give the name of an ordinary role without any right; it is dropped afterwards."""
    name = f"role_{uuid.uuid4().hex[:12]}"
    async with Database.open(postgres, application_name="tests", max_size=1) as admin:
        await admin.execute(f"CREATE ROLE {name} LOGIN")
        try:
            yield name
        finally:
            await admin.execute(f"DROP ROLE {name}")
