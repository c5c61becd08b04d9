"""A real API with real Kafka and Postgres behind it, and what a test asks of them."""

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg
from pydantic import SecretStr

from bus.app.parts import topics_of
from bus.app.roles import run_api
from bus.app.server import listen
from bus.log.reader import Reader
from bus.log.record import Partition, Record
from bus.log.topics import Topics
from bus.settings import Settings
from bus.store.credentials import Credentials
from bus.store.database import Database
from bus.store.organisations import Organisations

OIN = "00000001823288444000"
OTHER = "00000003123456780000"
SOURCE = f"urn:nld:oin:{OIN}:zaken"
FOREIGN = f"urn:nld:oin:{OTHER}:zaken"
TYPE = "nl.vng.zaken.zaak-gemaakt"
DOMAIN = "nl.vng.zaken"
PERSONAL = "999990342"
"""Stands for what may never come back in an error: the number of a person."""

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
PROBLEM = "application/problem+json"
PARTITIONS = 2


def event(**changes: object) -> dict[str, Any]:
    """Give a valid event as JSON; None leaves an attribute out."""
    valid = {
        "specversion": "1.0",
        "id": "1",
        "source": SOURCE,
        "type": TYPE,
        "partitionkey": "zaak-1",
        "dataref": "https://zaken.example.nl/zaken/1",
    }
    return {name: value for name, value in {**valid, **changes}.items() if value is not None}


