"""What arrives at a component is what the OpenAPI document says that will arrive."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from jsonschema import Draft202012Validator

from bus.api.house import Contact
from bus.api.openapi import build
from bus.event import Event
from bus.store.commands import Stretch
from tests.contract.api.design_rules import Document
from tests.contract.dispatch.test_wire import listening
from tests.house import House, Sink, events, until

OF_HTTP = {"host", "content-length", "content-type", "user-agent"}
"""What any POST has, and the document of no API describes."""

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
DATA = {"datacontenttype": "application/json", "data": b'{"a": 1.0}'}


@dataclass(frozen=True)
class Arrived:
    """A request as it came; names of headers are in lower case."""

    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="module")
def document() -> Document:
    """Give the document as far as it is about deliveries."""
    contact, url = Contact("bus@example.nl", "https://example.nl"), "https://example.nl"
    found: Document = json.loads(build((), version="1.0.0", public_url=url, contact=contact))
    return found


@pytest_asyncio.fixture
async def house(kafka: str, database_url: str, namespace: str) -> AsyncIterator[House]:
    """Give an open house."""
    async with House.open(kafka, database_url, namespace) as opened:
        yield opened


async def delivered(house: House, mode: str, published: Sequence[Event]) -> list[Arrived]:
    """Deliver in a mode, and by a replay once more, until as many events arrived."""
    arrived: list[Arrived] = []

    async def take(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        arrived.append(Arrived(headers, await request.read()))
        return web.Response(status=204)

    def replays() -> int:
        return sum("gemeentebus-replay" in each.headers for each in arrived)

    async with listening(take) as port:
        domain = await house.domain("nl.test", 1)
        sink = Sink()
        sink.port = port
        identity = await house.subscribe(sink, delivery={"mode": mode})
        async with house.dispatcher():
            await house.publish(domain, published)
            await until(lambda: _holds(arrived, published))
            await house.commands.replay(identity, [Stretch(domain.topic, 0, 0, 1)])
            await until(lambda: replays() == 1)
    return arrived


@pytest.mark.parametrize(
    ("mode", "webhook", "extra"),
    [
        ("structured", "event", {}),
        ("structured", "event", DATA),
        ("binary", "eventBinary", DATA),
        ("binary", "event", {}),
        ("batch", "eventBatch", DATA),
    ],
)
async def test_a_delivery_is_as_described(
    house: House, document: Document, mode: str, webhook: str, extra: dict[str, Any]
) -> None:
    """In each mode: every header that is promised, none that is not told of, a body that fits."""
    trace = {"traceparent": TRACEPARENT, "tracestate": "zaken=1", "zaaktype": "één"}
    published = [
        msgspec.structs.replace(each, attributes={**each.attributes, **trace}, **extra)
        for each in events(3)
    ]
    for one in await delivered(house, mode, published):
        assert _faults(document, webhook, one) == []
        for name in ("webhook-signature", "webhook-id"):  # the check is one that can fail
            headers = {key: value for key, value in one.headers.items() if key != name}
            assert _faults(document, webhook, Arrived(headers, one.body)) == [f"{name} missing"]
        odd = {**one.headers, "x-odd": "1"}
        assert _faults(document, webhook, Arrived(odd, one.body)) == ["x-odd untold"]
        if webhook != "eventBinary":
            assert _faults(document, webhook, Arrived(one.headers, b"[{}]")) != []


def _holds(arrived: Sequence[Arrived], published: Sequence[Event]) -> bool:
    """Say whether each published event is in some request."""
    everything = [str(each.headers) + each.body.decode() for each in arrived]
    return all(any(event.id in text for text in everything) for event in published)


def _faults(document: Document, webhook: str, one: Arrived) -> list[str]:
    """Give what differs between a request and its description."""
    told = document["webhooks"][webhook]["post"]
    names = {each["name"].lower(): each["required"] for each in told["parameters"]}
    faults = [f"{name} missing" for name in names if names[name] and name not in one.headers]
    binary = webhook == "eventBinary"
    faults += [
        f"{name} untold"
        for name in one.headers.keys() - names.keys() - OF_HTTP
        if not (binary and name.startswith("ce-"))
    ]
    content = told["requestBody"]["content"]
    if binary:
        assert set(content) == {"*/*"}
        return faults
    schema = content[one.headers["content-type"]]["schema"]
    whole = Draft202012Validator({**schema, "components": document["components"]})
    return faults + [error.message for error in whole.iter_errors(json.loads(one.body))]
