"""A component served by uvicorn: what the bus and others get for an answer."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import uvicorn
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.routing import Mount

from bus.codec import json
from bus.event import Event
from bus.subscription import new_signing_secret
from consumers.receive import component
from consumers.sinks.outcome import Delivered, Misconfigured, Outcome, Refused, Temporary
from consumers.sinks.webhook.aiohttp_sender import AiohttpSender
from consumers.sinks.webhook.guard import Guard
from consumers.sinks.webhook.request import Content, RequestBuilder
from consumers.sinks.webhook.sign import Signer

SECRET = new_signing_secret()
EVENT = Event(
    id="1",
    source="urn:nld:oin:00000001823288444000:zaken",
    type="nl.zaken.zaak-geopend",
    attributes={"time": "2026-11-23T10:00:00.123456789Z"},
    datacontenttype="application/json",
    data=b'{"bedrag": 12345678901234567890123}',
)


class Taken:
    """A handler that keeps events, and fails while told to."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.failing = False

    async def __call__(self, event: Event) -> None:
        """Handle one event."""
        if self.failing:
            raise RuntimeError
        self.events.append(event)


@asynccontextmanager
async def serve(app: Callable[..., Awaitable[None]]) -> AsyncIterator[str]:
    """Serve an application with uvicorn, as `uvicorn module:app` does; gives its address."""
    config = uvicorn.Config(app, log_level="critical", lifespan="on", ws="none")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listener]))
            async with asyncio.timeout(10):
                while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
                    await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True


@pytest.fixture
async def sender() -> AsyncIterator[AiohttpSender]:
    """Give the bus's sender, allowed on loopback."""
    guard = Guard(allow_http=True, allow_cidrs=["127.0.0.0/8"])
    async with AiohttpSender(guard=guard) as sender:
        yield sender
    guard.close()


async def deliver(
    sender: AiohttpSender, sink: str, *, body: bytes | None = None, secret: str = SECRET
) -> Outcome:
    """Deliver the event as the engine does."""
    builder = RequestBuilder(
        subscription_id="sub",
        organisation="org",
        sink=sink,
        timeout=5,
        origin="bus.example",
        signers=[Signer(secret)],
    )
    outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    body = json.encode(EVENT) if body is None else body
    sender.send(builder.build(Content(EVENT, body), now=time.time()), outcome.set_result)
    return await outcome


async def test_delivery(sender: AiohttpSender) -> None:
    """The event arrives whole from the bus's own sender, and its repeat is taken in silence."""
    taken = Taken()
    async with serve(component(taken, secret=SECRET)) as url:
        for _ in range(2):
            assert await deliver(sender, f"{url}/events") == Delivered(204)
    assert taken.events == [EVENT]


async def test_failure_is_tried_again(sender: AiohttpSender) -> None:
    """A handler that fails makes the bus try again, and the event is handled when it does."""
    taken = Taken()
    taken.failing = True
    async with serve(component(taken, secret=SECRET)) as url:
        assert await deliver(sender, f"{url}/events") == Temporary("answer", 500)
        taken.failing = False
        assert await deliver(sender, f"{url}/events") == Delivered(204)
    assert taken.events == [EVENT]


async def test_what_the_bus_makes_of_rejections(sender: AiohttpSender) -> None:
    """Each rejection leads the bus to the right conclusion: wrong set-up, or a bad event."""
    taken = Taken()
    async with serve(component(taken, secret=SECRET, max_body=65_536)) as url:
        sink = f"{url}/events"
        assert await deliver(sender, f"{url}/other") == Misconfigured("answer", 404)
        wrong = await deliver(sender, sink, secret=new_signing_secret())
        assert wrong == Misconfigured("answer", 401)
        assert await deliver(sender, sink, body=b"{}") == Refused(400)
        assert await deliver(sender, sink, body=b" " * 65_537) == Refused(413)
        assert await deliver(sender, sink, body=b" " * 3_000_000) == Refused(413)
        assert await deliver(sender, sink) == Delivered(204)
    assert taken.events == [EVENT]


