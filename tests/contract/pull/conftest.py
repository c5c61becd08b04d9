"""One running API for all tests of this folder, and no others: they let its log lose events."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.contract.api.bus_under_test import Bus, on_a_database_of_its_own


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bus(kafka: str, postgres: str, template: str) -> AsyncIterator[Bus]:
    """Give an API with a domain, two organisations and tokens."""
    async with on_a_database_of_its_own(kafka, postgres, template) as bus:
        yield bus
