"""Postgres is killed and comes back: callers are told, and what was acknowledged is there."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bus.embedded.datadir import free_port
from bus.embedded.postgres import Postgres
from bus.store.database import Database
from bus.store.errors import StoreUnavailable
from bus.store.migrate import migrate
from bus.store.organisations import Organisations
from bus.store.secrets import Sealer
from bus.store.streams import Save, StreamRow
from tests.contract.store.stores import OIN, Store


@pytest.fixture
async def server(cache: Path) -> AsyncIterator[Postgres]:
    """Give a Postgres of this test's own, migrated."""
    with tempfile.TemporaryDirectory(prefix="gemeentebus-") as folder:
        server = Postgres(folder=Path(folder), port=free_port(), cache=cache, durable=False)
        try:
            await server.start()
            await migrate(server.dsn())
            yield server
        finally:
            await server.stop(5)


async def test_saves_go_on_by_themselves_after_a_kill(server: Postgres) -> None:
    """Killed with -9 in the midst of saves: StoreUnavailable until it is back, then saves succeed.

    What was acknowledged is there; the one whose answer was lost may be.
    """
    async with Database.open(server.dsn(), application_name="tests") as database:
        store = Store(server.dsn(), database, Sealer(bytes(32)))
        await Organisations(database).ensure_organisation(OIN, "Gemeente Voorbeeld")
        await store.add_domain("a", 1)
        taken = await store.streams.take("gb.a", 0, "me")
        tried = acknowledged = 0

        async def save() -> bool:
            nonlocal tried, acknowledged
            tried += 1
            try:
                await store.streams.save(Save("gb.a", 0, taken.epoch, tried, taken.revision))
            except StoreUnavailable:
                return False
            acknowledged = tried
            return True

        for _ in range(2):
            assert [await save() for _ in range(20)] == [True] * 20
            child = server.child
            assert child is not None
            child.signal(signal.SIGKILL)
            while await save():
                pass
            lost = (acknowledged, tried)
            await child.wait()
            await server.start()
            stream = await when_back(store)
            assert lost[0] <= stream.next_offset <= lost[1]
            assert await save()


async def when_back(store: Store) -> StreamRow:
    """Read the stream as soon as Postgres answers."""
    for _ in range(500):
        try:
            (row,) = await store.streams.lags(["gb.a"])
        except StoreUnavailable:
            await asyncio.sleep(0.02)
        else:
            return row
    pytest.fail("Postgres did not come back")
