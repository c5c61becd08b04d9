"""One running API for all tests of this folder; each leaves what the others count on alone."""

import uuid
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest_asyncio

from tests.contract.api.bus_under_test import Bus, running, settings_for


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bus(kafka: str, postgres: str, template: str) -> AsyncIterator[Bus]:
    """Give an API with a domain, two organisations and tokens."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    admin = await asyncpg.connect(postgres)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        url = urlsplit(postgres)._replace(path=f"/{name}").geturl()
        async with running(settings_for(kafka, url, name.replace("_", ""))) as bus:
            yield bus
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()
