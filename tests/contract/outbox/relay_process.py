"""Runs a relay until it is killed: python relay_process.py REGISTER_URL BUS_URL KAFKA OIN."""

import asyncio
import sys

from bus.log.writer import Writer
from bus.store.database import Database
from bus.store.directory import Directory
from producers.outbox.role import run_relays


async def main(register_url: str, bus_url: str, kafka: str, oin: str) -> None:
    """Compose what the role composes, without settings."""
    async with (
        Database.open(bus_url, application_name="bus relay") as database,
        Directory.open(database) as directory,
        Writer(bootstrap=kafka) as writer,
    ):
        await run_relays(
            [register_url],
            writer=writer,
            directory=directory,
            organisation=oin,
            public_url="http://bus.example",
            stopping=asyncio.Event(),
        )


asyncio.run(main(*sys.argv[1:]))
