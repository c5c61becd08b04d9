"""The dispatcher while its log is not what it was."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.house import House, events, sinks


@pytest_asyncio.fixture
async def house(kafka: str, database_url: str, namespace: str) -> AsyncIterator[House]:
    """Give an open house."""
    async with House.open(kafka, database_url, namespace) as opened:
        yield opened


async def test_a_topic_made_anew_is_delivered_from_its_beginning(
    kafka: str, database_url: str, house: House
) -> None:
    """Positions of a log that is gone hide nothing of the one that took its place."""
    async with sinks(2) as (sink, down):
        domain = await house.domain("nl.test", 1)
        await house.subscribe(sink)
        await house.subscribe(down)
        down.answer = lambda _: 503
        async with house.dispatcher("one"):
            await house.publish(domain, events(50))
            await sink.until(lambda sink: len(sink.ids) >= 50)
            await down.until(lambda down: len(down.ids) >= 3)
        await house.topics.delete([domain.topic])
        await house.topics.create(domain.topic, 1, 14)
        async with House.open(kafka, database_url, house.namespace) as again:
            await again.publish(domain, events(10, first=50))
            down.answer = lambda _: 204
            async with again.dispatcher("two"):
                await sink.until(lambda sink: len(sink.ids) >= 60)
                await down.until(lambda down: len(down.accepted) >= 10)
                await again.publish(domain, events(10, first=60))
                await sink.until(lambda sink: len(sink.ids) >= 70)
                await down.until(lambda down: len(down.accepted) >= 20)
    assert sink.ids == sorted(sink.ids)
    assert set(down.accepted) == {f"{each:06}" for each in range(50, 70)}
