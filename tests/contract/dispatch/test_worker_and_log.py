"""The dispatcher while its log is not what it was."""

import json
from collections.abc import AsyncIterator

import pytest_asyncio

from bus.log.record import Partition
from tests.contract.log.records import write_unreadable
from tests.house import OIN, House, events, sinks, until


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


async def test_a_damaged_record_is_a_gap_for_all_who_would_have_read_it(
    kafka: str, house: House
) -> None:
    """Served by the stream or catching up: each is told once, and gets what lies around it."""
    async with sinks(2) as (sink, behind):
        domain = await house.domain("nl.test", 1)
        attached, scanning = await house.subscribe(sink), await house.subscribe(behind)
        await house.subscriptions.pause(scanning, organisation=OIN)
        async with house.dispatcher():
            await house.publish(domain, events(400))
            await sink.until(lambda sink: len(sink.ids) >= 400)
            await write_unreadable(kafka, Partition(domain.topic, 0))
            await house.publish(domain, events(10, first=400))
            await sink.until(lambda sink: len(sink.ids) >= 410)
            await house.subscriptions.resume(scanning, organisation=OIN)
            await behind.until(lambda sink: len(sink.ids) >= 410)

            gaps_of = "SELECT subscription, from_offset, until_offset, reason FROM gap"

            async def both_are_told() -> bool:
                gaps = await house.rows(gaps_of)
                told = {tuple(gap.values()) for gap in gaps}
                return told == {(each, 400, 401, "damaged") for each in (attached, scanning)}

            await until(both_are_told)
    notices = await house.rows("SELECT data FROM notice WHERE type LIKE '%-gap'")
    assert [json.loads(each["data"])["reason"] for each in notices] == ["damaged", "damaged"]
