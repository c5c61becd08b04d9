"""A relay that dies between the log's answer and the delete."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.contract.outbox.bus_side import OIN, Bus, eventually
from tests.contract.outbox.register import Register


@asynccontextmanager
async def relay_process(register: Register, bus: Bus) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a relay as a process of its own, killed at the end of the block at the latest."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("relay_process.py")),
        register.url,
        bus.url,
        bus.kafka,
        OIN,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_relay_killed_before_its_delete_repeats_and_loses_nothing(
    watched: Register, bus: Bus
) -> None:
    """The next one sends the same events again, with the same ids and in the same order."""
    await watched.run("INSERT INTO zaak SELECT generate_series(1, 50)")
    async with watched.database.session() as holding:
        await holding.execute("BEGIN")
        # The delete has to wait for this lock; reading does not.
        await holding.execute("SELECT FROM gemeentebus.outbox FOR UPDATE")
        async with relay_process(watched, bus) as process:
            first = await bus.logged(50)
            process.kill()
            assert await process.wait() == -9
        # A delete that Postgres already has would go on without its client: end it too.
        await watched.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'bus relay'"
        )
        await holding.execute("ROLLBACK")
    assert await watched.rows() == 50
    async with bus.relaying(watched.url):

        async def is_empty() -> bool:
            return await watched.rows() == 0

        await eventually(is_empty)
    everything = await bus.logged(100)
    assert len(everything) == 100
    again = [each for each in everything if each not in first]
    assert sorted((each.key, each.event.id) for each in again) == sorted(
        (each.key, each.event.id) for each in first
    )
