"""A bus of each test's own, without any domain."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.contract.notices.telling import Telling, telling


@pytest_asyncio.fixture
async def bus(kafka: str, database_url: str, namespace: str) -> AsyncIterator[Telling]:
    """Give it."""
    async with telling(url=database_url, bootstrap=kafka, namespace=namespace) as opened:
        yield opened
