"""The dispatcher on real Kafka and Postgres, with sinks that behave and sinks that do not."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bus.observe import metrics
from consumers.dispatch import reading, worker
from tests.house import SOURCE, House, events, in_order, sinks, until


@pytest_asyncio.fixture
async def house(kafka: str, database_url: str, namespace: str) -> AsyncIterator[House]:
    """Give an open house."""
    async with House.open(kafka, database_url, namespace) as opened:
        yield opened


async def test_each_matching_event_arrives_once_and_in_order(house: House) -> None:
    """A component gets every event of its types, in order per key, once, and no other."""
    async with sinks(2) as (all_of_them, some):
        domain = await house.domain("nl.test", 4)
        await house.subscribe(all_of_them)
        await house.subscribe(some, types=("nl.test.verwijderd",))
        async with house.dispatcher():
            await house.publish(domain, events(500))
            await house.publish(domain, events(50, type_="nl.test.verwijderd", first=500))
            await all_of_them.until(lambda sink: len(sink.ids) >= 550)
            await some.until(lambda sink: len(sink.ids) >= 50)
    assert sorted(all_of_them.ids) == [f"{each:06}" for each in range(550)]
    assert in_order(all_of_them)
    assert sorted(some.ids) == [f"{each:06}" for each in range(500, 550)]


async def test_a_planned_restart_repeats_nothing(house: House) -> None:
    """Stopped in the middle and started again, a dispatcher goes on exactly where it was."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 4)
        await house.subscribe(sink)
        async with house.dispatcher("one"):
            await house.publish(domain, events(400))
            await sink.until(lambda sink: len(sink.ids) >= 150)
        async with house.dispatcher("two"):
            await house.publish(domain, events(400, first=400))
            await sink.until(lambda sink: len(set(sink.ids)) >= 800)
    assert sorted(sink.ids) == [f"{each:06}" for each in range(800)]
    assert in_order(sink)


