"""`bus pull`: what it prints, and what it leaves for the next time."""

import asyncio
import json
import signal

import pytest

from tests.contract.api.bus_under_test import Bus, event
from tests.contract.cli.command import BUS, environment, run

pytestmark = pytest.mark.asyncio(loop_scope="session")

TYPE = "nl.vng.zaken.cli-pull"
DATA = {"datacontenttype": "application/json", "data": {"naam": "é"}}


async def subscribed(bus: Bus) -> str:
    """Subscribe to be pulled; give the id."""
    made = await run("subscribe", "--pull", "--type", TYPE, "--json", env=environment(bus))
    assert made.json()["protocol"] == "PULL"
    return str(made.json()["id"])


async def test_pull_prints_what_is_there(bus: Bus) -> None:
    """A line of JSON per event; acknowledged, it does not come again; by a cursor, it does."""
    id_ = await subscribed(bus)
    await bus.publish(*(event(id=f"p{n}", type=TYPE, **DATA) for n in range(3)))
    seen = await run("pull", id_, env=environment(bus))
    assert seen.code == 0, seen.err
    lines = [json.loads(line) for line in seen.out.splitlines()]
    assert [line["id"] for line in lines] == ["p0", "p1", "p2"]
    assert lines[0]["data"] == DATA["data"]
    two = await run("pull", id_, "--ack", "-n", "2", env=environment(bus))
    assert len(two.out.splitlines()) == 2
    cursor = two.err.split()[1]
    for arguments in ((), ("--after", cursor)):
        rest = await run("pull", id_, *arguments, env=environment(bus))
        assert [json.loads(line)["id"] for line in rest.out.splitlines()] == ["p2"]


async def test_pull_follows(bus: Bus) -> None:
    """With --follow it waits for what comes, until Ctrl-C; where it stood then is told."""
    id_ = await subscribed(bus)
    process = await asyncio.create_subprocess_exec(
        *(BUS, "pull", id_, "--follow"),
        env=environment(bus),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        await bus.publish(event(id="f1", type=TYPE))
        assert json.loads(await process.stdout.readline())["id"] == "f1"
        await bus.publish(event(id="f2", type=TYPE))
        assert json.loads(await process.stdout.readline())["id"] == "f2"
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
    assert (process.returncode, errors[:7]) == (130, b"cursor "), errors


async def test_what_cannot_be_pulled(bus: Bus) -> None:
    """A cursor that is none, a subscription that is not there, an address beside --pull."""
    id_ = await subscribed(bus)
    damaged = await run("pull", id_, "--after", "1x", env=environment(bus))
    assert damaged.code == 1
    assert "not-a-cursor" in damaged.err
    missing = await run("pull", "nope", env=environment(bus))
    assert missing.code == 1
    both = await run("subscribe", "http://127.0.0.1:9/", "--pull", env=environment(bus))
    neither = await run("subscribe", env=environment(bus))
    assert (both.code, neither.code) == (2, 2)
