"""Several dispatchers on one machine, each a process: one started again when it dies."""

import asyncio
import os
from contextlib import suppress

from bus.embedded.dev import role_argv
from bus.embedded.lifetime import beside, ended_by_signals
from bus.embedded.supervise import Role, RoleService, keep_running
from bus.observe.logging import LogEvent, get
from bus.settings import Settings

_MORE_THAN_DRAIN = 4.0
"""Seconds that a dispatcher has beyond its drain: the last save, and leaving the group."""

_log = get()


async def run_workers(settings: Settings, number: int) -> None:
    """Run as many `bus dispatch` until a signal comes, then let all of them stop as planned.

    They share the partitions as if each was started by itself. Where BUS_METRICS_PORT is set the
    first has that port, the next the one after it, and so on. Our own death ends them too.
    """
    services = [_service(settings, each) for each in range(number)]
    with ended_by_signals(), suppress(asyncio.CancelledError):
        try:
            for service in services:
                await service.start()
            _log.info(LogEvent.ROLE_STARTED, count=number, pid=os.getpid())
            async with beside(keep_running(each, say=_silence) for each in services):
                await asyncio.Event().wait()
        finally:
            within = settings.drain_seconds + _MORE_THAN_DRAIN
            await asyncio.gather(*(service.stop(within) for service in services))


def _service(settings: Settings, number: int) -> RoleService:
    port = settings.metrics_port + number if settings.metrics_port else 0
    role = Role(
        name=f"dispatch-{number}",
        argv=role_argv("dispatch"),
        env={"BUS_METRICS_PORT": str(port)},
    )
    return RoleService(role, environment=os.environ, log=None)


def _silence(_text: str) -> None:
    """Say nothing: the log line tells it."""
