"""The roles as processes: what they refuse at the start, and how they end."""

import asyncio
import json
import os
import signal
import uuid
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest

from bus.embedded.datadir import free_port
from tests.contract.api.bus_under_test import STRUCTURED, Bus, event
from tests.contract.cli.command import BUS, environment, run

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_role_wants_a_schema_and_migrate_makes_it(bus: Bus, postgres: str) -> None:
    """On an empty database a role says which command helps; that command does, and only once."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    admin = await asyncpg.connect(postgres)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        url = urlsplit(postgres)._replace(path=f"/{name}").geturl()
        env = environment(bus, BUS_DATABASE_URL=url)
        for role in ("api", "dispatch"):
            refused = await run(role, env=env)
            assert (refused.code, "run `bus migrate`" in refused.err) == (2, True)
        first = await run("migrate", env=env)
        assert (first.code, "applied 0001" in first.out) == (0, True)
        second = await run("migrate", "--json", env=env)
        assert second.json() == {"applied": []}
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


async def test_a_port_in_use(bus: Bus) -> None:
    """The API names the port and the setting to change."""
    result = await run("api", env=environment(bus, BUS_API_PORT=str(bus.port)))
    assert result.code == 2
    assert f":{bus.port} " in result.err
    assert "BUS_API_PORT" in result.err


async def test_a_planned_stop_answers_what_was_asked(bus: Bus) -> None:
    """SIGTERM in the middle of requests: each that was begun is answered; exit code 0."""
    port = free_port()
    env = environment(bus, BUS_API_PORT=str(port))
    process = await asyncio.create_subprocess_exec(BUS, "api", env=env, stderr=-1)
    url, headers = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {bus.tokens['all']}"}
    statuses: list[int] = []
    stopping = asyncio.Event()

    async def publish(http: aiohttp.ClientSession) -> None:
        while True:
            try:
                async with http.post(
                    "/v1/events", json=event(), headers={"Content-Type": STRUCTURED}
                ) as answer:
                    await answer.read()
                    statuses.append(answer.status)
            except aiohttp.ClientConnectorError:
                assert stopping.is_set()
                return
            except aiohttp.ClientConnectionError:
                # A kept connection was closed as the next request went out: that never began.
                assert stopping.is_set()

    async with aiohttp.ClientSession(url, headers=headers) as http:
        await until_ready(http)
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            for _ in range(20):
                tasks.create_task(publish(http))
            while len(statuses) < 200:  # noqa: ASYNC110 - the tasks work on
                await asyncio.sleep(0.01)
            stopping.set()
            process.send_signal(signal.SIGTERM)
    _, err = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 0, err
    assert set(statuses) == {202}
    assert b'"role.stopped"' in err


async def until_ready(http: aiohttp.ClientSession) -> None:
    """Wait for /readyz."""
    async with asyncio.timeout(20):
        while True:
            try:
                async with http.get("/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)


async def test_workers_are_processes_that_share_the_partitions(bus: Bus) -> None:
    """One that is killed is started again; SIGTERM ends all as planned, with exit code 0."""
    process = await asyncio.create_subprocess_exec(
        BUS, "dispatch", "--workers", "2", env=environment(bus), stdout=-1, stderr=-2
    )
    lines: list[dict[str, object]] = []

    async def told(event: str, number: int) -> None:
        while sum(line.get("event") == event for line in lines) < number:
            assert process.stdout is not None
            line = await process.stdout.readline()
            assert line, lines
            if line.startswith(b"{"):
                lines.append(json.loads(line))

    async with asyncio.timeout(60):
        await told("role.started", 3)
        pids = [line["pid"] for line in lines if "group" in line]
        os.kill(int(str(pids[0])), signal.SIGKILL)
        await told("embedded.child_died", 1)
        await told("role.started", 4)
        process.send_signal(signal.SIGTERM)
        await told("role.stopped", 2)
        assert await process.wait() == 0