async def test_an_error_that_nobody_foresaw_ends_the_dispatcher(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes out, and what was held is let go: no part of it waits for one that is gone."""

    async def broken() -> None:
        raise LookupError

    async def run() -> None:
        async with house.dispatcher() as worker:
            await until(lambda: len(worker.owned) == 2)
            monkeypatch.setattr(house.directory, "refresh", broken)
            await asyncio.Event().wait()

    await house.domain("nl.test", 2)
    async with asyncio.timeout(30) as limit:
        with pytest.raises(ExceptionGroup) as raised:
            await run()
    assert raised.group_contains(LookupError)
    assert not limit.expired(), "it waited for ever"


async def test_a_sick_component_delays_nobody_and_misses_nothing(house: House) -> None:
    """While one component is down and one is slow, the healthy get all; the sick catch up later."""
    async with sinks(3) as (healthy, down, slow):
        domain = await house.domain("nl.test", 2)
        is_up = False
        down.answer = lambda _: 204 if is_up else 503
        slow.answer = lambda _: 0.5
        for sink in (healthy, down, slow):
            await house.subscribe(sink)
        async with house.dispatcher():
            await house.publish(domain, events(1_000, keys=40))
            await healthy.until(lambda sink: len(sink.ids) >= 1_000)
            assert not down.accepted
            assert len(slow.accepted) < 1_000
            is_up, slow.answer = True, lambda _: 204
            await down.until(lambda sink: len(set(sink.accepted)) >= 1_000)
            await slow.until(lambda sink: len(set(sink.accepted)) >= 1_000)
    for sink in (healthy, down, slow):
        assert len(sink.accepted) == 1_000
        assert in_order(sink)


async def test_one_failing_event_holds_only_its_key(house: House) -> None:
    """Events of other keys flow past one that fails; its own key waits behind."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        refuses = True
        sink.answer = lambda event: 500 if refuses and event["id"] == "000003" else 204
        await house.subscribe(sink)
        async with house.dispatcher():
            await house.publish(domain, events(60, keys=10))
            await sink.until(lambda sink: len(sink.accepted) >= 54)
            assert {int(each) % 10 for each in sink.accepted} == set(range(10)) - {3}
            refuses = False
            await sink.until(lambda sink: len(sink.accepted) >= 60)
    assert in_order(sink)


async def test_a_failing_position_survives_a_crash_of_everything_in_memory(house: House) -> None:
    """What a component has not taken when its dispatcher ends is delivered by the next one."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 2)
        sink.answer = lambda _: 503
        identity = await house.subscribe(sink)
        async with house.dispatcher("one"):
            await house.publish(domain, events(300))
            await sink.until(lambda sink: len(sink.ids) >= 5)
        places = await house.subscriptions.status(identity)
        assert any(each.position and each.position.open for each in places)
        assert any(each.position and each.position.last_outcome for each in places)
        sink.answer = lambda _: 204
        async with house.dispatcher("two"):
            await sink.until(lambda sink: len(set(sink.accepted)) >= 300)
    assert sorted(sink.accepted) == [f"{each:06}" for each in range(300)]


async def test_two_dispatchers_share_the_partitions(house: House) -> None:
    """Partitions move when a second dispatcher joins and leaves, without loss and in order."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 4)
        await house.subscribe(sink)
        async with house.dispatcher("one") as one:
            await house.publish(domain, events(200))
            async with house.dispatcher("two") as two:
                await house.publish(domain, events(200, first=200))
                await until(lambda: len(one.owned) == 2 and len(two.owned) == 2)
                await house.publish(domain, events(200, first=400))
                await sink.until(lambda sink: len(set(sink.ids)) >= 600)
            await house.publish(domain, events(200, first=600))
            await sink.until(lambda sink: len(set(sink.ids)) >= 800)
    assert sorted(sink.ids) == [f"{each:06}" for each in range(800)]
    assert in_order(sink)


async def test_a_rate_given_later_is_shared_too(house: House) -> None:
    """Dispatchers keep it together, whether the subscription changes or a domain comes."""
    async with sinks(1) as (sink,):
        await house.domain("nl.test", 4)
        identity = await house.subscribe(sink)
        async with house.dispatcher("one") as one, house.dispatcher("two") as two:
            await until(lambda: len(one.owned) == 2 and len(two.owned) == 2)

            def rate() -> float:
                served = [each._subscribers.get(identity) for each in (one, two)]
                intervals = [each._interval for each in served if each is not None]
                return sum(1 / interval for interval in intervals if interval)

            terms = (await house.subscriptions.get(identity)).subscription
            delivery = terms.delivery.model_copy(update={"rate": 8.0})
            await house.subscriptions.update(terms.model_copy(update={"delivery": delivery}))
            await until(lambda: rate() == 8.0)
            await house.domain("nl.other", 3)
            await until(lambda: len(one.owned) + len(two.owned) == 7)
            await until(lambda: rate() == pytest.approx(8.0))


async def test_changes_are_followed_while_events_flow(house: House) -> None:
    """New, changed and deleted subscriptions and new domains take effect without a restart."""
    async with sinks(2) as (early, late):
        domain = await house.domain("nl.test", 2)
        first = await house.subscribe(early)
        async with house.dispatcher() as worker:
            await house.publish(domain, events(50))
            await house.subscribe(late)
            await house.publish(domain, events(50, first=50))
            await late.until(lambda sink: len(sink.ids) >= 50)
            assert min(late.ids) == "000050"
            await early.until(lambda sink: len(sink.ids) >= 100)

            listed = await house.subscriptions.get(first)
            changed = listed.subscription.model_copy(update={"types": ("nl.test.verwijderd",)})
            await house.subscriptions.update(changed)
            other = await house.domain("nl.ander", 1)
            await house.publish(other, events(5, type_="nl.ander.gewijzigd", first=900))
            await late.until(lambda sink: "000904" in sink.ids)
            now = await house.streams.revision()

            async def followed() -> bool:
                return all(row.revision == now for row in await house.streams.lags([domain.topic]))

            await until(followed)
            await house.publish(domain, events(10, first=100))
            await house.publish(domain, events(10, type_="nl.test.verwijderd", first=110))
            await early.until(lambda sink: "000119" in sink.ids)
            assert not {f"{each:06}" for each in range(100, 110)} & set(early.ids)
            await house.subscriptions.delete(first)
            await until(lambda: first not in worker._subscribers)


async def test_a_component_gets_only_what_its_organisation_may_read(house: House) -> None:
    """Two organisations share a domain: each sees its own sources, and what it was granted."""
    other = "00000001821002193000"
    await house.organisations.ensure_organisation(other, "Andere gemeente")
    await house.organisations.add_source("urn:nld:oin:00000001821002193000", other)
    async with sinks(2) as (owner, reader):
        domain = await house.domain("nl.test", 1)
        await house.subscribe(owner)
        await house.subscribe(reader, organisation=other)
        async with house.dispatcher():
            await house.publish(domain, events(5))
            await house.publish(
                domain, events(5, first=5, source="urn:nld:oin:00000001821002193000")
            )
            await reader.until(lambda sink: len(sink.ids) >= 5)
            assert reader.ids == [f"{each:06}" for each in range(5, 10)]
            await house.organisations.grant(SOURCE, "nl.test", other)
            await until(lambda: other in house.access().readers(SOURCE, "nl.test"))
            await house.publish(domain, events(5, first=10))
            await reader.until(lambda sink: len(sink.ids) >= 10)
            assert sorted(reader.ids)[5:] == [f"{each:06}" for each in range(10, 15)]


async def test_a_lone_component_with_a_backlog_has_the_log_read_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more than the tail holds, it gets everything once and in order, and nothing is scanned."""
    monkeypatch.setattr(worker, "TAIL_BYTES", 500_000)
    monkeypatch.setattr(reading, "READ_RECORDS", 50)
    scanned = metrics.SCANNED._value.get()
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        await house.subscribe(sink)
        await house.publish(domain, events(3_000, keys=100))
        async with house.dispatcher():
            await sink.until(lambda sink: len(sink.ids) >= 3_000)
            await house.publish(domain, events(10, first=3_000))
            await sink.until(lambda sink: len(sink.ids) >= 3_010)
    assert sorted(sink.ids) == [f"{each:06}" for each in range(3_010)]
    assert in_order(sink)
    assert metrics.SCANNED._value.get() == scanned
