"""What a component gets from the dispatcher in each mode, and that its signature holds."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import msgspec
import pytest_asyncio
from aiohttp import web

from bus.api.start import starts
from bus.event import Event
from bus.subscription import (
    Signing,
    SigningKey,
    SinkSecrets,
    Subscription,
    new_signing_secret,
    write_keys,
)
from consumers.receive import read
from consumers.sinks.webhook.sign import verifier_of
from tests.house import OIN, House, Sink, events, until


@pytest_asyncio.fixture
async def house(kafka: str, database_url: str, namespace: str) -> AsyncIterator[House]:
    """Give an open house."""
    async with House.open(kafka, database_url, namespace) as opened:
        yield opened


@dataclass
class Component:
    """A component that reads what it gets with some keys; its server gives tokens, too."""

    keys: Sequence[str]
    port: int = 0
    got: list[Event] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    authorizations: set[str | None] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where to deliver."""
        return f"http://127.0.0.1:{self.port}/events?a=b"

    async def take(self, request: web.Request) -> web.Response:
        """Take a delivery: Rejected ends in a 500, which the test would see as one missing."""
        self.authorizations.add(request.headers.get("Authorization"))
        self.types.add(request.content_type)
        headers = [(name.lower().encode(), v.encode()) for name, v in request.headers.items()]
        self.got += read(
            headers,
            await request.read(),
            signers=[verifier_of(key) for key in self.keys],
            now=time.time(),
            uri=self.url,
        )
        return web.Response(status=204)

    async def token(self, _: web.Request) -> web.Response:
        """Give a token."""
        return web.json_response({"access_token": "t0ken", "token_type": "Bearer"})


@asynccontextmanager
async def listening(take: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[int]:
    """Listen at /events on a free port; gives it."""
    app = web.Application()
    app.router.add_post("/events", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@asynccontextmanager
async def served(*keys: str) -> AsyncIterator[Component]:
    """Serve a component on a free port."""
    component = Component(keys)
    app = web.Application()
    app.router.add_post("/events", component.take)
    app.router.add_post("/token", component.token)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    component.port = runner.addresses[0][1]
    try:
        yield component
    finally:
        await runner.cleanup()


async def subscribe(
    house: House,
    component: Component,
    keys: Sequence[SigningKey],
    *,
    mode: str,
    secrets: SinkSecrets | None = None,
) -> None:
    """Subscribe a component whose deliveries these keys sign."""
    wish = {
        "id": str(uuid4()),
        "organisation": OIN,
        "sink": component.url,
        "protocol": "HTTP",
        "delivery": {"mode": mode, "retry": {"schedule": (0.2,)}},
        "signing": Signing.by(keys[0].secret).model_dump(by_alias=True),
    }
    await house.subscriptions.create(
        Subscription.model_validate(wish),
        secret=write_keys(keys),
        credential=None if secrets is None else secrets.to_bytes(),
        start=starts(house.topics, "latest"),
    )


async def test_every_mode_arrives_signed(house: House) -> None:
    """Binary by Ed25519, batch, and structured in a rotation: the component's own key verifies."""
    shared, private = new_signing_secret("v1"), new_signing_secret("v1a")
    public = Signing.by(private).public_key or ""
    rotating = [SigningKey(private), SigningKey(shared, time.time() + 3600)]
    over = [SigningKey(private), SigningKey(shared, time.time() - 1)]
    domain = await house.domain("nl.test", 1)
    async with (
        served(public) as binary,
        served(shared) as batch,
        served(shared) as rotated,
        served(shared) as late,
        house.dispatcher(),
    ):
        await subscribe(house, binary, [SigningKey(private)], mode="binary")
        await subscribe(house, batch, [SigningKey(shared)], mode="batch")
        await subscribe(house, rotated, rotating, mode="structured")
        await subscribe(house, late, over, mode="structured")
        data = {"datacontenttype": "application/json", "data": b'{"a": 1.0}'}
        published = [msgspec.structs.replace(each, **data) for each in events(20)]
        await house.publish(domain, published)
        for component in (binary, batch, rotated):
            await until(lambda component=component: len(component.got) >= 20)
            assert sorted(component.got, key=lambda event: event.id) == published
        assert late.got == []
    assert binary.types == {"application/json"}
    assert batch.types == {"application/cloudevents-batch+json"}
    assert rotated.types == {"application/cloudevents+json"}


async def test_a_token_is_fetched_for_a_component(house: House) -> None:
    """OAuth2 client credentials: every delivery carries the token of the component's own server."""
    secret = new_signing_secret()
    domain = await house.domain("nl.test", 1)
    async with served(secret) as component, house.dispatcher():
        credential = {
            "credentialtype": "CLIENTCREDENTIALS",
            "clientid": "bus",
            "clientsecret": "g3heim",
            "tokenendpoint": component.url.replace("/events?a=b", "/token"),
        }
        secrets = SinkSecrets.model_validate({"credential": credential})
        keys = [SigningKey(secret)]
        await subscribe(house, component, keys, mode="structured", secrets=secrets)
        await house.publish(domain, events(20))
        await until(lambda: len(component.got) >= 20)
    assert component.authorizations == {"Bearer t0ken"}


async def test_batches_hold_many_events_and_one_bad_one_costs_no_other(house: House) -> None:
    """Other keys' events go along, up to `maxbatch`; after a refusal each is sent alone."""
    sizes: list[int] = []
    taken: list[str] = []

    async def take(request: web.Request) -> web.Response:
        batch = json.loads(await request.read())
        sizes.append(len(batch))
        if any(each["id"] == "000007" for each in batch):
            return web.Response(status=422)
        taken.extend(each["id"] for each in batch)
        return web.Response(status=204)

    async with listening(take) as port:
        domain = await house.domain("nl.test", 2)
        sink = Sink()
        sink.port = port
        await house.subscribe(sink, delivery={"mode": "batch", "maxbatch": 10, "concurrency": 1})
        await house.publish(domain, events(200, keys=50))
        async with house.dispatcher():
            await until(lambda: len(taken) >= 199)
    assert sorted(taken) == [f"{each:06}" for each in range(200) if each != 7]
    assert 5 < max(sizes) <= 10
    rows = await house.rows("SELECT event_id FROM dead_letter")
    assert [row["event_id"] for row in rows] == ["000007"]
