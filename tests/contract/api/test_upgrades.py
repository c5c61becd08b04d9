"""Requests that offer another protocol: the offer is ignored, as a server may (RFC 9110 §7.8).

Java's HttpClient offers h2c with every first request over plain HTTP.
"""

import asyncio
import json

import pytest

from tests.contract.api.bus_under_test import Bus, event
from tests.contract.api.test_half_sent import exchange, post

pytestmark = pytest.mark.asyncio(loop_scope="session")

H2C = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
)


def offering(head: bytes, *, last: bool = True) -> bytes:
    """Let a request offer h2c, and close the connection if it is the last."""
    lines = H2C.replace(b"Connection: ", b"Connection: close, ") if last else H2C
    return head.replace(b"\r\n\r\n", b"\r\n" + lines + b"\r\n", 1)


@pytest.mark.parametrize("cut", [None, 0, 30, -1, "within the offer"])
async def test_an_event_is_taken(bus: Bus, cut: int | str | None) -> None:
    """Its body counts, whether it comes with the head, after it, or the head itself is cut."""
    before = await bus.end_offsets()
    body = json.dumps(event()).encode()
    whole = offering(post(bus, len(body))) + body
    ends = whole.index(b"\r\n\r\n") + 4
    at = whole.index(b"grade: h2c") if cut == "within the offer" else cut
    match at:
        case None:
            pieces = [whole]
        case 0 | 30:
            pieces = [whole[: ends + at], whole[ends + at :]]
        case _:
            pieces = [whole[:at], whole[at:]]
    answer = await exchange(bus, *pieces)
    assert answer.startswith(b"HTTP/1.1 202 "), answer
    assert answer.count(b"HTTP/1.1") == 1
    assert sum((await bus.end_offsets()).values()) == sum(before.values()) + 1


async def test_a_body_in_chunks_is_taken(bus: Bus) -> None:
    """The same for one without a length."""
    body = json.dumps(event()).encode()
    head = post(bus, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    answer = await exchange(bus, offering(head), chunks)
    assert answer.startswith(b"HTTP/1.1 202 "), answer


async def test_requests_one_after_the_other(bus: Bus) -> None:
    """Each may offer it, a thousand in one piece as well: each gets its answer, in order."""
    get = b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    body = json.dumps(event()).encode()
    first = offering(post(bus, len(body)), last=False) + body
    rest = offering(get.replace(b"openapi.json", b"x"), last=False) * 1_000
    answer = await exchange(bus, first + rest + offering(get))
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert answer.count(b"HTTP/1.1 404 ") == 1_000
    assert answer.count(b"HTTP/1.1 200 ") == 1


async def test_another_protocol_altogether(bus: Bus) -> None:
    """Nobody gets a WebSocket or a tunnel; the connection is of use afterwards, or ends."""
    asked = (
        b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert (await exchange(bus, asked)).startswith(b"HTTP/1.1 200 ")
    reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
    writer.write(b"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)).split()[1][:1] == b"4"
    writer.close()
