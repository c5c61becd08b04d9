"""The bus that a relay publishes to: its catalogue, its log, and relays that can be stopped."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bus.catalogue import Domain
from bus.codec import kafka
from bus.event import Event
from bus.log.reader import Reader
from bus.log.record import MAX_RECORD_BYTES, Partition
from bus.log.topics import Topics
from bus.log.writer import Writer
from bus.store.database import Database
from bus.store.directory import Directory
from bus.store.domains import Domains
from bus.store.organisations import Organisations
from producers.outbox.role import run_relays

OIN = "00000001234567890000"
PARTITIONS = 4
DEADLINE = 30.0
"""Seconds; reached only when something is broken."""


@dataclass(frozen=True)
class Logged:
    """One event in the log and where it stands."""

    at: Partition
    offset: int
    key: str
    event: Event


@dataclass(frozen=True)
class Bus:
    """A migrated database with one organisation and the domain nl.zaken, and a real Kafka."""

    url: str
    database: Database
    kafka: str
    topics: Topics
    namespace: str

    def topic(self, domain: str = "nl.zaken") -> str:
        """Name the topic of a domain."""
        return f"{self.namespace}.{domain}"

    async def add_domain(self, name: str, *, max_record_bytes: int = MAX_RECORD_BYTES) -> None:
        """Make a domain and its topic, which takes records up to that size."""
        topic = self.topic(name)

        async def make() -> None:
            async with Topics(bootstrap=self.kafka, max_record_bytes=max_record_bytes) as topics:
                await topics.create(topic, PARTITIONS, 14)

        domain = Domain(name, topic, OIN, None, 14, PARTITIONS, "")
        await Domains(self.database).create(domain, make)

    @asynccontextmanager
    async def relaying(self, *urls: str, kafka: str | None = None) -> AsyncIterator[None]:
        """Relay these outboxes for as long as the block lasts; then stop as planned."""
        async with (
            Directory.open(self.database) as directory,
            Writer(bootstrap=kafka or self.kafka) as writer,
            asyncio.TaskGroup() as tasks,
        ):
            stopping = asyncio.Event()
            tasks.create_task(
                run_relays(
                    urls,
                    writer=writer,
                    directory=directory,
                    organisation=OIN,
                    public_url="http://bus.example",
                    stopping=stopping,
                )
            )
            try:
                yield
            finally:
                stopping.set()

    async def logged(self, count: int, domain: str = "nl.zaken") -> list[Logged]:
        """Give all that is in the log of a domain once it has at least so many events."""
        found: list[Logged] = []
        partitions = [Partition(self.topic(domain), number) for number in range(PARTITIONS)]
        async with (
            asyncio.timeout(DEADLINE),
            Reader(bootstrap=self.kafka, assignment=dict.fromkeys(partitions, 0)) as reader,
        ):
            while len(found) < count or len(found) < await self._size(partitions):
                for at, records in (await reader.read(5_000, 0.5)).items():
                    found.extend(
                        Logged(
                            at,
                            record.offset,
                            (record.key or b"").decode(),
                            kafka.decode(record.headers, record.value),
                        )
                        for record in records
                    )
        return found

    async def _size(self, partitions: Sequence[Partition]) -> int:
        return sum((await self.topics.end_offsets(partitions)).values())


@asynccontextmanager
async def open_bus(*, url: str, kafka: str, namespace: str) -> AsyncIterator[Bus]:
    """Give the bus; its topics are deleted afterwards."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            Database.open(url, application_name="tests", max_size=10)
        )
        topics = await stack.enter_async_context(Topics(bootstrap=kafka))
        organisations = Organisations(database)
        await organisations.ensure_organisation(OIN, "Gemeente Voorbeeld")
        await organisations.add_source(f"urn:nld:oin:{OIN}", OIN)
        bus = Bus(url, database, kafka, topics, namespace)
        await bus.add_domain("nl.zaken")
        yield bus
        await topics.delete([domain.topic for domain in await Domains(database).all()])


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(DEADLINE):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.02)
