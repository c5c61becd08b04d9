"""kill -9 of the dispatcher, of Kafka and of Postgres while events flow to healthy and sick."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bus.embedded.kafka import Kafka
from bus.embedded.postgres import Postgres
from tests.cluster import Cluster, event
from tests.house import in_order, sinks

EVENTS = 5_000
BATCH = 100
RARE = "nl.test.zeldzaam"
"""The type that the slow component takes: one event in fifty, 5 s each."""

KILLS = {1_200: "dispatch", 2_400: "kafka", 3_600: "postgres"}
"""After which event what is killed."""

WITHIN = 120.0


@pytest_asyncio.fixture
async def cluster(servers: tuple[Kafka, Postgres], tmp_path: Path) -> AsyncIterator[Cluster]:
    """Give a bus on servers of its own."""
    kafka, postgres = servers
    async with Cluster.open(
        kafka=kafka.bootstrap, database_url=postgres.dsn(), namespace="fault", folder=tmp_path
    ) as opened:
        await opened.start("api")
        await opened.start("dispatch")
        yield opened


@pytest.mark.timeout(300)
async def test_every_component_gets_everything_whatever_is_killed(
    cluster: Cluster, servers: tuple[Kafka, Postgres]
) -> None:
    """Each has every event of its filter in order per key; the healthy do not wait for the sick."""
    kafka, postgres = servers
    await cluster.create_domain("nl.test", partitions=4)
    async with sinks(5) as (*healthy, slow, down):
        await down.close()
        slow.answer = lambda _: 5.0
        for sink in (*healthy, down):
            await cluster.subscribe(sink.url, domains=["nl.test"], delivery=_QUICK)
        await cluster.subscribe(slow.url, types=[RARE], delivery={"concurrency": 64, **_QUICK})

        published = [_numbered(number) for number in range(EVENTS)]
        killed: list[str] = []
        for start in range(0, EVENTS, BATCH):
            await cluster.publish(published[start : start + BATCH])
            if start in KILLS:
                # In the middle of the flow: some of the last events have arrived, some have not.
                await healthy[0].until(lambda sink, most=start: len(sink.ids) > most, WITHIN)
                await _kill(KILLS[start], cluster, kafka, postgres)
                killed.append(KILLS[start])
        assert killed == ["dispatch", "kafka", "postgres"]
        for sink in healthy:
            await sink.until(lambda sink: len(set(sink.accepted)) >= EVENTS, WITHIN)
        assert not down.accepted, "the healthy have all, and the one that is down had nothing yet"

        await down.open()
        await down.until(lambda sink: len(set(sink.accepted)) >= EVENTS, WITHIN)
        await slow.until(lambda sink: len(set(sink.accepted)) >= EVENTS // 50, WITHIN)

    ids = [each["id"] for each in published]
    for sink in (*healthy, down):
        assert sorted(set(sink.accepted)) == ids
        assert in_order(sink)
    assert sorted(set(slow.accepted)) == [each["id"] for each in published if each["type"] == RARE]
    assert in_order(slow)
    repeats = {sink.url: len(sink.ids) - len(set(sink.ids)) for sink in (*healthy, slow, down)}
    print(f"arrived more than once: {sorted(repeats.values())}")  # noqa: T201 - a figure, not a check


_QUICK: dict[str, Any] = {"retry": {"schedule": [0.2, 1, 2]}}


def _numbered(number: int) -> dict[str, Any]:
    return event(number, type_="nl.test.gewijzigd" if number % 50 else RARE, keys=64)


async def _kill(name: str, cluster: Cluster, kafka: Kafka, postgres: Postgres) -> None:
    """End a part as a power cut would, and start it again."""
    if name == "dispatch":
        await cluster.kill(name)
        await cluster.start(name)
        return
    server = kafka if name == "kafka" else postgres
    assert server.child is not None
    server.child.signal(signal.SIGKILL)
    await server.child.wait()
    await server.start()
