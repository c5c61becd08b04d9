"""What is done to the bus while events flow: each returns when it is over and all runs again."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial

from bus.embedded.kafka import Kafka
from bus.embedded.postgres import Postgres
from bus.store.database import Database
from tests.cluster import Cluster
from tests.fault.checking import Disturbance

_FAILING = """
CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF random() < 0.5 THEN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END IF;
    IF random() < 0.5 THEN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER failing BEFORE UPDATE ON stream FOR EACH ROW EXECUTE FUNCTION fail();
"""
"""Saves meet a full disk and a serialization failure, at random."""

LONGER_THAN_THE_LEASE = 12.0
OUTAGE = 3.0


@dataclass
class Chaos:
    """The bus and its servers, and what was done to them."""

    cluster: Cluster
    kafka: Kafka
    postgres: Postgres
    workers: int
    done: list[Disturbance] = field(default_factory=list)

    async def worker_is_killed(self) -> None:
        """Kill -9 of one worker, which is started again."""
        name = self._worker()
        async with self._noted(f"kill -9 {name}"):
            await self.cluster.kill(name)
            await self.cluster.start("dispatch", name)
            await self._recovered()

    async def worker_is_stopped(self) -> None:
        """Stop one worker as planned, and start it again: repeats nothing, so it is not noted."""
        name = self._worker()
        await self.cluster.stop(name)
        await self.cluster.start("dispatch", name)

    async def worker_sleeps(self) -> None:
        """SIGSTOP one worker for longer than its session and its lease: it wakes as a zombie."""
        name = self._worker()
        async with self._noted(f"SIGSTOP {name}"):
            with _asleep(partial(self.cluster.signal, name)):
                await asyncio.sleep(LONGER_THAN_THE_LEASE)
            await self._recovered()

    async def kafka_is_killed(self) -> None:
        """Kill -9 of the broker, which is started again."""
        await self._kill(self.kafka, "kafka")

    async def kafka_sleeps(self) -> None:
        """SIGSTOP the broker."""
        await self._sleep(self.kafka, "kafka")

    async def postgres_is_killed(self) -> None:
        """Kill -9 of Postgres, which is started again."""
        await self._kill(self.postgres, "postgres")

    async def postgres_sleeps(self) -> None:
        """SIGSTOP Postgres."""
        await self._sleep(self.postgres, "postgres")

    async def saves_fail(self) -> None:
        """Let three of four saves fail: the disk is full, or transactions collide."""
        async with (
            self._noted("failing saves"),
            Database.open(self.postgres.dsn(), application_name="chaos") as database,
        ):
            await database.execute(_FAILING)
            await asyncio.sleep(OUTAGE)
            await database.execute("DROP TRIGGER failing ON stream")

    def all(self) -> list[Callable[[], Awaitable[None]]]:
        """Give every disturbance there is, once."""
        return [
            self.worker_is_killed,
            self.saves_fail,
            self.worker_is_stopped,
            self.kafka_sleeps,
            self.worker_sleeps,
            self.postgres_is_killed,
            self.worker_is_killed,
            self.kafka_is_killed,
            self.postgres_sleeps,
            self.worker_is_stopped,
        ]

    def _worker(self) -> str:
        return f"dispatch-{len(self.done) % self.workers}"

    async def _kill(self, server: Kafka | Postgres, name: str) -> None:
        async with self._noted(f"kill -9 {name}"):
            assert server.child is not None
            server.child.signal(signal.SIGKILL)
            await server.child.wait()
            await server.start()
            await self._recovered()

    async def _sleep(self, server: Kafka | Postgres, name: str) -> None:
        async with self._noted(f"SIGSTOP {name}"):
            assert server.child is not None
            with _asleep(server.child.signal):
                await asyncio.sleep(OUTAGE)
            await self._recovered()

    async def _recovered(self) -> None:
        await self.cluster.ready(60)

    @asynccontextmanager
    async def _noted(self, name: str) -> AsyncIterator[None]:
        began = time.monotonic()
        yield
        self.done.append(Disturbance(name, began, time.monotonic()))


@contextmanager
def _asleep(tell: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Let a process sleep; it is awake again whatever happens: asleep it hears no SIGTERM."""
    tell(signal.SIGSTOP)
    try:
        yield
    finally:
        tell(signal.SIGCONT)
