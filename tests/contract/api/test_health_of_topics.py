"""What operators and subscribers see of the log: end offsets, rates, lag; who may read what."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from bus.log.record import Partition
from bus.store.database import Database
from bus.store.secrets import Sealer
from bus.store.streams import Position, Save, Streams
from tests.contract.api.bus_under_test import DOMAIN, PARTITIONS, Bus, event, subscription

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def save(bus: Bus, number: int, next_offset: int, *rows: Position) -> None:
    """Save progress of a partition as a dispatcher does."""
    assert bus.settings.database_url is not None
    url = bus.settings.database_url.get_secret_value()
    async with Database.open(url, application_name="tests") as database:
        streams = Streams(database, Sealer(bytes(range(32))))
        taken = await streams.take(bus.topic, number, "worker-1")
        await streams.save(
            Save(bus.topic, number, taken.epoch, next_offset, taken.revision, rows=rows)
        )


async def test_a_topic_shows_its_ends_rates_and_lag(bus: Bus) -> None:
    """Per partition: end offset, events per second, lag of the stream in events and seconds."""
    await bus.publish(*(event(id=str(n), partitionkey=f"z-{n}") for n in range(12)))
    ends = await bus.end_offsets()
    done = ends[Partition(bus.topic, 0)]
    await save(bus, 0, done)
    await save(bus, 1, 0)
    shown = (await bus.call("GET", f"/v1/topics/{bus.topic}", who="operator")).json
    assert (shown["topic"], shown["domain"]) == (bus.topic, DOMAIN)
    assert [p["endOffset"] for p in shown["partitions"]] == [ends[p] for p in sorted(ends)]
    assert [p["lagEvents"] for p in shown["partitions"]] == [0, ends[Partition(bus.topic, 1)]]
    assert shown["partitions"][0]["lagSeconds"] == 0
    assert shown["partitions"][0]["owner"] == "worker-1"
    assert 12 / 60 <= shown["eventsPerSecond"] <= sum(ends.values()) / 60 + 0.01
    listed = (await bus.call("GET", "/v1/topics", who="operator")).json["items"]
    assert shown["topic"] in [item["topic"] for item in listed]


async def test_lag_in_seconds_is_the_age_of_what_waits(bus: Bus) -> None:
    """The oldest event that waits says how far behind it is."""
    place = (await bus.publish(event(id="late"))).json
    await save(bus, place["partition"], place["offset"])

    async def lag() -> float:
        shown = (await bus.call("GET", f"/v1/topics/{bus.topic}", who="operator")).json
        return float(shown["partitions"][place["partition"]]["lagSeconds"])

    async with asyncio.timeout(10):
        while await lag() < 0.3:  # noqa: ASYNC110 - time itself is what is waited for
            await asyncio.sleep(0.1)
    assert await lag() < 60


async def test_the_status_of_a_subscription(bus: Bus) -> None:
    """State, lag and last outcome come from its position row; without one it is with the stream."""
    made = await bus.call("POST", "/v1/subscriptions", json=subscription(domains=[DOMAIN]))
    path = made.headers["Location"] + "/status"
    place = (await bus.publish(event(id="stuck"))).json
    fresh = (await bus.call("GET", path)).json
    assert fresh["lagEvents"] == 1
    assert {p["state"] for p in fresh["partitions"]} <= {"catching-up", "attached"}
    await fail(bus, made.json["id"], place["partition"], place["offset"])
    status = (await bus.call("GET", path)).json
    stuck = status["partitions"][place["partition"]]
    assert (status["state"], status["verdict"]) == ("active", "failing")
    assert stuck["state"] == stuck["verdict"] == "failing"
    assert stuck["lastOutcome"] == "temporary 503"
    assert (stuck["open"], stuck["position"], stuck["lagEvents"]) == (1, place["offset"], 1)
    assert stuck["failingSince"].endswith("Z")
    assert len(status["partitions"]) == PARTITIONS


async def fail(bus: Bus, subscription_id: str, number: int, offset: int) -> None:
    """Save that a delivery keeps failing, as a dispatcher does."""
    row = Position(UUID(subscription_id), offset + 1, (offset,), datetime.now(UTC), "temporary 503")
    await save(bus, number, offset + 1, row)