def subscription(**changes: object) -> dict[str, Any]:
    """Give a valid wish for a subscription; None leaves a field out."""
    valid = {"sink": "http://127.0.0.1:9/events", "protocol": "HTTP", "types": [TYPE]}
    return {name: value for name, value in {**valid, **changes}.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str
    json: Any

    def faults(self) -> list[tuple[str, str]]:
        """Give place and code of every fault that the problem document names."""
        return [
            (error["location"].get("pointer", error["location"].get("name")), error["code"])
            for error in self.json["errors"]
        ]


class Bus:
    """The API and what stands behind it."""

    def __init__(
        self, settings: Settings, port: int, http: aiohttp.ClientSession, topics: Topics
    ) -> None:
        self.settings = settings
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.topics = topics
        self.topic = f"{settings.namespace}.{DOMAIN}"
        self.tokens: dict[str, str] = {}
        self._http = http

    async def call(
        self,
        method: str,
        path: str,
        *,
        who: str | None = "all",
        json: object = None,
        body: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Make one request with the token of this name (or this text); None sends none."""
        sent = dict(headers or {})
        if who is not None:
            sent.setdefault("Authorization", f"Bearer {self.tokens.get(who, who)}")
        async with self._http.request(
            method,
            self.url + path,
            json=json,
            data=body,
            headers=sent,
            allow_redirects=False,
            skip_auto_headers=() if json is not None else ("Content-Type",),
        ) as answer:
            text = await answer.text()
            read = bool(text) and "json" in answer.headers.get("Content-Type", "")
            document = await answer.json(content_type=None) if read else None
            return Reply(answer.status, answer.headers, text, document)

    async def publish(self, *events: Mapping[str, Any], who: str = "all") -> Reply:
        """Publish one event structured, or more as a batch."""
        headers = {"Content-Type": STRUCTURED if len(events) == 1 else BATCH}
        document: object = events[0] if len(events) == 1 else list(events)
        return await self.call("POST", "/v1/events", who=who, json=document, headers=headers)

    async def end_offsets(self) -> dict[Partition, int]:
        """Give where the log of the domain ends."""
        partitions = [Partition(self.topic, number) for number in range(PARTITIONS)]
        return dict(await self.topics.end_offsets(partitions))

    async def records(self, *places: Mapping[str, Any]) -> list[Record]:
        """Read the records that stand at the places of 202 answers, in their order."""
        wanted = [
            (Partition(place["topic"], place["partition"]), place["offset"]) for place in places
        ]
        start: dict[Partition, int] = {}
        for partition, offset in wanted:
            start[partition] = min(offset, start.get(partition, offset))
        found: dict[tuple[Partition, int], Record] = {}
        assert self.settings.kafka_bootstrap is not None
        async with (
            asyncio.timeout(20),
            Reader(bootstrap=self.settings.kafka_bootstrap, assignment=start) as reader,
        ):
            while not found.keys() >= set(wanted):
                for partition, records in (await reader.read(1_000, 5.0)).items():
                    found |= {(partition, record.offset): record for record in records}
        return [found[each] for each in wanted]

    async def ready(self) -> None:
        """Wait until /readyz says so."""
        async with asyncio.timeout(30):
            while (await self.try_ready()) != 200:  # noqa: ASYNC110 - another process would be asked
                await asyncio.sleep(0.02)

    async def try_ready(self) -> int:
        """Give the status of /readyz, 0 while nobody listens."""
        try:
            return (await self.call("GET", "/readyz", who=None)).status
        except aiohttp.ClientConnectionError:
            return 0


def settings_for(kafka: str, database_url: str, namespace: str) -> Settings:
    """Give the settings of an API that lets sinks be on loopback."""
    return Settings(
        kafka_bootstrap=kafka,
        database_url=SecretStr(database_url),
        namespace=namespace,
        secret_key=SecretStr(base64.b64encode(bytes(range(32))).decode()),
        max_event_bytes=65_536,
        max_batch_bytes=131_072,
        max_batch_events=20,
        inbox_prefix="inbox.{oin}.",
        sink_allow_http=True,
        sink_allow_cidrs=("127.0.0.0/8",),
        drain_seconds=1,
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Bus]:
    """Run the API, seeded with two organisations, tokens and one domain."""
    stopping = asyncio.Event()
    async with (
        aiohttp.ClientSession() as http,
        topics_of(settings) as topics,
        asyncio.TaskGroup() as tasks,
    ):
        listening = listen("127.0.0.1", 0)
        bus = Bus(settings, listening.getsockname()[1], http, topics)
        tasks.create_task(run_api(settings, stopping, listening))
        try:
            await _seed(bus)
            await bus.ready()
            domain = {"name": DOMAIN, "partitions": PARTITIONS}
            made = await bus.call("POST", "/v1/domains", json=domain)
            assert made.status == 201, made.text
            yield bus
        finally:
            stopping.set()


@asynccontextmanager
async def on_a_database_of_its_own(
    kafka: str, postgres: str, template: str, **changes: object
) -> AsyncIterator[Bus]:
    """Run the API, some of its settings changed, on a database that lives longer than a test's."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    admin = await asyncpg.connect(postgres)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        url = urlsplit(postgres)._replace(path=f"/{name}").geturl()
        settings = settings_for(kafka, url, name.replace("_", ""))
        async with running(settings.model_copy(update=changes)) as bus:
            yield bus
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


async def _seed(bus: Bus) -> None:
    assert bus.settings.database_url is not None
    url = bus.settings.database_url.get_secret_value()
    async with Database.open(url, application_name="tests") as database:
        organisations, credentials = Organisations(database), Credentials(database)
        for oin in (OIN, OTHER):
            await organisations.ensure_organisation(oin, f"Gemeente {oin[7]}")
            await organisations.add_source(f"urn:nld:oin:{oin}", oin)
        tokens = {
            "all": (OIN, ("publisher", "subscriber", "operator")),
            "publisher": (OIN, ("publisher",)),
            "subscriber": (OIN, ("subscriber",)),
            "operator": (OIN, ("operator",)),
            "other": (OTHER, ("publisher", "subscriber")),
            "foreign": (OTHER, ("operator",)),
        }
        for name, (oin, roles) in tokens.items():
            bus.tokens[name] = await credentials.issue(oin, roles, label=name)
        yesterday = datetime.now(UTC) - timedelta(days=1)
        bus.tokens["expired"] = await credentials.issue(
            OIN, ("publisher",), label="expired", expires=yesterday
        )