async def test_too_large_ends_the_connection() -> None:
    """A refused body may not be read to its end, so the connection is not kept."""
    async with (
        serve(component(Taken(), secret=SECRET, max_body=65_536)) as url,
        aiohttp.ClientSession(url) as client,
        client.post("/events", data=b" " * 65_537) as answer,
    ):
        assert (answer.status, answer.headers["Connection"]) == (413, "close")


async def test_large_events_where_they_are_allowed(sender: AiohttpSender) -> None:
    """A component that takes large events gets them whole."""
    taken = Taken()
    body = json.encode(EVENT).removesuffix(b"}") + b" " * 20_000_000 + b"}"
    async with serve(component(taken, secret=SECRET, max_body=30_000_000)) as url:
        assert await deliver(sender, f"{url}/events", body=body) == Delivered(204)
    assert taken.events == [EVENT]


def signed(body: bytes) -> dict[str, str]:
    """Sign as another sender does that knows the public library."""
    now = datetime.now(UTC)
    return {
        "Content-Type": "Application/CloudEvents+JSON",
        "Webhook-Id": "msg_other",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Webhook(SECRET).sign("msg_other", now, body.decode()),
    }


async def test_other_senders() -> None:
    """Any sender of signed CloudEvents is welcome, also one that sends in pieces."""
    taken = Taken()
    body = json.encode(EVENT)

    async def pieces() -> AsyncIterator[bytes]:
        for begin in range(0, len(body), 50):
            yield body[begin : begin + 50]

    async with serve(component(taken, secret=SECRET)) as url, aiohttp.ClientSession(url) as client:
        for data in body, pieces():
            async with client.post("/events", data=data, headers=signed(body)) as answer:
                assert (answer.status, await answer.read()) == (204, b"")
    assert taken.events == [EVENT]


async def test_problem_documents() -> None:
    """A rejection says what is wrong, as a problem document."""
    async with (
        serve(component(Taken(), secret=SECRET)) as url,
        aiohttp.ClientSession(url) as client,
        client.post("/events", data=b"{}") as answer,
    ):
        assert answer.status == 401
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = await answer.json(content_type=None)
        assert problem == {"title": "The request is not signed.", "status": 401}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_other_methods(method: str) -> None:
    """Events come by POST; the answer to anything else says so."""
    async with (
        serve(component(Taken(), secret=SECRET)) as url,
        aiohttp.ClientSession(url) as client,
        client.request(method, "/events") as answer,
    ):
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize(
    ("origins", "origin", "consent"),
    [
        (None, "bus.example", True),
        (["bus.example"], "bus.example", True),
        (["bus.example"], "other.example", False),
        ([], "bus.example", False),
        (None, None, False),
    ],
)
async def test_handshake(origins: list[str] | None, origin: str | None, *, consent: bool) -> None:
    """The CloudEvents handshake is answered with consent for the buses that may deliver."""
    said = {} if origin is None else {"WebHook-Request-Origin": origin}
    async with (
        serve(component(Taken(), secret=SECRET, allowed_origins=origins)) as url,
        aiohttp.ClientSession(url) as client,
        client.options("/events", headers=said) as answer,
    ):
        assert answer.status == 204
        assert answer.headers["Allow"] == "POST, OPTIONS"
        assert answer.headers.get("WebHook-Allowed-Origin") == (origin if consent else None)
        assert answer.headers.get("WebHook-Allowed-Rate") == ("*" if consent else None)


async def test_inside_another_application(sender: AiohttpSender) -> None:
    """A component can be a part of a larger web service, under a path of its own."""
    taken = Taken()
    app = Starlette(routes=[Mount("/hooks", component(taken, secret=SECRET, path="/bus"))])
    async with serve(app) as url:
        assert await deliver(sender, f"{url}/hooks/bus") == Delivered(204)
        assert await deliver(sender, f"{url}/hooks/events") == Misconfigured("answer", 404)


async def test_sender_that_goes_away() -> None:
    """A body that breaks off is no delivery, and its answer is wasted on nobody."""
    taken = Taken()
    sent: list[dict[str, Any]] = []
    messages = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:  # noqa: ANN401 - a message of ASGI
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/events", "headers": []}
    await component(taken, secret=SECRET)(scope, receive, send)
    assert (taken.events, sent) == ([], [])
