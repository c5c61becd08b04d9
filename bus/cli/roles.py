"""The roles, one process each, for real clusters."""

import asyncio
from typing import Annotated

import typer

from bus.app.roles import run
from bus.app.workers import run_workers
from bus.observe.logging import configure
from bus.settings import Role, Settings

_Workers = Annotated[
    int,
    typer.Option(
        min=1,
        max=256,
        help="Processes to run, one for each core; more than there are partitions would idle.",
    ),
]


def api() -> None:
    """Serve the HTTP API, by the settings that `bus settings` lists."""
    _run("api")


def dispatch(workers: _Workers = 1) -> None:
    """Deliver events to subscribers; start as many as you like, on as many machines."""
    if workers == 1:
        _run("dispatch")
        return
    settings = Settings.load("dispatch")
    settings.require("dispatch")
    configure(role="dispatch", level=settings.log_level)
    asyncio.run(run_workers(settings, workers))


def relay() -> None:
    """Take the outboxes of registers (BUS_OUTBOX_URLS) to the log; of several, one works."""
    _run("relay")


def _run(role: Role) -> None:
    settings = Settings.load(role)
    configure(role=role, level=settings.log_level)
    run(role, settings)
