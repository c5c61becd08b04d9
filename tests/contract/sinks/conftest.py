"""The senders under test, one after the other, on both event loops."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
import uvloop

from consumers.sinks.sender import Sender
from consumers.sinks.webhook.aiohttp_sender import AiohttpSender
from consumers.sinks.webhook.guard import Guard
from consumers.sinks.webhook.wire_sender import WireSender
from tests.contract.sinks.scripted import SenderType


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run each asynchronous test on the standard loop and on the one production uses."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def guard() -> Iterator[Guard]:
    """Allow plain http to loopback, as `bus dev` does."""
    guard = Guard(allow_http=True, allow_cidrs=("127.0.0.0/8", "::1/128"))
    yield guard
    guard.close()


@pytest.fixture(params=[AiohttpSender, WireSender], ids=["aiohttp", "wire"])
def open_sender(request: pytest.FixtureRequest) -> SenderType:
    """Give each kind of sender: what holds for one holds for the other."""
    kind: SenderType = request.param
    return kind


@pytest.fixture
async def sender(open_sender: SenderType, guard: Guard) -> AsyncIterator[Sender]:
    """Give a sender that is closed after the test."""
    async with open_sender(guard=guard) as sender:
        yield sender


@pytest.fixture
def wire_only() -> SenderType:
    """Give our own sender, where what is tested lies before any."""
    return WireSender
