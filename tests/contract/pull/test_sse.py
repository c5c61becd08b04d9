"""Server-Sent Events: resumed exactly, at the pace of the reader, bounded, ended in order."""

import asyncio
import re

import aiohttp
import pytest

from tests.contract.api.bus_under_test import Bus, event, on_a_database_of_its_own
from tests.contract.pull.pulling import Puller
from tests.contract.pull.test_pull import in_order, named, publish

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def measured(bus: Bus, name: str) -> float:
    """Read one metric of the API."""
    text = (await bus.call("GET", "/metrics", who=None)).text
    found = re.search(rf"^gemeentebus_{name} (\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return float(found[1])


async def test_events_come_as_they_are_published(bus: Bus) -> None:
    """A stream begins with a sign of life, and then has each matching event, in order per key."""
    type_ = "nl.vng.zaken.sse-flow"
    puller = await Puller.open(bus, types=[type_])
    async with asyncio.timeout(20), puller.stream() as stream:
        assert stream.answer.headers["Content-Type"] == "text/event-stream"
        first = await stream.next()
        assert first is not None
        assert first.event is None
        await publish(bus, type_, *range(40))
        ids = [message.event["id"] for message in await stream.events(40) if message.event]
    assert sorted(ids) == named(*range(40))
    assert in_order(ids)
    assert sorted(await puller.ids()) == named(*range(40))


async def test_a_stream_is_resumed_behind_the_last_id(bus: Bus) -> None:
    """After any event, also one in the middle of a chunk, exactly the rest follows."""
    type_ = "nl.vng.zaken.sse-resume"
    puller = await Puller.open(bus, types=[type_])
    await publish(bus, type_, *range(12))
    async with asyncio.timeout(10), puller.stream() as stream:
        read = await stream.events(5)
    last = read[-1].id
    assert last is not None
    async with asyncio.timeout(10), puller.stream(**{"Last-Event-ID": last}) as stream:
        read += await stream.events(7)
    ids = [message.event["id"] for message in read if message.event]
    assert sorted(ids) == named(*range(12))
    assert in_order(ids)


async def test_a_slow_reader_is_waited_for(bus: Bus) -> None:
    """What a reader does not take is not read from the log for it either, and is not lost."""
    type_ = "nl.vng.zaken.sse-slow"
    puller = await Puller.open(bus, types=[type_])
    data = {"datacontenttype": "application/json", "data": "x" * 50_000}
    count = 150
    sent = [event(id=f"{n:03}", type=type_, **data) for n in range(count)]
    replies = await asyncio.gather(*(bus.publish(each) for each in sent))
    assert {reply.status for reply in replies} == {202}
    before = await measured(bus, "events_pulled_total")
    async with asyncio.timeout(30), puller.stream() as stream:
        given, last = await measured(bus, "events_pulled_total") - before, -1.0
        while given != last:
            await asyncio.sleep(0.2)
            given, last = await measured(bus, "events_pulled_total") - before, given
        assert given < count
        ids = [message.event["id"] for message in await stream.events(count) if message.event]
    assert sorted(ids) == named(*range(count))


async def test_who_leaves_is_forgotten(bus: Bus) -> None:
    """A closed connection frees its place at once, in a stream as in a long poll."""
    puller = await Puller.open(bus)
    before = await measured(bus, "pulls_open")
    async with puller.stream():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await puller.ids(wait=30)
        assert await measured(bus, "pulls_open") >= before + 1
    async with asyncio.timeout(5):
        while await measured(bus, "pulls_open") > before:  # noqa: ASYNC110 - another side's socket
            await asyncio.sleep(0.02)


async def test_a_stream_ends_with_its_subscription(bus: Bus) -> None:
    """Deleted, or no longer the caller's: nothing more comes, and a new request is told why."""
    puller = await Puller.open(bus, types=["nl.vng.zaken.sse-ends"])
    async with asyncio.timeout(20), puller.stream() as stream:
        assert await stream.next() is not None
        assert (await bus.call("DELETE", puller.path)).status == 204
        ending = asyncio.create_task(stream.rest())
        while not ending.done():  # the API follows changes each second
            await publish(bus, "nl.vng.zaken.sse-ends", 1)
        await ending
    assert (await puller.get()).status == 404


async def test_too_many_are_sent_away(bus: Bus) -> None:
    """An organisation's two hundred and first gets 429; others, and quick requests, go on."""
    puller = await Puller.open(bus)
    other = await Puller.open(bus, who="other")
    headers = {"Authorization": f"Bearer {bus.tokens['all']}", "Accept": "text/event-stream"}
    connector = aiohttp.TCPConnector(limit=0)
    url = f"{bus.url}{puller.path}/events"
    async with asyncio.timeout(30), aiohttp.ClientSession(connector=connector) as http:
        answers = await asyncio.gather(*(http.get(url, headers=headers) for _ in range(200)))
        assert {answer.status for answer in answers} == {200}
        refused = await puller.get(wait=1)
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert (await puller.get(accept="text/event-stream")).status == 429
        assert await puller.ids() == []
        async with other.stream() as stream:
            assert await stream.next() is not None
        for answer in answers:
            answer.close()
    assert (await puller.get(wait=0.1)).status == 200


async def test_all_end_when_the_api_stops(kafka: str, postgres: str, template: str) -> None:
    """A planned stop ends streams and long polls at once, each with a whole answer."""
    async with on_a_database_of_its_own(kafka, postgres, template) as bus:
        puller = await Puller.open(bus)
        stream = puller.stream()
        messages = await stream.__aenter__()
        await messages.next()
        poll = asyncio.create_task(puller.ids(wait=30))
        while await measured(bus, "pulls_open") < 2:  # noqa: ASYNC110 - another side's socket
            await asyncio.sleep(0.02)
    async with asyncio.timeout(5):
        assert await poll == []
        await messages.rest()
    await stream.__aexit__(None, None, None)
