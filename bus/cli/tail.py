"""`bus tail`: the log as it grows."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import orjson
import typer

from bus.app.parts import database_of, kafka_of, topics_of
from bus.cli.failure import Failure
from bus.codec import json as codec
from bus.codec import kafka
from bus.log.reader import Reader
from bus.log.record import Partition, Record
from bus.settings import Settings
from bus.store.directory import Directory


def tail(
    domain: Annotated[list[str] | None, typer.Argument(help="Domains; all when none.")] = None,
    *,
    whole: Annotated[
        bool, typer.Option("--whole", help="Print whole events; mind the personal data in them.")
    ] = False,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, help="Stop after so many events.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each as a line of JSON.")] = False,
) -> None:
    """Print events as they enter the log; reads Kafka itself, by the settings of the bus."""
    settings = Settings.load()
    ends = asyncio.run(_ends(settings, domain or []))
    asyncio.run(_tail(settings, ends, partial(_json if as_json else _text, whole=whole), count))


async def _ends(settings: Settings, names: list[str]) -> Mapping[Partition, int]:
    """Give where the log of these domains ends now."""
    async with (
        database_of(settings, "tail") as database,
        Directory.open(database) as directory,
        topics_of(settings) as log,
    ):
        domains = (await directory.refresh()).domains
        chosen = [each for each in domains if not names or each.name in names]
        if unknown := sorted(set(names) - {each.name for each in chosen}):
            raise Failure(f"no such domain: {', '.join(unknown)}. Cure: `bus domains list`.")
        partitions = [Partition(d.topic, number) for d in chosen for number in range(d.partitions)]
        return await log.end_offsets(partitions)


async def _tail(
    settings: Settings,
    ends: Mapping[Partition, int],
    line: Callable[[Record], str],
    left: int | None,
) -> None:
    async with Reader(bootstrap=kafka_of(settings), assignment=ends) as reader:
        while left is None or left > 0:
            for records in (await reader.read(100, 1.0)).values():
                for record in records[:left]:
                    typer.echo(line(record))
                    left = None if left is None else left - 1


def _text(record: Record, *, whole: bool) -> str:
    place = f"{record.topic}/{record.partition}@{record.offset}"
    event = kafka.event_in(record.headers, record.value)
    if event is None:
        return f"{place}  (not a CloudEvent)"
    if whole:
        return f"{place}  {codec.encode(event).decode()}"
    at = time.strftime("%H:%M:%S", time.localtime(record.timestamp / 1000))
    return f"{at}  {place}  {event.type}  {event.source}  {event.id}"


def _json(record: Record, *, whole: bool) -> str:
    line: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "loggedAt": datetime.fromtimestamp(record.timestamp / 1000, UTC),
    }
    if event := kafka.event_in(record.headers, record.value):
        line |= {"type": event.type, "source": event.source, "id": event.id}
        if whole:
            line["event"] = orjson.Fragment(codec.encode(event))
    return orjson.dumps(line, option=orjson.OPT_UTC_Z).decode()
