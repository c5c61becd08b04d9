"""`bus demo`: everything on this machine, with a register that changes and three components."""

import asyncio
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from bus.app import dev as development
from bus.cli.dev import PortOption, api_port, options_of, progress_line, say, wait_ready
from bus.cli.failure import Failure
from bus.cli.show import AsJson
from bus.demo import register
from bus.demo.api import ApiFailed
from bus.demo.components import COMPONENTS
from bus.demo.play import Stage, play
from bus.demo.show import Show, show_for
from bus.embedded.dev import Dev, Role, running
from bus.embedded.errors import Stopped
from bus.observe.logging import configure
from bus.settings import Settings

_SOURCE = f"urn:nld:oin:{development.OIN}:systeem:zaken"


def demo(
    *,
    once: Annotated[
        bool,
        typer.Option("--once", help="Play a short story, check every delivery, and stop."),
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir", help="Where everything is kept; a temporary folder if not given."
        ),
    ] = None,
    port: PortOption = None,
    as_json: AsJson = False,
) -> None:
    """Run `bus dev` with a sample register and three components, and show what they receive.

    The register changes every second or two until Ctrl-C. With --once it plays a short story: exit
    code 0 when every component had exactly what it asked for, in order; else 1 and the differences.
    """
    settings = Settings.load()
    configure(role="demo", level="warning")
    # A component that fails on purpose would write a line each time; the table shows it.
    logging.getLogger("gemeentebus.receive").setLevel(logging.CRITICAL)
    with _folder(data_dir) as folder:
        try:
            wrong = asyncio.run(_demo(settings, folder, port, show_for(as_json=as_json), once=once))
        except ApiFailed as error:
            raise Failure(str(error)) from None
        if wrong:
            raise typer.Exit(1)
    if once and wrong is None:
        raise Failure("stopped before its end")


async def _demo(
    settings: Settings, folder: Path, port: int | None, show: Show, *, once: bool
) -> list[str] | None:
    """Run it all; give what did not come as it should, or None when a signal ended it."""
    began = time.monotonic()
    chosen = 0
    options = options_of(settings, folder)
    # On servers of somebody who may have a bus there, the demo's own has other names.
    namespace = f"{settings.namespace}.demo" if options.kafka_bootstrap else settings.namespace
    beside = options.database_url
    if beside is not None:
        options = replace(options, database_url=_named(beside, "demo"))

    async def prepare(bus: Dev) -> None:
        bus.share(BUS_NAMESPACE=namespace)
        if beside is not None:
            await register.ensure_database(bus.database_url, beside)
        await development.prepare(bus, namespace=namespace)
        await register.ensure_database(_named(bus.database_url, "zaken"), bus.database_url)
        await register.prepare(_named(bus.database_url, "zaken"), source=_SOURCE)

    def roles(bus: Dev) -> list[Role]:
        nonlocal chosen
        chosen = api_port(bus.data, port)
        bus.share(BUS_URL=f"http://127.0.0.1:{chosen}")
        outboxes = [_named(bus.database_url, "zaken")]
        return development.roles(bus, port=chosen, outboxes=outboxes)

    wrong: list[str] | None = None
    async with running(
        options, prepare=prepare, roles=roles, say=say, progress=progress_line()
    ) as bus:
        url = f"http://127.0.0.1:{chosen}"
        await wait_ready(url, bus.token)
        _tell(show, bus, url, time.monotonic() - began)
        stage = Stage(url=url, token=bus.token, register_url=_named(bus.database_url, "zaken"))
        wrong = await play(stage, show, once=once)
    return wrong  # noqa: RET504 - a signal ends the block early, and without an error


def _named(url: str, suffix: str) -> str:
    """Give the address of the database whose name goes on after that of another."""
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path}_{suffix}").geturl()


def _tell(show: Show, bus: Dev, url: str, seconds: float) -> None:
    folder = bus.data.path
    facts = {
        "ready": f"after {seconds:.1f} s",
        "api": url,
        "descriptions": f"{url}/v1/openapi.json",
        "token": str(folder / "token"),
        "elsewhere": f". {folder / 'env'}",
    }
    show.tell(facts | {component.name: component.wish for component in COMPONENTS})


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """Give the data folder: the one that was asked for, else one that goes when all went well."""
    if given is not None:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="gemeentebus-demo-"))
    keep = False
    try:
        yield folder
    except Exception as error:
        keep = not isinstance(error, Stopped)
        raise
    finally:
        if keep:
            say(f"Its logs are kept in {folder / 'logs'}.")
        else:
            shutil.rmtree(folder, ignore_errors=True)
