"""The owner of a partition in the hands of a test: saves exceptions as a dispatcher does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bus.codec import kafka
from bus.event import Event
from bus.store.database import Database
from bus.store.partition import Command, DeadLetter, Save, StoredRecord
from bus.store.secrets import Sealer
from bus.store.streams import Streams
from tests.contract.api.bus_under_test import PERSONAL, SOURCE, TYPE, Bus

WHEN = datetime(2026, 11, 23, 12, tzinfo=UTC)
HIDDEN = Event(
    id="given-up",
    source=SOURCE,
    type=TYPE,
    attributes={"subject": PERSONAL, "partitionkey": PERSONAL},
    data=b'{"bsn": "' + PERSONAL.encode() + b'"}',
)


@asynccontextmanager
async def database_of(bus: Bus) -> AsyncIterator[Database]:
    """Open the database of a bus."""
    assert bus.settings.database_url is not None
    url = bus.settings.database_url.get_secret_value()
    async with Database.open(url, application_name="tests") as database:
        yield database


async def save(bus: Bus, partition: int, **fields: Any) -> None:  # noqa: ANN401 - of a Save
    """Take a partition and save something there; the stream's position stays unless given."""
    async with database_of(bus) as database:
        streams = Streams(database, Sealer(bytes(range(32))))
        taken = await streams.take(bus.topic, partition, "worker-1")
        as_it_was = Save(bus.topic, partition, taken.epoch, taken.next_offset, taken.revision)
        await streams.save(replace(as_it_was, **fields))


async def commands(bus: Bus, partition: int) -> list[Command]:
    """Give what the owner of a partition is asked."""
    async with database_of(bus) as database:
        streams = Streams(database, Sealer(bytes(range(32))))
        taken = await streams.take(bus.topic, partition, "worker-1")
        return await streams.commands(bus.topic, partition, taken.epoch)


def record() -> StoredRecord:
    """Give an event with personal data, as the log has it."""
    headers, value = kafka.encode(HIDDEN)
    return StoredRecord(PERSONAL.encode(), value, tuple(headers), 1_700)


def letter(subscription: str, offset: int, **fields: Any) -> DeadLetter:  # noqa: ANN401
    """Make a dead letter that was refused at once."""
    made = DeadLetter(
        *(UUID(subscription), offset, record(), HIDDEN.id, HIDDEN.source, HIDDEN.type),
        *("refused", "refused 422", 1, WHEN, WHEN),
    )
    return replace(made, **fields)
