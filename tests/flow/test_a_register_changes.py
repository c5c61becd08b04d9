"""One event through the house: a row changes in a register, a subscribed component has the event.

The whole way with real parts, in the order in which an event goes it. Read this first.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio
import uvicorn

from bus.embedded.datadir import free_port
from bus.event import Event
from bus.store.database import Database
from bus.store.outbox import Outbox, Watch
from consumers.receive import component
from producers.outbox.install import install
from tests.cluster import SOURCE, Cluster


@pytest_asyncio.fixture
async def register(empty_database_url: str) -> str:
    """Give a register: a database of its own with a table of zaken."""
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("CREATE TABLE zaak (id text PRIMARY KEY, omschrijving text)")
    await connection.close()
    return empty_database_url


async def test_a_changed_row_reaches_the_component(bus: Cluster, register: str) -> None:
    """From UPDATE to handler: signed, information-poor, with the way back to the source."""
    # The register gets an outbox, and a trigger that writes to it. Nothing else about it changes.
    async with Database.open(register, application_name="test") as database:
        await install(database)
        await Outbox(database).watch(
            Watch(
                table="zaak",
                source=SOURCE,
                type_prefix="nl.zaken.zaak",
                dataref="https://zaken.example.nl/zaken/{id}",
            )
        )
    await bus.start("relay", BUS_OUTBOX_URLS=register)

    # Somebody looks after the domain, and a component subscribes to what it wants.
    await bus.create_domain("nl.zaken")
    port = free_port()
    made = await bus.subscribe(f"http://127.0.0.1:{port}/events", types=["nl.zaken.zaak-gewijzigd"])
    received: asyncio.Queue[Event] = asyncio.Queue()

    async with _served(component(received.put, secret=made["signing"]["secret"]), port):
        # The register does its work, in its own transaction.
        connection = await asyncpg.connect(register)
        await connection.execute("INSERT INTO zaak VALUES ('Z-1', 'Kapvergunning')")
        await connection.execute("UPDATE zaak SET omschrijving = 'Kap' WHERE id = 'Z-1'")
        await connection.close()

        # And the component has the event.
        async with asyncio.timeout(20):
            event = await received.get()
    assert event.type == "nl.zaken.zaak-gewijzigd"
    assert event.source == SOURCE
    assert event.attributes["partitionkey"] == "Z-1"
    assert event.attributes["dataref"] == "https://zaken.example.nl/zaken/Z-1"
    assert event.data is None, "the event points to the source; it carries no data"
    assert received.empty(), "the INSERT was not asked for"


@contextlib.asynccontextmanager
async def _served(app: object, port: int) -> AsyncIterator[None]:
    """Serve a component on loopback, as `uvicorn module:app` does."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_config=None, lifespan="off")  # type: ignore[arg-type] # ASGI
    )
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve())
        try:
            yield
        finally:
            server.should_exit = True
            await serving
