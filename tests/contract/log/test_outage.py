"""Kafka is killed, or hangs, and comes back: everybody goes on by himself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import pytest

from bus.log.errors import LogUnavailable
from bus.log.membership import Membership
from bus.log.reader import Reader
from bus.log.record import Partition
from bus.log.topics import Topics
from bus.log.writer import Writer

Until = Callable[..., Awaitable[None]]


class Broker(Protocol):
    """A broker of the test's own."""

    bootstrap: str

    async def kill(self) -> None:
        """Kill -9."""

    async def start(self) -> None:
        """Start it again."""

    def hang(self) -> None:
        """Let it answer nothing, with its connections open."""

    def go_on(self) -> None:
        """Let it answer again."""


class Worker:
    """A listener that counts what it holds."""

    def __init__(self) -> None:
        self.held: set[Partition] = set()

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Begin."""
        self.held |= partitions

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """End."""
        self.held -= partitions


class Traffic:
    """Appends numbers of one key as fast as they are stored, and reads them."""

    def __init__(self, writer: Writer, reader: Reader, topic: str) -> None:
        self._writer = writer
        self._reader = reader
        self._topic = topic
        self.stored: list[int] = []
        self.failed: list[int] = []
        self.read: list[int] = []

    async def write(self) -> None:
        """Append, one after the other; a number that failed is not tried again."""
        number = 0
        while True:
            number += 1
            try:
                await self._writer.append(self._topic, b"k", [], b"%d" % number)
                self.stored.append(number)
            except LogUnavailable:
                self.failed.append(number)
            await asyncio.sleep(0.01)

    async def follow(self) -> None:
        """Read."""
        while True:
            for records in (await self._reader.read(100, 0.5)).values():
                self.read.extend(int(record.value or b"") for record in records)


@pytest.mark.parametrize("how", ["hanging", "killed"])
async def test_an_outage(broker: Broker, namespace: str, until: Until, how: str) -> None:
    """
    Appends fail within the bound and succeed again; no stored record is missed or out of order.

    Whoever holds partitions is told after a session that they may be another's, while Kafka is
    still away, and is given them again when it is back.
    """
    at = broker.bootstrap
    worker = Worker()
    causes: list[str] = []
    every = {Partition(namespace, number) for number in range(2)}
    async with (
        Topics(bootstrap=at) as topics,
        Writer(bootstrap=at, timeout=1.5, on_recreate=causes.append) as writer,
        Reader(bootstrap=at, assignment=dict.fromkeys(every, 0)) as reader,
    ):
        await topics.create(namespace, 2, 14)
        traffic = Traffic(writer, reader, namespace)
        tasks = [asyncio.ensure_future(each) for each in (traffic.write(), traffic.follow())]
        async with Membership(bootstrap=at, group=namespace, listener=worker, topics=[namespace]):
            await until(lambda: worker.held == every and len(traffic.read) > 20)
            if how == "killed":
                await broker.kill()
            else:
                broker.hang()
            await until(lambda: bool(traffic.failed), within=5)
            await until(lambda: causes == ["Timeout"], within=5)  # it flushes nothing
            await until(lambda: not worker.held, within=12)
            before = len(traffic.stored)
            if how == "killed":
                await broker.start()
            else:
                broker.go_on()
            await until(lambda: worker.held == every, within=30)
            await until(lambda: len(traffic.stored) > before + 20, within=30)
        tasks[0].cancel()
        await until(lambda: set(traffic.stored) <= set(traffic.read), within=20)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert traffic.read == sorted(set(traffic.read)), "out of order, or read twice"
