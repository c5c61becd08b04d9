"""A dispatcher in this process, on real Kafka and Postgres, with sinks on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self
from uuid import UUID, uuid4

from aiohttp import web

from bus.api.start import starts
from bus.catalogue import Access, Domain, key_of
from bus.catalogue.inbox import Inboxes
from bus.codec import kafka as codec
from bus.embedded.datadir import free_port
from bus.event import Event
from bus.log.membership import Membership
from bus.log.reader import Reader
from bus.log.topics import Topics
from bus.log.writer import Writer
from bus.store.commands import Commands
from bus.store.database import Database
from bus.store.dead_letters import DeadLetters
from bus.store.directory import Directory
from bus.store.domains import Domains
from bus.store.organisations import Organisations
from bus.store.renewals import Renewals
from bus.store.secrets import Sealer
from bus.store.streams import Streams
from bus.store.subscriptions import Subscriptions
from bus.subscription import Subscription, new_signing_secret
from consumers.dispatch.letters import WebhookLetters
from consumers.dispatch.topic_letters import EveryLetter, TopicLetters
from consumers.dispatch.worker import Rooms, Worker
from consumers.sinks.kafka.topic_sender import TopicSender
from consumers.sinks.route import Route
from consumers.sinks.webhook.aiohttp_sender import AiohttpSender
from consumers.sinks.webhook.client import Client
from consumers.sinks.webhook.credentials import Credentials
from consumers.sinks.webhook.guard import Guard
from consumers.sinks.webhook.token_endpoint import TokenEndpoint
from consumers.sinks.webhook.token_sender import TokenSender
from consumers.sinks.webhook.wire_sender import WireSender

OIN = "00000001823288444000"
INBOXES = Inboxes("inbox.", "gemeentebus")
GUARD = {"allow_http": True, "allow_cidrs": ("127.0.0.0/8",)}

Answer = Callable[[dict[str, Any]], int | float]
"""Gives the status to answer an event with, or (a float) the seconds to wait before a 204."""


class Sink:
    """A component: remembers each delivery in the order of arrival, and answers as it is told."""

    def __init__(self) -> None:
        self.port = free_port()
        self.answer: Answer = lambda _: 204
        self.bodies: list[str] = []
        self.ids: list[str] = []
        self.keys: list[str] = []
        self.accepted: list[str] = []
        self.replayed = 0
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where to deliver."""
        return f"http://127.0.0.1:{self.port}/events"

    async def open(self) -> None:
        """Listen; until then connections are refused."""
        app = web.Application()
        app.router.add_post("/events", self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def close(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def until(self, condition: Callable[[Self], bool], within: float = 30.0) -> None:
        """Wait until a condition on this sink holds."""
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(lambda: condition(self))

    async def _receive(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.text())
        event = json.loads(self.bodies[-1])
        self.ids.append(event["id"])
        self.keys.append(event.get("partitionkey", ""))
        self.replayed += request.headers.get("Gemeentebus-Replay") == "true"
        verdict = self.answer(event)
        if isinstance(verdict, float):
            await asyncio.sleep(verdict)
            verdict = 204
        if verdict < 300:
            self.accepted.append(event["id"])
        async with self._changed:
            self._changed.notify_all()
        return web.Response(status=verdict)


@asynccontextmanager
async def sinks(number: int) -> AsyncIterator[list[Sink]]:
    """Open some components on free ports of loopback."""
    async with AsyncExitStack() as stack:
        opened = [Sink() for _ in range(number)]
        for sink in opened:
            stack.push_async_callback(sink.close)
            await sink.open()
        yield opened


class House:
    """The log, the store and any number of dispatchers."""

    def __init__(
        self, bootstrap: str, database: Database, namespace: str, log: Writer, topics: Topics
    ) -> None:
        self.bootstrap = bootstrap
        self.url = ""
        self.namespace = namespace
        self.topics = topics
        self._database = database
        self._log = log
        self._sealer = Sealer(b"k" * 32)
        self.organisations = Organisations(database)
        self.subscriptions = Subscriptions(database, self._sealer)
        self.streams = Streams(database, self._sealer)
        self.commands = Commands(database)
        self.dead_letters = DeadLetters(database, self._sealer)
        self.domains: list[Domain] = []
        self.directory: Directory | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, bootstrap: str, database_url: str, namespace: str) -> AsyncIterator[Self]:
        """Open the house, with one organisation that owns every source."""
        async with (
            Database.open(database_url, application_name="test") as database,
            Writer(bootstrap=bootstrap) as log,
            Topics(bootstrap=bootstrap) as topics,
        ):
            house = cls(bootstrap, database, namespace, log, topics)
            house.url = database_url
            await house.organisations.ensure_organisation(OIN, "Gemeente")
            await house.organisations.add_source("", OIN)
            try:
                yield house
            finally:
                await topics.delete([each.topic for each in house.domains])

    async def domain(self, name: str, partitions: int = 2) -> Domain:
        """Make a domain with its topic and streams."""
        made = Domain(
            name=name, topic=f"{self.namespace}.{name}", organisation=OIN, partitions=partitions
        )
        await Domains(self._database).create(
            made, lambda: self.topics.create(made.topic, partitions, 14)
        )
        self.domains.append(made)
        return made

    async def subscribe(self, sink: Sink | None, **terms: Any) -> UUID:  # noqa: ANN401 - fields of Subscription
        """Create a subscription that starts at the end of the log; HTTP where it has a sink."""
        identity = uuid4()
        subscription = Subscription.model_validate(
            {
                "id": str(identity),
                "organisation": OIN,
                **({"sink": sink.url, "protocol": "HTTP"} if sink else {}),
                "delivery": {"retry": {"schedule": (0.2, 0.5)}},
                **terms,
            }
        )
        secret = new_signing_secret().encode()
        start = starts(self.topics, "latest")
        await self.subscriptions.create(subscription, secret=secret, start=start)
        return identity

    async def publish(self, domain: Domain, events: Sequence[Event]) -> None:
        """Append events and wait until the log has them."""
        waiting = []
        for event in events:
            headers, value = codec.encode(event)
            key, _ = key_of(event, domain)
            waiting.append(self._log.append(domain.topic, key, headers, value))
        await asyncio.gather(*waiting)

    @asynccontextmanager
    async def dispatcher(
        self, owner: str = "one", sender: type[AiohttpSender | WireSender] = AiohttpSender
    ) -> AsyncIterator[Worker]:
        """Run a dispatcher for the length of the block, and stop it as planned."""
        stopping, guard = asyncio.Event(), Guard(**GUARD)
        renewals = Renewals(self._database, self._sealer)
        credentials = Credentials(TokenEndpoint(Client(guard=guard)), renewals)
        async with (
            Directory.open(self._database) as directory,
            TokenSender(sender(guard=guard)) as webhooks,
            TopicSender(self._inbox_writer, INBOXES) as topics,
            asyncio.TaskGroup() as tasks,
        ):
            self.directory = directory
            worker = Worker(
                Rooms(
                    owner=owner,
                    streams=self.streams,
                    directory=directory,
                    sender=Route(webhooks=webhooks, topics=topics),
                    letters=EveryLetter(
                        webhooks=WebhookLetters(
                            directory, origin="bus.test", credentials=credentials
                        ),
                        topics=TopicLetters(directory),
                    ),
                    reader=lambda: Reader(bootstrap=self.bootstrap),
                    membership=self._membership,
                    topic_ids=self.topics.identities,
                    drain=5.0,
                )
            )
            tasks.create_task(worker.run(stopping))
            try:
                yield worker
            finally:
                stopping.set()

    async def rows(self, query: str, *args: object) -> list[dict[str, Any]]:
        """Look into Postgres."""
        return [dict(row) for row in await self._database.fetch(query, *args)]

    def access(self) -> Access:
        """Give the access that the dispatcher goes by now."""
        assert self.directory is not None
        return self.directory.now.access

    def _inbox_writer(self) -> Writer:
        return Writer(bootstrap=self.bootstrap)

    def _membership(self, worker: Worker) -> Membership:
        return Membership(
            bootstrap=self.bootstrap, group=f"{self.namespace}.dispatch", listener=worker
        )


SOURCE = f"urn:nld:oin:{OIN}:systeem:test"


def events(
    number: int,
    *,
    keys: int = 10,
    type_: str = "nl.test.gewijzigd",
    first: int = 0,
    source: str = SOURCE,
) -> list[Event]:
    """Make numbered events, dealt out over some keys."""
    return [
        Event(
            id=f"{each:06}",
            source=source,
            type=type_,
            attributes={
                "partitionkey": f"k{each % keys}",
                "dataref": f"https://test.example/{each}",
            },
        )
        for each in range(first, first + number)
    ]


async def until(condition: Callable[[], bool | Awaitable[bool]], within: float = 20.0) -> None:
    """Wait until a condition holds that nobody announces."""
    async with asyncio.timeout(within):
        while True:
            verdict = condition()
            if verdict if isinstance(verdict, bool) else await verdict:
                return
            await asyncio.sleep(0.02)


def in_order(sink: Sink) -> bool:
    """Whether the first arrivals of each key came in the order of their ids."""
    seen: set[str] = set()
    last: dict[str, str] = {}
    for identity, key in zip(sink.ids, sink.keys, strict=True):
        if identity in seen:
            continue
        seen.add(identity)
        if last.get(key, "") > identity:
            return False
        last[key] = identity
    return True
