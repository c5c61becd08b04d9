"""Components, one per kind of sink, that all answer to the same questions of a test."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, ClassVar
from uuid import UUID

import aiohttp
import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bus.app.roles import run_api
from bus.app.server import listen
from bus.codec import kafka as codec
from bus.event import Event
from bus.log.reader import Reader
from bus.log.record import Partition
from bus.observe import metrics
from bus.store.credentials import Credentials
from consumers.sinks.webhook.aiohttp_sender import AiohttpSender
from consumers.sinks.webhook.wire_sender import WireSender
from tests.contract.api.bus_under_test import settings_for
from tests.house import OIN, House, Sink

REFUSED = "000007"
"""The event that a component which refuses anything refuses."""

NOISE = os.urandom(50_000)


class Receiver:
    """A component with one subscription; `works` is false while it can take nothing."""

    refuses: ClassVar[bool] = True
    """Whether this kind of sink can refuse one event for good."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.works = True
        self.accepted: list[Event] = []
        self.attempts = 0
        self._changed = asyncio.Condition()

    async def open(self, stack: AsyncExitStack, **terms: Any) -> None:  # noqa: ANN401 - terms of a subscription
        """Be there, and subscribe."""
        raise NotImplementedError

    def serving(self) -> Any:  # noqa: ANN401 - an async context manager
        """Have events delivered, or fetch them, for the length of the block."""
        raise NotImplementedError

    async def mend(self) -> None:
        """Take events again."""
        self.works = True

    def refusable(self, event: Event) -> Event:
        """Make of an event one that this component refuses."""
        return event

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on what came holds."""
        async with asyncio.timeout(40), self._changed:
            await self._changed.wait_for(condition)

    async def has(self, number: int) -> None:
        """Wait until so many different events were accepted."""
        await self.until(lambda: len({event.id for event in self.accepted}) >= number)

    async def has_tried(self) -> None:
        """Wait until an attempt has failed."""
        await self.until(lambda: self.attempts > 0)

    async def noted(self, *events: Event) -> None:
        """Keep what was accepted, or that there was an attempt."""
        self.attempts += 1
        self.accepted += events
        async with self._changed:
            self._changed.notify_all()


class Webhook(Receiver):
    """Called by HTTP, through one of the senders."""

    sender: ClassVar[type[AiohttpSender | WireSender]]

    async def open(self, stack: AsyncExitStack, **terms: Any) -> None:  # noqa: ANN401 - as above
        """Listen on loopback."""
        sink = Sink()
        stack.push_async_callback(sink.close)
        await sink.open()
        sink.answer = self._answer
        self._noting = await stack.enter_async_context(asyncio.TaskGroup())
        await self.house.subscribe(sink, **terms)

    def serving(self) -> Any:  # noqa: ANN401 - as above
        """Run a dispatcher."""
        return self.house.dispatcher(sender=self.sender)

    def _answer(self, document: dict[str, Any]) -> int:
        if document["id"] == REFUSED and "refuse" in document:
            return 422
        event = Event(
            id=document["id"],
            source=document["source"],
            type=document["type"],
            attributes={"partitionkey": document["partitionkey"]},
        )
        self._noting.create_task(self.noted(*([event] if self.works else [])))
        return 204 if self.works else 503

    def refusable(self, event: Event) -> Event:
        """Mark it."""
        return msgspec.structs.replace(event, attributes={**event.attributes, "refuse": "yes"})


class Wire(Webhook):
    """By our own sender."""

    sender = WireSender


class Aiohttp(Webhook):
    """By aiohttp's."""

    sender = AiohttpSender


