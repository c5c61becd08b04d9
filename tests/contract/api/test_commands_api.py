"""Pause, resume and replay: kept, idempotent, refused where they cannot be, nothing half done."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from bus.log.record import Partition
from bus.store.stored import Position, Replay
from tests.contract.api.bus_under_test import (
    DOMAIN,
    PARTITIONS,
    PROBLEM,
    TYPE,
    Bus,
    Reply,
    event,
    subscription,
)
from tests.contract.api.owner import commands, database_of, save
from tests.contract.log.records import forget_before

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/subscriptions"


async def make(bus: Bus, **wish: object) -> str:
    """Subscribe to the domain, and give the path of the subscription."""
    made = await bus.call("POST", PATH, json=subscription(domains=[DOMAIN], **wish))
    assert made.status == 201, made.text
    return made.headers["Location"]


async def act(bus: Bus, path: str, what: str, document: object = None) -> Reply:
    """Ask for something that `_` begins."""
    return await bus.call("POST", f"{path}/_{what}", json=document)


async def states(bus: Bus, path: str) -> list[str]:
    """Give the state of each version that there was."""
    async with database_of(bus) as database:
        rows = await database.fetch(
            "SELECT state FROM subscription_revision WHERE subscription = $1 ORDER BY revision",
            UUID(path.rpartition("/")[2]),
        )
    return [row["state"] for row in rows]


async def test_pause_and_resume(bus: Bus) -> None:
    """Each is one new version, asked once or twice; the resource says since when."""
    path = await make(bus)
    fresh = (await bus.call("GET", path)).json
    assert (fresh["state"], "stateReason" in fresh) == ("active", False)
    first, again = await act(bus, path, "pause"), await act(bus, path, "pause", {})
    assert (first.status, again.status) == (200, 200)
    assert first.json == again.json == (await bus.call("GET", path)).json
    assert first.headers["ETag"] == again.headers["ETag"]
    assert (first.json["state"], first.json["types"]) == ("paused", [TYPE])
    assert first.json["stateSince"] > fresh["stateSince"]
    changed = await bus.call("PATCH", path, json={"types": ["a.b"]})
    assert (changed.json["state"], changed.json["stateSince"]) == (
        "paused",
        first.json["stateSince"],
    )
    for _ in range(2):
        resumed = await act(bus, path, "resume")
        assert (resumed.status, resumed.json["state"]) == (200, "active")
    assert await states(bus, path) == ["active", "paused", "paused", "active"]


async def test_a_disabled_subscription(bus: Bus) -> None:
    """It says why, is not paused, and is active again after a resume."""
    path = await make(bus)
    async with database_of(bus) as database:
        await database.execute(
            "UPDATE subscription SET state = 'disabled', state_reason = 'gone' WHERE id = $1",
            UUID(path.rpartition("/")[2]),
        )
    shown = (await bus.call("GET", path)).json
    assert (shown["state"], shown["stateReason"]) == ("disabled", "gone")
    refused = await act(bus, path, "pause")
    assert (refused.status, refused.headers["Content-Type"]) == (409, PROBLEM)
    resumed = (await act(bus, path, "resume")).json
    assert (resumed["state"], "stateReason" in resumed) == ("active", False)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_the_state_is_not_a_term(bus: Bus, method: str) -> None:
    """What was read may be sent back; a state of one's own is refused, nothing stored."""
    path = await make(bus)
    shown = (await bus.call("GET", path)).json
    assert (await bus.call(method, path, json=shown)).json["stateSince"] == shown["stateSince"]
    now = (await bus.call("GET", path)).json
    reply = await bus.call(method, path, json={**now, "state": "paused", "stateReason": "x"})
    assert (reply.status, sorted(reply.faults())) == (
        400,
        [("/state", "immutable"), ("/stateReason", "immutable")],
    )
    assert (await bus.call("GET", path)).json == now


