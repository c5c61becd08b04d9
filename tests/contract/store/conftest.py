"""A migrated database with two organisations, and the stores on it."""

from collections.abc import AsyncIterator

import pytest

from bus.store.database import Database
from bus.store.secrets import Sealer
from tests.contract.store.stores import OIN, OTHER_OIN, Store


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Give a pool on a fresh, migrated database."""
    async with Database.open(database_url, application_name="tests", max_size=25) as database:
        yield database


@pytest.fixture
async def store(database_url: str, database: Database) -> Store:
    """Give all stores, with two organisations."""
    store = Store(database_url, database, Sealer(bytes(range(32))))
    await store.organisations.ensure_organisation(OIN, "Gemeente Voorbeeld")
    await store.organisations.ensure_organisation(OTHER_OIN, "Gemeente Anders")
    return store
