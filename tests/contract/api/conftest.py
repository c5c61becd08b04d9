"""One API per test, on a database and topics of its own."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.contract.api.bus_under_test import Bus, running, settings_for


@pytest_asyncio.fixture
async def bus(kafka: str, database_url: str, namespace: str) -> AsyncIterator[Bus]:
    """Give a running API with a domain, two organisations and tokens."""
    async with running(settings_for(kafka, database_url, namespace)) as bus:
        yield bus
