"""The stores with two organisations: on a database that tests share, or on a test's own."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest

from bus.store.database import Database
from bus.store.secrets import Sealer
from tests.contract.store.stores import OIN, OTHER_OIN, Store

_EMPTY = """
DO $$ BEGIN
    EXECUTE (
        SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') FROM pg_tables
        WHERE schemaname = current_schema() AND tablename NOT IN ('migration', 'revision')
    );
END $$;
UPDATE revision SET value = 0;
"""


@pytest.fixture(scope="session")
def shared_url(postgres: str, template: str) -> Iterator[str]:
    """Give a migrated database for all tests that leave its schema and settings alone.

    Making one takes ten times as long as emptying it.
    """
    name = f"shared_{uuid.uuid4().hex[:12]}"

    async def administer(statement: str) -> None:
        async with Database.open(postgres, application_name="tests", patience=60) as database:
            await database.execute(statement)

    asyncio.run(administer(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield urlsplit(postgres)._replace(path=f"/{name}").geturl()
    asyncio.run(administer(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def store(shared_url: str) -> AsyncIterator[Store]:
    """Give all stores on an emptied database."""
    async with Database.open(shared_url, application_name="tests", max_size=25) as database:
        await database.execute(_EMPTY)
        yield await _with_organisations(shared_url, database)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Give a pool on a fresh database of this test's own."""
    async with Database.open(database_url, application_name="tests") as database:
        yield database


@pytest.fixture
async def own_store(database_url: str, database: Database) -> Store:
    """Give all stores on a database of this test's own."""
    return await _with_organisations(database_url, database)


async def _with_organisations(url: str, database: Database) -> Store:
    store = Store(url, database, Sealer(bytes(range(32))))
    await store.organisations.ensure_organisation(OIN, "Gemeente Voorbeeld")
    await store.organisations.ensure_organisation(OTHER_OIN, "Gemeente Anders")
    return store
