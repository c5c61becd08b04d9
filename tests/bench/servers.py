"""What every bench runs on: Kafka and Postgres, a cluster with a database of its own, a sink."""

import asyncio
import os
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import asyncpg

from bus.embedded import jars, startup_cache
from bus.embedded.datadir import free_port
from bus.embedded.kafka import Kafka
from bus.embedded.postgres import Postgres
from bus.store.migrate import migrate
from tests.cluster import Cluster

_TICKS = os.sysconf("SC_CLK_TCK")


class Servers:
    """One Kafka and one Postgres for the length of a bench."""

    def __init__(self, kafka: Kafka, postgres: Postgres, folder: Path) -> None:
        self.kafka = kafka
        self.postgres = postgres
        self._folder = folder

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        """Start both in a folder that is removed at the end."""
        cache = jars.default_cache(os.environ)
        classpath = await jars.fetch(cache=cache)
        with tempfile.TemporaryDirectory(prefix="gemeentebus-bench-") as name:
            folder = Path(name)
            kafka = Kafka(
                folder=folder,
                port=free_port(),
                controller_port=free_port(),
                classpath=classpath,
                startup_cache=startup_cache.location(cache, classpath),
            )
            postgres = Postgres(folder=folder, port=free_port(), cache=cache)
            try:
                await asyncio.gather(kafka.start(), postgres.start())
                yield cls(kafka, postgres, folder)
            finally:
                await asyncio.gather(kafka.stop(10), postgres.stop(10))

    @asynccontextmanager
    async def cluster(self) -> AsyncIterator[Cluster]:
        """Give a bus of its own, nothing of it started."""
        name = f"b{uuid.uuid4().hex[:8]}"
        folder = self._folder / name
        folder.mkdir()
        connection = await asyncpg.connect(self.postgres.dsn())
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        await migrate(self.postgres.dsn(name))
        async with Cluster.open(
            kafka=self.kafka.bootstrap,
            database_url=self.postgres.dsn(name),
            namespace=name,
            folder=folder,
        ) as cluster:
            yield cluster

    @asynccontextmanager
    async def sink(self) -> AsyncIterator[str]:
        """Run the cheap sink in a process of its own; give its address."""
        port = free_port()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.sink", str(port)
        )
        try:
            await listens(port)
            yield f"http://127.0.0.1:{port}/events"
        finally:
            process.kill()
            await process.wait()


async def listens(port: int) -> None:
    """Wait until a process of ours listens there."""
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


def cpu_of(pid: int) -> float:
    """Give the CPU seconds that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
