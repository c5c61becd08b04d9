"""Topics of a test's own, a broker to be killed, and waiting for a condition."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio

from bus.embedded import startup_cache
from bus.embedded.datadir import free_port
from bus.embedded.kafka import Kafka
from bus.log.record import Partition
from bus.log.topics import Topics


class Until(Protocol):
    """Waits for a condition."""

    async def __call__(self, condition: Callable[[], bool], within: float = 10.0) -> None:
        """Return when it holds; fail when it does not in time."""


@pytest.fixture
def until() -> Until:
    """Give a wait with a deadline, looking 50 times a second."""

    async def wait(condition: Callable[[], bool], within: float = 10.0) -> None:
        end = time.monotonic() + within
        while not condition():
            assert time.monotonic() < end, "it did not come true in time"
            await asyncio.sleep(0.02)

    return wait


@pytest_asyncio.fixture
async def topics(kafka: str) -> AsyncIterator[Topics]:
    """Give the administration of the shared broker."""
    async with Topics(bootstrap=kafka) as opened:
        yield opened


@pytest_asyncio.fixture
async def topic(topics: Topics, namespace: str) -> AsyncIterator[str]:
    """Give a topic of four partitions."""
    await topics.create(namespace, 4, 14)
    yield namespace
    await topics.delete([namespace])


@pytest.fixture
def partition(topic: str) -> Partition:
    """Give one partition of the topic."""
    return Partition(topic, 2)


class Broker:
    """A private broker that can be killed and started again with what it had on disk."""

    def __init__(self, server: Kafka) -> None:
        self._server = server
        self.bootstrap = server.bootstrap

    async def kill(self) -> None:
        """Kill -9."""
        self._signal(signal.SIGKILL)
        assert self._server.child is not None
        await self._server.child.wait()

    async def start(self) -> None:
        """Start it again."""
        await self._server.start()

    def hang(self) -> None:
        """Let it answer nothing, with its connections open."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        child = self._server.child
        assert child is not None
        os.killpg(child.pid, number)


@pytest.fixture(scope="module")
def broker(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, classpath: tuple[Path, ...]
) -> Iterator[Broker]:
    """Give a started broker that only this module's tests use."""
    server = Kafka(
        folder=tmp_path_factory.mktemp("broker"),
        port=free_port(),
        controller_port=free_port(),
        classpath=classpath,
        startup_cache=startup_cache.location(cache, classpath),
    )
    try:
        asyncio.run(server.start())
        yield Broker(server)
    finally:
        asyncio.run(server.stop(0))
