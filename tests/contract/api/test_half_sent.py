"""Requests that come in half, or not at all: answered or ended, never waited for without end."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.contract.api.bus_under_test import PROBLEM, STRUCTURED, Bus, on_a_database_of_its_own

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def impatient(kafka: str, postgres: str, template: str) -> AsyncIterator[Bus]:
    """Give an API that waits a second for a request."""
    async with on_a_database_of_its_own(kafka, postgres, template, request_seconds=1.0) as bus:
        yield bus


async def exchange(bus: Bus, *pieces: bytes) -> bytes:
    """Send what there is; give all that comes back until the other side hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return answer


def post(bus: Bus, length: int) -> bytes:
    """Write the head of a request to publish."""
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bus.tokens['all']}\r\n"
    return f"{head}Content-Type: {STRUCTURED}\r\nContent-Length: {length}\r\n\r\n".encode()


async def test_half_a_head_is_answered_with_408(impatient: Bus) -> None:
    """The problem says how long was waited, and the connection ends."""
    answer = await exchange(impatient, b"POST /v1/events HTTP/1.1\r\nHost: ")
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert PROBLEM.encode() in answer
    assert b"urn:gemeentebus:problem:too-slow" in answer
    assert b"1 seconds" in answer
    assert b"connection: close" in answer


async def test_half_a_body_is_answered_with_408_and_nothing_is_stored(impatient: Bus) -> None:
    """A body that stops coming, announced by its length or in chunks."""
    before = await impatient.end_offsets()
    half = b'{"specversion":"1.0",'
    chunked = post(impatient, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    answers = await asyncio.gather(
        exchange(impatient, post(impatient, 500), half),
        exchange(impatient, post(impatient, 500)),
        exchange(impatient, chunked, b"ff\r\n" + half),
    )
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert answer.count(b"HTTP/1.1") == 1
    assert await impatient.end_offsets() == before


async def test_a_body_that_drips_is_not_waited_for(impatient: Bus) -> None:
    """Each byte in time does not make the whole in time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient.port)
    writer.write(post(impatient, 10_000))
    answer = asyncio.ensure_future(reader.read())
    while not answer.done():
        writer.write(b" ")
        await asyncio.wait([answer], timeout=0.05)
    assert (await answer).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_who_says_nothing_is_let_go(impatient: Bus) -> None:
    """A connection on which nothing is ever asked ends without an answer."""
    assert await exchange(impatient) == b""


async def test_an_answer_that_came_early_is_the_only_one(impatient: Bus) -> None:
    """Who was refused before the body came gets no second answer for its missing rest."""
    head = post(impatient, 500).replace(impatient.tokens["all"].encode(), b"gb_unknown")
    answer = await exchange(impatient, head)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.count(b"HTTP/1.1") == 1


async def test_one_request_after_another_has_the_time_of_its_own(impatient: Bus) -> None:
    """A kept connection serves on; half of a second request is answered as that of a first."""
    whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = await exchange(impatient, whole, whole + b"GET /heal")
    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert answer.count(b"HTTP/1.1 408 ") == 1
