"""What holds for every answer: the NLGov API Design Rules 2.1, and its description of itself."""

import asyncio
import re
import time

import pytest

from bus.api.operation import Operation
from bus.api.table import DESCRIBED, MACHINE
from tests.contract.api.bus_under_test import DOMAIN, PROBLEM, Bus, subscription

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVERY = {
    "API-Version": "1.0.0",
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Access-Control-Allow-Origin": "*",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/openapi.json", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/v1/domains", 200),
        ("HEAD", "/v1/domains", 200),
        ("OPTIONS", "/v1/domains", 204),
        ("GET", "/v1/domains/", 404),
        ("GET", "/v1/subscriptions/", 404),
        ("GET", "/v1/subscriptions/not-a-uuid", 404),
        ("GET", "/v1/domains/nl.nope", 404),
        ("GET", "/v1/topics/nope", 404),
        ("GET", "/", 404),
        ("GET", "/v2/events", 404),
        ("GET", "/v1/events", 405),
        ("DELETE", "/v1/domains", 405),
        ("TRACE", "/v1/domains", 405),
    ],
)
async def test_every_answer_has_the_headers(bus: Bus, method: str, path: str, status: int) -> None:
    """Version and security headers come with every answer; every error is a problem document."""
    reply = await bus.call(method, path)
    assert reply.status == status
    assert {name: reply.headers.get(name) for name in EVERY} == EVERY
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    if status >= 400:
        assert reply.headers["Content-Type"] == PROBLEM
        assert reply.json["instance"].startswith("urn:uuid:")
    if status == 405:
        assert "POST" in reply.headers["Allow"]


async def test_an_answer_on_a_kept_connection_is_not_held_back(bus: Bus) -> None:
    """The body follows the head at once, without waiting 40 ms for the client to confirm that."""
    took = []
    for _ in range(10):
        began = time.perf_counter()
        assert (await bus.call("GET", "/v1/domains")).status == 200
        took.append(time.perf_counter() - began)
    # The first one may have made the connection; of the others a busy machine may delay some.
    assert min(took[1:]) < 0.03


async def test_a_preflight_needs_no_token(bus: Bus) -> None:
    """A browser asks first, without credentials, whether it may send them."""
    reply = await bus.call("OPTIONS", "/v1/subscriptions", who=None)
    assert reply.status == 204
    assert "authorization" in reply.headers["Access-Control-Allow-Headers"]
    assert "POST" in reply.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    "operation",
    [operation for operation in DESCRIBED if operation.roles is not None],
    ids=lambda operation: operation.name,
)
async def test_nothing_but_descriptions_without_a_token(bus: Bus, operation: Operation) -> None:
    """Every operation that is not open answers 401 to who brings no token."""
    path = re.sub(r"\{[a-z]+\}", "x", operation.path)
    reply = await bus.call(operation.method, path, who=None)
    assert reply.status == 401
    assert "WWW-Authenticate" in reply.headers


async def test_openapi_describes_what_is_served(bus: Bus) -> None:
    """The document is of this version and server, and has each operation, no more."""
    reply = await bus.call("GET", "/v1/openapi.json", who=None)
    document = reply.json
    assert document["info"]["version"] == reply.headers["API-Version"]
    assert document["servers"] == [{"url": f"{bus.url}/v1"}]
    served = {(o.path.removeprefix("/v1"), o.method.lower()) for o in DESCRIBED}
    described = {(path, method) for path, item in document["paths"].items() for method in item}
    assert described == served | {("/openapi.json", "get")}


@pytest.mark.parametrize("operation", DESCRIBED, ids=lambda operation: operation.name)
async def test_an_unknown_parameter_is_refused_everywhere(bus: Bus, operation: Operation) -> None:
    """A misspelt parameter is named, rather than passed over: 400, also before a 404 or a body."""
    path = re.sub(r"\{[a-z]+\}", "x", operation.path)
    for query in ("?pageSize=1", "?pageSize="):
        reply = await bus.call(operation.method, path + query)
        assert reply.status == 400, reply.text
        assert reply.faults() == [("pageSize", "unknown-parameter")]


async def test_times_are_taken_with_any_offset_and_answered_in_utc(bus: Bus) -> None:
    """A start with an offset of its own is the moment that it names."""
    wish = subscription(start="2026-11-23T12:00:00+01:00")
    made = await bus.call("POST", "/v1/subscriptions", json=wish)
    assert made.status == 201, made.text
    assert made.json["start"] == "2026-11-23T11:00:00Z"
    status = await bus.call("GET", f"{made.headers['Location']}/status")
    assert status.json["createdAt"].endswith("Z")
    await bus.call("DELETE", made.headers["Location"])


async def test_the_machine_paths_are_not_in_the_description(bus: Bus) -> None:
    """/healthz and its like are for those who run the bus, outside /v1."""
    document = (await bus.call("GET", "/v1/openapi.json")).json
    assert not {o.path for o in MACHINE} & set(document["paths"])


async def test_what_is_not_http_is_a_problem_too(bus: Bus) -> None:
    """Noise on the port gets a problem document and a closed connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
    writer.write(b"NONSENSE\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert PROBLEM.encode() in answer
    assert b"urn:gemeentebus:problem:not-http" in answer
    writer.close()


async def test_a_head_without_end_is_cut_off(bus: Bus) -> None:
    """Headers are bounded, so that nobody fills our memory with them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
    writer.write(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 200_000)
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_domains_are_shown(bus: Bus) -> None:
    """Whoever has a token may look up which domains there are."""
    one = await bus.call("GET", f"/v1/domains/{DOMAIN}", who="publisher")
    assert one.json["topic"] == bus.topic
    assert one.json["retentionDays"] == 14
    listed = await bus.call("GET", "/v1/domains", who="subscriber")
    assert one.json in listed.json["items"]
    names = [domain["name"] for domain in listed.json["items"]]
    assert names == sorted(names)
