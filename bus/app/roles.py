"""The roles: each opens what it needs, in order, and runs until a signal."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from bus.app.chores import Chores, chores_of
from bus.app.parts import (
    credentials_of,
    database_of,
    database_url,
    guard_of,
    kafka_of,
    open_house,
    origin_of,
    recreated,
    sealer_of,
    sender_of,
    topic_sender_of,
    topics_of,
    writer_of,
)
from bus.app.server import Server, listen, server_of
from bus.log.membership import Membership
from bus.log.reader import Reader
from bus.observe import metrics
from bus.observe.logging import LogEvent, get
from bus.pull.desk import Desk
from bus.settings import Role, Settings, SettingsError
from bus.store.directory import Directory
from bus.store.errors import StoreUnavailable
from bus.store.migrate import pending
from bus.store.streams import Streams
from consumers.dispatch import window
from consumers.dispatch.letters import WebhookLetters
from consumers.dispatch.topic_letters import EveryLetter, TopicLetters
from consumers.dispatch.worker import Rooms, Worker
from consumers.sinks.route import Route
from producers.outbox.role import run_relays

_SCHEMA_PATIENCE = 5.0

_log = get()

Run = Callable[[Settings, asyncio.Event], Awaitable[None]]


def run(role: Role, settings: Settings) -> None:
    """Run one role until SIGTERM or SIGINT, then let it stop in order.

    Raises SettingsError when a setting is missing or the schema is not there.
    """
    settings.require(role)
    main = {"api": run_api, "dispatch": run_dispatch, "relay": run_relay}[role]
    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(_until_signal(role, main, settings))


async def run_api(
    settings: Settings, stopping: asyncio.Event, listening: socket.socket | None = None
) -> None:
    """Serve the API until `stopping`, then answer what was asked and close.

    It listens where the settings say, or on a socket that is given.
    """
    listening = listening or listen(settings.api_host, settings.api_port)
    host, port = listening.getsockname()[:2]
    async with open_house(settings, f"http://{host}:{port}") as house:
        server = server_of(
            house,
            request_seconds=settings.request_seconds,
            drain_seconds=settings.drain_seconds,
        )
        _log.info(LogEvent.ROLE_STARTED, host=host, port=port, pid=os.getpid())
        _settle_memory()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve(sockets=[listening]))
            stopper = tasks.create_task(_stop_when(stopping, server, house.desk))
            await serving
            stopper.cancel()


async def run_dispatch(settings: Settings, stopping: asyncio.Event) -> None:
    """Deliver until `stopping`, then put every partition down as planned."""
    kafka, group = kafka_of(settings), f"{settings.namespace}.dispatch"
    url = _public_url(settings)
    _serve_metrics(settings)
    with guard_of(settings) as guard:
        async with (
            database_of(settings, "dispatch") as database,
            Directory.open(database) as directory,
            sender_of(settings, guard) as webhooks,
            topic_sender_of(settings) as inboxes,
            topics_of(settings) as topics,
            asyncio.TaskGroup() as tasks,
        ):
            chores = Chores(database, partial(chores_of, settings, database, directory, url))
            rooms = Rooms(
                owner=f"{socket.gethostname()}:{os.getpid()}",
                streams=Streams(database, sealer_of(settings)),
                directory=directory,
                sender=Route(webhooks=webhooks, topics=inboxes),
                topic_ids=topics.identities,
                drain=settings.drain_seconds,
                letters=EveryLetter(
                    webhooks=WebhookLetters(
                        directory,
                        origin=origin_of(url),
                        credentials=credentials_of(settings, guard, database),
                    ),
                    topics=TopicLetters(directory),
                ),
                reader=partial(Reader, bootstrap=kafka, on_recreate=recreated("reader")),
                membership=lambda worker: Membership(
                    bootstrap=kafka,
                    group=group,
                    listener=worker,
                    on_recreate=recreated("membership"),
                ),
            )
            compiled = not str(window.__file__).endswith(".py")
            _log.info(LogEvent.ROLE_STARTED, group=group, pid=os.getpid(), compiled=compiled)
            _settle_memory()
            tasks.create_task(chores.run(stopping), name="chores")
            await Worker(rooms).run(stopping)


async def run_relay(settings: Settings, stopping: asyncio.Event) -> None:
    """Take the rows of every outbox to the log until `stopping`."""
    _serve_metrics(settings)
    async with (
        database_of(settings, "relay") as database,
        Directory.open(database) as directory,
        writer_of(settings) as writer,
    ):
        _log.info(LogEvent.ROLE_STARTED, count=len(settings.outbox_urls), pid=os.getpid())
        await run_relays(
            settings.outbox_urls,
            writer=writer,
            directory=directory,
            organisation=settings.organisation or "",
            public_url=_public_url(settings),
            stopping=stopping,
        )


def _public_url(settings: Settings) -> str:
    """Give the address of the API, for a role that does not serve it."""
    return settings.public_url or f"http://{settings.api_host}:{settings.api_port}"


def _loop() -> asyncio.AbstractEventLoop:
    """Give uvloop: sending an event costs half of what it does on the standard loop."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - not there on Windows

    return uvloop.new_event_loop()


def _serve_metrics(settings: Settings) -> None:
    """Answer /metrics beside the work, if a port is set for it."""
    host, port = settings.metrics_host, settings.metrics_port
    try:
        metrics.serve(host, port)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(
            f"cannot listen on {host}:{port} ({reason}): set BUS_METRICS_PORT"
        ) from None


async def _stop_when(stopping: asyncio.Event, server: Server, desk: Desk) -> None:
    await stopping.wait()
    desk.close()
    server.should_exit = True


async def _until_signal(role: Role, main: Run, settings: Settings) -> None:
    await _check_schema(settings, role)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        await main(settings, stopping)
    except Exception:
        _log.exception(LogEvent.ROLE_FAILED)
        raise
    _log.info(LogEvent.ROLE_STOPPED)


async def _check_schema(settings: Settings, role: Role) -> None:
    """Refuse a database without our tables; one that does not answer may come later."""
    with suppress(TimeoutError, StoreUnavailable):
        async with asyncio.timeout(_SCHEMA_PATIENCE):
            if missing := await pending(database_url(settings)):
                names = ", ".join(missing)
                raise SettingsError(
                    f"`bus {role}` needs a newer schema ({names}): run `bus migrate`"
                )


def _settle_memory() -> None:
    """Keep what lives as long as the process out of the collector's way."""
    gc.collect()
    gc.freeze()
