"""What every bench runs on: Kafka and Postgres, and a cluster with a database of its own."""

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


def rounds(otherwise: int) -> int:
    """Give how many rounds were asked for: `python -m tests.bench.NAME ROUNDS`."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else otherwise


def cpu_of(pid: int) -> float:
    """Give the CPU seconds that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