@pytest.mark.parametrize("what", ["pause", "resume"])
async def test_acts_that_are_refused(bus: Bus, what: str) -> None:
    """A body, another organisation's, and one that is not there."""
    path = await make(bus)
    body = await act(bus, path, what, {"until": "tomorrow"})
    assert (body.status, body.faults()) == (400, [("", "not-empty")])
    other = await bus.call("POST", f"{path}/_{what}", who="other")
    nobody = await bus.call("POST", f"{PATH}/not-a-uuid/_{what}")
    operator = await bus.call("POST", f"{path}/_{what}", who="operator")
    assert (other.status, nobody.status, operator.status) == (404, 404, 403)
    assert await states(bus, path) == ["active"]


async def at_the_end(bus: Bus, path: str) -> dict[int, int]:
    """Let a subscription have had everything; give the end of each partition."""
    ends = {each.partition: offset for each, offset in (await bus.end_offsets()).items()}
    for number, end in ends.items():
        await save(bus, number, rows=(Position(UUID(path[-36:]), end, (), None, None),))
    return ends


async def filled(bus: Bus) -> None:
    """Let every partition have something."""
    await bus.publish(*(event(id=f"filler-{n}", partitionkey=f"f-{n}") for n in range(16)))


async def asked(bus: Bus, path: str) -> dict[int, tuple[int | None, int | None]]:
    """Give the replays that wait: by partition, where they begin and end."""
    return {
        number: (each.from_offset, each.until_offset)
        for number in range(PARTITIONS)
        for each in await commands(bus, number)
        if str(each.subscription) == path[-36:]
    }


async def test_a_replay_from_the_earliest(bus: Bus) -> None:
    """It waits for the owner of each partition, whose revision has changed; 202 says how much."""
    await filled(bus)
    path = await make(bus)
    ends = await at_the_end(bus, path)
    starts = {
        each.partition: offset
        for each, offset in (
            await bus.topics.start_offsets(Partition(bus.topic, number) for number in ends)
        ).items()
    }
    async with database_of(bus) as database:
        (before,) = await database.fetch("SELECT value FROM revision")
        reply = await act(bus, path, "replay", {"from": "earliest"})
        (after,) = await database.fetch("SELECT value FROM revision")
    assert reply.status == 202, reply.text
    assert reply.json["offsets"] == sum(ends.values()) - sum(starts.values())
    assert await asked(bus, path) == {number: (starts[number], None) for number in ends}
    assert after["value"] > before["value"]


async def test_a_replay_between_two_times(bus: Bus) -> None:
    """Events logged in between, of each partition that has some."""
    await filled(bus)
    place = (await bus.publish(event(id="in-between"))).json
    (logged,) = await bus.records(place)
    stamp = datetime.fromtimestamp(logged.timestamp / 1000, UTC)
    path = await make(bus)
    await at_the_end(bus, path)
    wanted = {"from": stamp.isoformat(), "until": (stamp + timedelta(milliseconds=1)).isoformat()}
    reply = await act(bus, path, "replay", wanted)
    assert reply.status == 202, reply.text
    begin, end = (await asked(bus, path))[place["partition"]]
    assert begin is not None
    assert end is not None
    assert begin <= place["offset"] < end


async def test_a_replay_of_one_partition(bus: Bus) -> None:
    """From an offset; the other partitions are left alone."""
    await filled(bus)
    path = await make(bus)
    ends = await at_the_end(bus, path)
    wanted = {"from": {bus.topic: {"0": ends[0] - 2}}}
    reply = await act(bus, path, "replay", wanted)
    assert (reply.status, reply.json["offsets"]) == (202, 2)
    assert await asked(bus, path) == {0: (ends[0] - 2, None)}


