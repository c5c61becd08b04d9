"""Servers of a test's own, which it may kill."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bus.embedded import startup_cache
from bus.embedded.datadir import free_port
from bus.embedded.kafka import Kafka
from bus.embedded.postgres import Postgres
from bus.store.migrate import migrate


@pytest_asyncio.fixture
async def servers(
    classpath: tuple[Path, ...], cache: Path, tmp_path: Path
) -> AsyncIterator[tuple[Kafka, Postgres]]:
    """Give a running Kafka and a running, migrated Postgres."""
    kafka = Kafka(
        folder=tmp_path,
        port=free_port(),
        controller_port=free_port(),
        classpath=classpath,
        startup_cache=startup_cache.location(cache, classpath),
    )
    postgres = Postgres(folder=tmp_path, port=free_port(), cache=cache, durable=False)
    try:
        async with asyncio.TaskGroup() as starting:  # where one cannot, the other does not go on
            starting.create_task(kafka.start())
            starting.create_task(postgres.start())
        await migrate(postgres.dsn())
        yield kafka, postgres
    finally:
        await asyncio.gather(kafka.stop(10), postgres.stop(10))