class Inbox(Receiver):
    """Reads its own topic; it can take nothing while the topic is not there."""

    async def open(self, stack: AsyncExitStack, **terms: Any) -> None:  # noqa: ANN401 - as above
        """Make the topic, unless it is to be missing at first."""
        self._topic = f"inbox.{self.house.namespace}"
        self._admin = AIOKafkaAdminClient(bootstrap_servers=self.house.bootstrap)
        await self._admin.start()
        stack.push_async_callback(self._admin.close)
        stack.push_async_callback(self._drop)
        self._reading = await stack.enter_async_context(asyncio.TaskGroup())
        self._tasks: list[asyncio.Task[None]] = []
        stack.callback(lambda: [task.cancel() for task in self._tasks])
        if self.works:
            await self.mend()
        else:
            self._tasks.append(self._reading.create_task(self._watch_attempts()))
        settings = {"topicname": self._topic}
        await self.house.subscribe(None, protocol="KAFKA", protocolsettings=settings, **terms)

    def serving(self) -> Any:  # noqa: ANN401 - as above
        """Run a dispatcher."""
        return self.house.dispatcher()

    async def mend(self) -> None:
        """Make the topic, for records that are not large."""
        limit = {"max.message.bytes": "20000"}
        await self._admin.create_topics([NewTopic(self._topic, 2, 1, topic_configs=limit)])
        self._tasks.append(self._reading.create_task(self._read()))

    def refusable(self, event: Event) -> Event:
        """Make it larger than the topic takes."""
        return msgspec.structs.replace(event, datacontenttype="image/png", data=NOISE)

    async def _read(self) -> None:
        places = {Partition(self._topic, number): 0 for number in range(2)}
        async with Reader(bootstrap=self.house.bootstrap, assignment=places) as reader:
            while True:
                for records in (await reader.read(500, 1.0)).values():
                    events = [codec.decode(record.headers, record.value) for record in records]
                    keys = [str(event.get("partitionkey")).encode() for event in events]
                    assert [record.key for record in records] == keys
                    await self.noted(*events)

    async def _watch_attempts(self) -> None:
        counter = metrics.ATTEMPTS.labels("misconfigured")._value
        before = counter.get()
        while counter.get() == before:  # noqa: ASYNC110 - a metric announces nothing
            await asyncio.sleep(0.02)
        await self.noted()

    async def _drop(self) -> None:
        await self._admin.delete_topics([self._topic])


class Puller(Receiver):
    """Comes to fetch by long polls, and acknowledges what it has kept."""

    refuses = False

    async def open(self, stack: AsyncExitStack, **terms: Any) -> None:  # noqa: ANN401 - as above
        """Run an API to fetch from."""
        url = await stack.enter_async_context(_api(self.house))
        identity: UUID = await self.house.subscribe(None, protocol="PULL", **terms)
        token = await Credentials(self.house._database).issue(OIN, ("subscriber",), label="pull")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        session = aiohttp.ClientSession(headers=headers, raise_for_status=True)
        self._http = await stack.enter_async_context(session)
        self._url = f"{url}/v1/subscriptions/{identity}/events"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Poll."""
        async with asyncio.TaskGroup() as tasks:
            polling = tasks.create_task(self._poll())
            yield
            polling.cancel()

    async def _poll(self) -> None:
        while True:
            query = {"wait": "5", "limit": "20"}
            async with self._http.get(self._url, params=query) as answer:
                page = await answer.json()
            found = [
                Event(
                    id=each["id"],
                    source=each["source"],
                    type=each["type"],
                    attributes={"partitionkey": each["partitionkey"]},
                )
                for each in page["events"]
            ]
            await self.noted(*(found if self.works else []))
            if self.works:
                async with self._http.post(f"{self._url}/_ack", json={"cursor": page["cursor"]}):
                    pass


@asynccontextmanager
async def _api(house: House) -> AsyncIterator[str]:
    stopping = asyncio.Event()
    listening = listen("127.0.0.1", 0)
    settings = settings_for(house.bootstrap, house.url, house.namespace)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_api(settings, stopping, listening))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stopping.set()


KINDS: tuple[type[Receiver], ...] = (Wire, Aiohttp, Inbox, Puller)
