"""Everything is killed and everybody is sick, and the journals of the components are right.

In the spirit of Jepsen: real parts, faults at any moment, and a judge that knows only what the
components wrote down and what the log holds. BUS_SOAK_EVENTS=200000 makes `make soak` as long as
one likes.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bus.codec import kafka as codec
from bus.embedded.kafka import Kafka
from bus.embedded.postgres import Postgres
from bus.log.reader import Reader
from bus.log.record import Partition
from bus.store.database import Database
from tests.cluster import Cluster, event
from tests.fault import checking, components
from tests.fault.checking import Logged
from tests.fault.components import Component
from tests.fault.disturbing import Chaos
from tests.house import until

PARTITIONS = 8
KEYS = 64
TYPES = tuple(f"nl.test.soort{number}" for number in range(20))
WORKERS = 3
BATCH = 100
WITHIN = 150.0


@pytest_asyncio.fixture
async def chaos(servers: tuple[Kafka, Postgres], tmp_path: Path) -> AsyncIterator[Chaos]:
    """Give a bus with three workers on servers that may be killed."""
    kafka, postgres = servers
    async with Cluster.open(
        kafka=kafka.bootstrap, database_url=postgres.dsn(), namespace="chaos", folder=tmp_path
    ) as cluster:
        await cluster.start("api")
        for number in range(WORKERS):
            await cluster.start("dispatch", f"dispatch-{number}")
        yield Chaos(cluster, kafka, postgres, WORKERS)


@pytest.mark.timeout(400)
async def test_the_journals_are_right(chaos: Chaos) -> None:
    """20,000 events, 50 components, ten faults."""
    await run(chaos, events=20_000, rounds=1)


@pytest.mark.soak
async def test_the_journals_are_right_for_long(chaos: Chaos) -> None:
    """As many events as one likes, and the faults over and over."""
    events = int(os.environ.get("BUS_SOAK_EVENTS", "200000"))
    await run(chaos, events=events, rounds=max(1, events // 20_000))


async def run(chaos: Chaos, *, events: int, rounds: int) -> None:
    """Publish while faults happen, let all recover, and judge the journals."""
    cluster = chaos.cluster
    await cluster.create_domain("nl.test", partitions=PARTITIONS)
    everybody = household()
    async with components.served(everybody) as address:
        identities = {each.name: await subscribe(cluster, address, each) for each in everybody}
        async with asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(publish(cluster, events))
            for disturb in chaos.all() * rounds:
                await asyncio.sleep(2.0)
                await disturb()
            await publishing
        for each in everybody:
            each.calm = True
        for each in everybody:
            if each.temper is components.gone:
                await resume(chaos, identities[each.name])
        log = await whole_log(chaos)
        with suppress(TimeoutError):  # the judge then says who misses what
            await until(lambda: all(not checking.missing(each, log) for each in everybody), WITHIN)
            await until(lambda: settled(chaos), WITHIN)
    judge(everybody, log, chaos)
    assert await settled(chaos)
    letters = await dead_letters(chaos)
    for each in everybody:
        assert letters.get(identities[each.name], set()) == checking.refused(each, log), each.name
    tell(everybody, log, chaos, letters)


def household() -> list[Component]:
    """Make fifty components; one wants everything, each of the others one of twenty types.

    Of those that refuse a key none wants everything: its lane waits for the save of every dead
    letter, so that 300 of them would take longer than all the rest.
    """
    tempers = (
        (components.healthy, 22),
        (components.slow, 4),
        (components.flapping, 6),
        (components.dead, 4),
        (components.throttling, 4),
        (components.gone, 2),
        (components.picky, 4),
        (components.dropping, 4),
    )
    made: list[Component] = []
    for temper, number in tempers:
        for each in range(number):
            everything = each == 0 and temper is components.healthy
            types = () if everything else (TYPES[len(made) % len(TYPES)],)
            made.append(Component(f"{temper.__name__}-{each}", temper, types))
    return made


async def subscribe(cluster: Cluster, address: str, component: Component) -> str:
    """Subscribe a component; give the id of its subscription."""
    delivery: dict[str, Any] = {"retry": {"schedule": [0.2, 0.5, 1, 2], "limit": 3_600}}
    made = await cluster.subscribe(
        f"{address}/{component.name}",
        domains=["nl.test"],
        types=list(component.types),
        delivery=delivery,
    )
    return str(made["id"])


async def publish(cluster: Cluster, events: int) -> None:
    """Publish numbered events through the API, again and again where it could not take them."""
    for start in range(0, events, BATCH):
        batch = range(start, start + BATCH)
        await cluster.publish(
            [event(each, type_=TYPES[each * 7 % len(TYPES)], keys=KEYS) for each in batch]
        )


async def resume(chaos: Chaos, identity: str) -> None:
    """Have a disabled subscription delivered to again."""
    await chaos.cluster.post(f"/v1/subscriptions/{identity}/_resume", {})


async def whole_log(chaos: Chaos) -> list[Logged]:
    """Read what the log holds, each partition from its beginning to its end."""
    topic = "chaos.nl.test"
    places = {Partition(topic, number): 0 for number in range(PARTITIONS)}
    found: list[Logged] = []
    async with Reader(bootstrap=chaos.kafka.bootstrap) as reader:
        reader.assign(places)
        while records := await reader.read(5_000, 3.0):
            for partition, of_one in records.items():
                for record in of_one:
                    told = codec.decode(record.headers, record.value)
                    key = (record.key or b"").decode()
                    number = partition.partition
                    found.append(Logged(number, record.offset, told.id, key, told.type))
    return found


async def settled(chaos: Chaos) -> bool:
    """Whether nothing is parked, and no position lags."""
    async with Database.open(chaos.postgres.dsn(), application_name="judge") as database:
        (row,) = await database.fetch(
            "SELECT (SELECT count(*) FROM parked) + (SELECT count(*) FROM position) AS left_over"
        )
    return bool(row["left_over"] == 0)


async def dead_letters(chaos: Chaos) -> dict[str, set[str]]:
    """Give the ids of the events that were given up, by subscription."""
    found: dict[str, set[str]] = {}
    async with Database.open(chaos.postgres.dsn(), application_name="judge") as database:
        for row in await database.fetch("SELECT subscription, event_id FROM dead_letter"):
            found.setdefault(str(row["subscription"]), set()).add(row["event_id"])
    return found


def judge(everybody: list[Component], log: list[Logged], chaos: Chaos) -> None:
    """Hold the journals against the log."""
    for each in everybody:
        assert not checking.missing(each, log), each.name
        assert not checking.unwanted(each, log), each.name
        assert not checking.disordered(each, log), each.name
        assert not checking.unexplained(each, log, chaos.done), each.name


def tell(
    everybody: list[Component], log: list[Logged], chaos: Chaos, letters: dict[str, set[str]]
) -> None:
    """Print the counts."""
    deliveries = sum(each.accepted is not None for one in everybody for each in one.journal)
    again = sum(checking.repeats(each, log) for each in everybody)
    faults = ", ".join(f"{each.name} {each.ended - each.began:.0f} s" for each in chaos.done)
    given_up = sum(map(len, letters.values()))
    print(  # noqa: T201 - figures, not a check
        f"\n{len(log)} events in the log, {deliveries} deliveries to {len(everybody)} components: "
        f"0 lost, 0 out of order, {again} repeated, {given_up} given up; {faults}"
    )