async def test_two_replays_at_once(bus: Bus) -> None:
    """While one waits or runs a second is refused; of two at the same moment one is taken."""
    await filled(bus)
    path = await make(bus)
    ends = await at_the_end(bus, path)
    both = await asyncio.gather(*(act(bus, path, "replay", {"from": "earliest"}) for _ in "ab"))
    assert sorted(reply.status for reply in both) == [202, 409]
    assert len(await asked(bus, path)) == PARTITIONS
    for number in range(PARTITIONS):
        done = tuple(
            each.id for each in await commands(bus, number) if str(each.subscription) == path[-36:]
        )
        running = Position(UUID(path[-36:]), 0, (), None, None, Replay(1, ends[number]))
        await save(bus, number, commands=done, rows=(running,))
    reply = await act(bus, path, "replay", {"from": "earliest"})
    assert (reply.status, reply.json["type"].rpartition(":")[2]) == (409, "replaying")
    await at_the_end(bus, path)
    assert (await act(bus, path, "replay", {"from": "earliest"})).status == 202


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        ({}, ("/from", "required")),
        ({"from": None}, ("/from", "not-a-time")),
        ({"from": "latest"}, ("/from", "not-a-time")),
        ({"from": "yesterday"}, ("/from", "not-a-time")),
        ({"from": "1969-01-01T00:00:00Z"}, ("/from", "out-of-range")),
        ({"from": {}}, ("/from", "empty")),
        ({"from": {"t": {}}}, ("/from", "not-offsets")),
        ({"from": {"t": {"x": 1}}}, ("/from", "not-offsets")),
        ({"from": {"t": {"0": -1}}}, ("/from", "not-offsets")),
        ({"from": {"t": {"0": True}}}, ("/from", "not-offsets")),
        ({"from": {"t": {"0": 2**70}}}, ("/from", "not-offsets")),
        ({"from": {"no-topic": {"0": 1}}}, ("/from/no-topic/0", "unknown-partition")),
        ({"from": {"TOPIC": {"77": 1}}}, ("/from/TOPIC/77", "unknown-partition")),
        ({"from": {"TOPIC": {"0": 10**9}}}, ("/from/TOPIC/0", "beyond-end")),
        ({"from": "earliest", "to": "latest"}, ("/to", "unknown-field")),
        ({"from": "earliest", "until": "soon"}, ("/until", "not-a-time")),
        ({"from": "earliest", "until": "2999-01-01T00:00:00Z"}, ("/until", "in-the-future")),
        (
            {"from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
            ("/until", "not-after-from"),
        ),
        ({"from": "2999-01-01T00:00:00Z"}, ("/from", "nothing-in-range")),
        (
            {"from": "earliest", "until": "1971-01-01T00:00:00Z"},
            ("/from", "nothing-in-range"),
        ),
    ],
    ids=str,
)
async def test_a_wrong_replay(bus: Bus, wanted: dict[str, Any], fault: tuple[str, str]) -> None:
    """The place and the fault are named; nothing is asked of anybody."""
    path = await make(bus)
    await at_the_end(bus, path)
    if isinstance(wanted.get("from"), dict) and "TOPIC" in wanted["from"]:
        wanted = {"from": {bus.topic: wanted["from"]["TOPIC"]}}
        fault = (fault[0].replace("TOPIC", bus.topic), fault[1])
    reply = await act(bus, path, "replay", wanted)
    assert (reply.status, reply.headers["Content-Type"]) == (400, PROBLEM)
    assert reply.faults() == [fault]
    assert await asked(bus, path) == {}


async def test_a_replay_of_what_the_log_has_lost(bus: Bus) -> None:
    """Refused: for a time with the earliest one there is, for an offset with the first one."""
    await filled(bus)
    path = await make(bus)
    ends = await at_the_end(bus, path)
    assert bus.settings.kafka_bootstrap is not None
    await forget_before(bus.settings.kafka_bootstrap, Partition(bus.topic, 0), ends[0] - 1)
    reply = await act(bus, path, "replay", {"from": {bus.topic: {"0": ends[0] - 2}}})
    assert reply.faults() == [(f"/from/{bus.topic}/0", "out-of-retention")]
    assert str(ends[0] - 1) in reply.json["errors"][0]["detail"]
    reply = await act(bus, path, "replay", {"from": "2020-01-01T00:00:00Z"})
    assert reply.faults() == [("/from", "out-of-retention")]
    earliest = reply.json["errors"][0]["detail"].split()[5]
    assert await asked(bus, path) == {}
    assert (await act(bus, path, "replay", {"from": earliest})).status == 202


async def test_a_replay_by_somebody_else(bus: Bus) -> None:
    """Another organisation's subscription is not there; an operator has no say."""
    path = await make(bus)
    wanted = {"from": "earliest"}
    other = await bus.call("POST", f"{path}/_replay", who="other", json=wanted)
    operator = await bus.call("POST", f"{path}/_replay", who="operator", json=wanted)
    assert (other.status, operator.status) == (404, 403)
