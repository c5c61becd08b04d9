"""`bus dev`: everything on this machine."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Collection
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import aiohttp
import typer

from bus.app import dev as development
from bus.cli.failure import Failure
from bus.embedded.datadir import DataDir, kept_ports
from bus.embedded.dev import Dev, Options, Role, running
from bus.embedded.errors import PortTaken
from bus.embedded.jars import Progress, default_cache
from bus.observe.logging import configure
from bus.settings import Settings

_PORT = 8080
_READY_WITHIN = 60.0  # seconds from the start of the roles
_POLL = 0.1

DataDirOption = Annotated[Path, typer.Option("--data-dir", help="Where everything is kept.")]
PortOption = Annotated[
    int | None, typer.Option(help="Port of the API; 8080 or a free one when not given.", min=1)
]


def dev(
    *,
    data_dir: DataDirOption = Path(".bus"),
    port: PortOption = None,
    outbox: Annotated[
        list[str] | None,
        typer.Option(help="A register's database whose outbox to relay; may be repeated."),
    ] = None,
) -> None:
    """Run everything on this machine: Kafka, Postgres, the API, the dispatcher and the relay.

    Nothing has to be installed but Python. Data survives restarts; Ctrl-C stops all.
    BUS_KAFKA_BOOTSTRAP and BUS_DATABASE_URL use running servers instead.
    """
    settings = Settings.load()
    configure(role="dev", level="warning")
    asyncio.run(_dev(settings, data_dir, port, [*settings.outbox_urls, *(outbox or [])]))


async def _dev(settings: Settings, folder: Path, port: int | None, outboxes: list[str]) -> None:
    began = time.monotonic()
    chosen = 0

    def roles(bus: Dev) -> list[Role]:
        nonlocal chosen
        chosen = api_port(bus.data, port)
        bus.share(BUS_URL=f"http://127.0.0.1:{chosen}")
        return development.roles(bus, port=chosen, outboxes=outboxes)

    async with running(
        options_of(settings, folder),
        prepare=development.prepare,
        roles=roles,
        say=say,
        progress=progress_line(),
    ) as bus:
        await wait_ready(f"http://127.0.0.1:{chosen}", bus.token)
        _tell(bus, f"http://127.0.0.1:{chosen}", time.monotonic() - began)
        await bus.forever()


def options_of(settings: Settings, folder: Path) -> Options:
    """Give what the settings say of the servers behind `bus dev`."""
    token = settings.dev_token
    url = None if settings.database_url is None else settings.database_url.get_secret_value()
    own = _own_ports(folder)
    return Options(
        data_dir=folder,
        cache=settings.cache_dir or default_cache(os.environ),
        environment=dict(os.environ),
        kafka_bootstrap=_of_others(settings.kafka_bootstrap, own),
        database_url=_of_others(url, own),
        token=None if token is None else token.get_secret_value(),
        mirror=settings.maven_mirror,
        offline=settings.offline,
    )


def _own_ports(folder: Path) -> frozenset[int]:
    """Give the ports that this folder's own servers had in an earlier run."""
    return frozenset(kept_ports(folder / "ports.json").values())


def _of_others(address: str | None, own: Collection[int]) -> str | None:
    """Give an address unless it is that of our own server, put into the environment by D/env."""
    ours = address is not None and any(f"@127.0.0.1:{port}/" in f"@{address}/" for port in own)
    return None if ours else address


def api_port(data: DataDir, wanted: int | None) -> int:
    """Give the port of the API: as wanted, else 8080, else a free one."""
    try:
        return data.port("api", wanted or _PORT)
    except PortTaken:
        if wanted:
            raise
        return data.port("api")


async def wait_ready(url: str, token: str) -> None:
    """Wait until /readyz says yes; Failure with its last cause when it takes too long.

    A bus that does not know the token is another one, which took the port while we started.
    """
    cause = "it does not answer"
    deadline = time.monotonic() + _READY_WITHIN
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        while time.monotonic() < deadline:
            try:
                async with session.get(f"{url}/readyz") as ready:
                    cause = await ready.text()
                async with session.get(f"{url}/v1/domains") as domains:
                    if domains.status == HTTPStatus.UNAUTHORIZED:
                        raise Failure(
                            f"{url} is another bus, which began at the same time. "
                            "Cure: start again, or choose another port."
                        )
                    if ready.status == domains.status == HTTPStatus.OK:
                        return
            except aiohttp.ClientError:
                pass  # not yet
            await asyncio.sleep(_POLL)
    raise Failure(f"the API at {url} does not get ready: {cause}. Cure: see logs/api.log")


def say(text: str) -> None:
    """Print a line beside the progress."""
    sys.stderr.write(f"{text}\n")


def progress_line() -> Callable[[Progress], None]:
    """Give what shows how far a download is: one line on a terminal, some lines elsewhere."""
    return partial(_progress, {"percent": -100})


def _progress(last: dict[str, int], progress: Progress) -> None:
    percent = 100 * progress.done_bytes // max(1, progress.total_bytes)
    terminal = sys.stderr.isatty()
    if percent < last["percent"] + (1 if terminal else 25) and progress.done < progress.files:
        return
    last["percent"] = percent
    end = "\n" if progress.done == progress.files or not terminal else "\r"
    size = f"{progress.total_bytes / 1e6:.0f} MB"
    files = f"{progress.done}/{progress.files} files"
    sys.stderr.write(f"fetching Kafka: {percent:3d} % of {size}, {files}{end}")
    sys.stderr.flush()


def _tell(bus: Dev, url: str, seconds: float) -> None:
    folder = bus.data.path
    typer.echo(f"The bus is ready after {seconds:.1f} s.")
    typer.echo(f"  API          {url}")
    typer.echo(f"  descriptions {url}/v1/openapi.json")
    typer.echo(f"  token        {folder / 'token'}")
    typer.echo(f"  elsewhere    . {folder / 'env'}   (then: bus publish, bus topics, …)")
    typer.echo(f"  logs         {folder / 'logs'}")
    typer.echo("Ctrl-C stops everything.")
