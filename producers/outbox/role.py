"""The role `bus relay`: a relay for each outbox, in one process."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from bus.log.writer import Writer
from bus.store.database import Database
from bus.store.directory import Directory
from bus.store.outbox import Outbox
from producers.outbox.relay import Relay


async def run_relays(
    urls: Sequence[str],
    *,
    writer: Writer,
    directory: Directory,
    organisation: str,
    public_url: str,
    stopping: asyncio.Event,
) -> None:
    """Relay the outboxes in the databases at `urls` until `stopping` is set.

    `organisation` is the OIN for which events are published: sources that it does not own are
    refused. `public_url` is the address of the bus. `writer` and `directory` are open, and stay
    so. A relay keeps one connection to its database, for itself: behind a pooler it needs one that
    pools sessions, not transactions.
    Raises StatementRefused at once when one of the `urls` is no address of Postgres.
    """
    async with AsyncExitStack() as stack:
        relays = []
        for url in urls:
            database = await stack.enter_async_context(
                Database.open(url, application_name="bus relay", max_size=1)
            )
            relays.append(
                Relay(
                    name=outbox_name(url),
                    outbox=Outbox(database),
                    writer=writer,
                    directory=directory,
                    organisation=organisation,
                    public_url=public_url,
                )
            )
        async with asyncio.TaskGroup() as tasks:
            for relay in relays:
                tasks.create_task(relay.run(stopping), name="relay")


def outbox_name(url: str) -> str:
    """Name an outbox by the host and name of its database, without user and password."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2] or 'local'}{parts.path}"
