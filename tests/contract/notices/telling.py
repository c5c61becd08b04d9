"""A bus that has something to tell: its chores in this process, and what stands in the log."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from pydantic import SecretStr

from bus.app.chores import Chores, chores_of
from bus.app.domains import own_domain
from bus.catalogue import notices
from bus.catalogue.notices import Notice
from bus.codec import kafka
from bus.event import Event
from bus.log.reader import Reader
from bus.log.record import Partition
from bus.log.topics import Topics
from bus.settings import Settings
from bus.store import notices as store
from bus.store.database import Database
from bus.store.directory import Directory
from bus.store.secrets import Sealer
from bus.store.subscriptions import Subscriptions

OIN = "00000001823288444000"
OTHER = "00000003123456780000"
URL = "https://bus.example.nl"
DEADLINE = 30.0
"""Seconds; reached only when something is broken."""


@dataclass(frozen=True)
class Telling:
    """A migrated database and a real Kafka, with as many dispatchers' chores as a test wants."""

    settings: Settings
    database: Database
    topics: Topics

    @property
    def subscriptions(self) -> Subscriptions:
        """The store of that name."""
        return Subscriptions(self.database, Sealer(bytes(32)))

    @asynccontextmanager
    async def chores(self, **settings: object) -> AsyncIterator[None]:
        """Do the chores for as long as the block lasts; then stop as planned."""
        stopping = asyncio.Event()
        changed = self.settings.model_copy(update=settings)
        url = changed.database_url
        assert url is not None
        async with (
            Database.open(url.get_secret_value(), application_name="bus dispatch") as database,
            Directory.open(database) as directory,
            asyncio.TaskGroup() as tasks,
        ):
            opened = partial(chores_of, changed, database, directory, URL)
            tasks.create_task(Chores(database, opened).run(stopping))
            try:
                yield
            finally:
                stopping.set()

    async def tell(self, *told: Notice) -> None:
        """Write notices, as whoever has something to tell does."""
        async with self.database.transaction() as transaction:
            await store.write(transaction, *told)

    async def waiting(self) -> int:
        """Count the notices that wait."""
        row = await self.database.fetch_one("SELECT count(*) AS number FROM notice")
        assert row is not None
        return int(row["number"])

    async def logged(self, count: int) -> list[tuple[str, Event]]:
        """Give key and event of all in the log of the own domain, once there are so many."""
        domain = own_domain(self.settings.namespace, OIN)
        at = [Partition(domain.topic, number) for number in range(domain.partitions)]
        found: list[tuple[str, Event]] = []
        async with asyncio.timeout(DEADLINE):
            while not await self.topics.partitions([domain.topic]):  # noqa: ASYNC110 - in Kafka
                await asyncio.sleep(0.05)
            async with Reader(
                bootstrap=self.settings.kafka_bootstrap or "", assignment=dict.fromkeys(at, 0)
            ) as reader:
                while len(found) < max(count, sum((await self.topics.end_offsets(at)).values())):
                    for records in (await reader.read(1_000, 0.5)).values():
                        found += [
                            ((each.key or b"").decode(), kafka.decode(each.headers, each.value))
                            for each in records
                        ]
        return found


@asynccontextmanager
async def telling(*, url: str, bootstrap: str, namespace: str) -> AsyncIterator[Telling]:
    """Give a bus that nobody has made a domain in."""
    settings = Settings(
        kafka_bootstrap=bootstrap,
        database_url=SecretStr(url),
        namespace=namespace,
        organisation=OIN,
    )
    async with (
        Database.open(url, application_name="tests") as database,
        Topics(bootstrap=bootstrap) as topics,
    ):
        bus = Telling(settings, database, topics)
        yield bus
        await topics.delete([own_domain(namespace, OIN).topic])


def notice(subscription: UUID, number: int = 0) -> Notice:
    """Give the notice of the nth change of a subscription."""
    return notices.changed(notices.CHANGED, subscription, OIN, number)


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(DEADLINE):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in Postgres or Kafka
            await asyncio.sleep(0.02)
