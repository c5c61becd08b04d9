"""`bus dev` as a developer meets it, on servers that already run."""

import asyncio
import shlex
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bus.cli.dev import wait_ready
from bus.cli.failure import Failure
from tests.contract.api.bus_under_test import Bus
from tests.contract.cli.command import BUS, Result, environment, run


@asynccontextmanager
async def dev(folder: Path, env: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `bus dev` until it says that it is ready; stop it with SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        *(BUS, "dev", "--data-dir", folder), env=env, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            while b"Ctrl-C" not in (line := await process.stdout.readline()):
                assert line, "it ended before it was ready"
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(12):
            await process.wait()


def joined(folder: Path) -> dict[str, str]:
    """Give the environment of somebody who did `. D/env`."""
    given = {}
    for line in (folder / "env").read_text().splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        given[name] = shlex.split(value)[0]
    return environment(None, **given)


async def test_from_a_changed_row_to_the_log(
    kafka: str, database_url: str, namespace: str, tmp_path: Path
) -> None:
    """A token from the folder lets in, any event is taken, a watched table publishes."""
    env = environment(
        None,
        BUS_KAFKA_BOOTSTRAP=kafka,
        BUS_DATABASE_URL=database_url,
        BUS_NAMESPACE=namespace,
        BUS_DEV_TOKEN="gb_a-token-of-my-own",
    )
    async with dev(tmp_path, env) as process:
        second = await run("dev", "--data-dir", str(tmp_path), env=env)
        assert second.code == 1
        assert f"process {process.pid}" in second.err
        mine = joined(tmp_path) | {"BUS_NAMESPACE": namespace}
        assert mine["BUS_TOKEN"] == "gb_a-token-of-my-own"
        assert (tmp_path / "token").read_text().strip() == mine["BUS_TOKEN"]
        published = await run(
            *("publish", "--type", "any.thing", "--source", "urn:anybody", "--json"), env=mine
        )
        assert published.json()[0]["topic"] == f"{namespace}.default"
        await watched_table(mine)
        doctor = await run("doctor", env=mine)
        assert doctor.code == 0, doctor.out
    assert process.returncode == 0
    away = await run("topics", env=mine)
    assert (away.code, "Cure" in away.err) == (1, True)


async def watched_table(env: dict[str, str]) -> None:
    """Watch a table of a register, see it listed, and let it go again."""
    url = ("--database-url", env["BUS_DATABASE_URL"])
    watch = ("outbox", "watch", "organisation", "--source", "urn:x", "--type-prefix", "nl.x.org")
    tail = asyncio.create_task(run("tail", "-n", "1", env=env))
    watched = await run(*watch, *url, env=env)
    assert watched.code == 0, watched.err
    listed = (await run("outbox", "list", "--json", *url, env=env)).json()
    assert [(row["relation"], row["state"]) for row in listed] == [("organisation", "ok")]
    changes = asyncio.create_task(change_until_done(tail, env))
    seen: Result = await tail
    await changes
    assert "nl.x.org-gecreeerd" in seen.out
    unwatched = await run("outbox", "unwatch", "organisation", *url, env=env)
    assert unwatched.code == 0
    again = await run("outbox", "unwatch", "organisation", *url, env=env)
    assert (again.code, "was not watched" in again.err) == (1, True)


async def change_until_done(tail: asyncio.Task[Result], env: dict[str, str]) -> None:
    """Add rows until somebody has seen one of them in the log."""
    number = 0
    while not tail.done():
        number += 1
        added = await run("organisations", "add", f"{number:020}", "Nieuw", env=env)
        assert added.code == 0, added.err


async def test_a_port_that_is_taken(
    kafka: str, database_url: str, namespace: str, tmp_path: Path
) -> None:
    """A port that was asked for and is taken is named, with the cure."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    env = environment(
        None,
        BUS_KAFKA_BOOTSTRAP=kafka,
        BUS_DATABASE_URL=database_url,
        BUS_NAMESPACE=namespace,
    )
    result = await run(*("dev", "--data-dir", str(tmp_path), "--port", str(port)), env=env)
    server.close()
    assert (result.code, str(port) in result.err) == (1, True)


@pytest.mark.asyncio(loop_scope="session")
async def test_another_bus_on_the_port_is_not_taken_for_ours(bus: Bus) -> None:
    """Of two that start at once one gets the port; the other one says so, and is not ready."""
    await wait_ready(bus.url, bus.tokens["all"])
    with pytest.raises(Failure, match="another bus"):
        await wait_ready(bus.url, "gb_a-token-of-somebody-else")
