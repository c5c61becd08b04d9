"""A running bus, as the tests of the whole way find it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.cluster import Cluster


@pytest_asyncio.fixture
async def bus(
    kafka: str, database_url: str, namespace: str, tmp_path: Path
) -> AsyncIterator[Cluster]:
    """Give a bus with an API and a dispatcher, each a process of its own."""
    async with Cluster.open(
        kafka=kafka, database_url=database_url, namespace=namespace, folder=tmp_path
    ) as cluster:
        await cluster.start("api")
        await cluster.start("dispatch")
        yield cluster
