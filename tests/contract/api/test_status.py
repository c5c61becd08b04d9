"""The status of a subscription: a verdict, and what is not normal delivery."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from bus.store.partition import AttemptMade, Gap, ParkedEvent
from bus.store.stored import Position, Replay
from tests.contract.api.bus_under_test import DOMAIN, PARTITIONS, SOURCE, TYPE, Bus, event
from tests.contract.api.bus_under_test import subscription as wish
from tests.contract.api.owner import WHEN, database_of, letter, record, save

pytestmark = pytest.mark.asyncio(loop_scope="session")


COUNTED = ("parked", "deadLetters", "gapCount", "replaying", "redriving")


async def subscribed(bus: Bus) -> tuple[str, UUID]:
    """Subscribe; give the path, and the id."""
    made = await bus.call("POST", "/v1/subscriptions", json=wish(domains=[DOMAIN]))
    return made.headers["Location"], UUID(made.json["id"])


async def test_what_is_not_normal_is_counted(bus: Bus) -> None:
    """Parked, given up, purged, replayed, lost and tried: none of it of anybody else."""
    path, id_ = await subscribed(bus)
    _, other = await subscribed(bus)
    clean = (await bus.call("GET", f"{path}/status")).json
    assert {name: clean[name] for name in COUNTED} == {
        **dict.fromkeys(COUNTED, 0),
        "replaying": False,
    }
    assert (clean["gaps"], clean["lastOutcomes"]) == ([], [])
    for number, who in enumerate((id_, other, other)):
        await save(
            bus,
            0,
            rows=(Position(who, 20, (), None, None, Replay(1, 2)),),
            parked=(ParkedEvent(who, 3, record(), 1, WHEN, WHEN, "temporary 503"),),
            dead=tuple(letter(str(who), at) for at in (4, 5, 6)),
            gaps=(Gap(who, 0, 2 + number, "damaged"),),
            attempts=(AttemptMade(who, 3, "e", SOURCE, TYPE, 1, "temporary 503", WHEN),),
        )
    letters = (await bus.call("GET", f"{path}/dead-letters")).json["items"]
    await bus.call("POST", f"{path}/dead-letters/_purge", json={"ids": [letters[0]["id"]]})
    await bus.call("POST", f"{path}/dead-letters/_redrive", json={"ids": [letters[1]["id"]]})
    status = (await bus.call("GET", f"{path}/status", who="operator")).json
    assert {name: status[name] for name in COUNTED} == {
        "parked": 1,
        "redriving": 1,
        "deadLetters": 2,
        "gapCount": 1,
        "replaying": True,
    }
    (gap,) = status["gaps"]
    assert gap.pop("foundAt").endswith("Z")
    assert gap == {
        "topic": bus.topic,
        "partition": 0,
        "fromOffset": 0,
        "untilOffset": 2,
        "reason": "damaged",
    }
    assert status["lastOutcomes"] == [
        {"outcome": "temporary 503", "at": "2026-11-23T12:00:00Z"},
    ]


async def test_what_waits_has_a_time_to_loss(bus: Bus) -> None:
    """The log keeps it for the domain's retention; where nothing waits there is none."""
    path, id_ = await subscribed(bus)
    ends = {each.partition: offset for each, offset in (await bus.end_offsets()).items()}
    for number in range(PARTITIONS):
        await save(bus, number, rows=(Position(id_, ends[number], (), None, None),))
    calm = (await bus.call("GET", f"{path}/status")).json
    assert ("secondsToLoss" in calm, calm["lagEvents"]) == (False, 0)
    place = (await bus.publish(event(id="waits"))).json
    status = (await bus.call("GET", f"{path}/status")).json
    fourteen_days = 14 * 86_400
    assert fourteen_days - 60 < status["secondsToLoss"] <= fourteen_days
    waiting = status["partitions"][place["partition"]]
    assert waiting["secondsToLoss"] == status["secondsToLoss"]
    assert ["secondsToLoss" in each for each in status["partitions"]].count(True) == 1


async def test_the_verdict_is_of_the_worst_partition_and_of_the_state(bus: Bus) -> None:
    """From ok to stalled when nobody saves; a pause says more than that."""
    path, id_ = await subscribed(bus)
    place = (await bus.publish(event(id="verdict"))).json
    number = place["partition"]

    async def verdicts() -> tuple[str, str]:
        status = (await bus.call("GET", f"{path}/status")).json
        return status["verdict"], status["partitions"][number]["verdict"]

    waiting = Position(id_, place["offset"], (), None, None)
    await save(bus, number, rows=(waiting,))
    assert await verdicts() == ("ok", "ok")
    await save(bus, number, rows=(Position(id_, place["offset"], (), datetime.now(UTC), "x"),))
    assert await verdicts() == ("failing", "failing")
    async with database_of(bus) as database:
        await database.execute(
            "UPDATE stream SET saved_at = now() - interval '1 hour' WHERE partition = $1", number
        )
    assert await verdicts() == ("stalled", "stalled")
    await bus.call("POST", f"{path}/_pause")
    assert await verdicts() == ("paused", "stalled")
