"""`bus topics` and `bus tail`: the log, as it is and as it grows."""

import asyncio
import time
from typing import Annotated

import typer

from bus.app.parts import database_of, kafka_of, topics_of
from bus.cli.client import Url, call
from bus.cli.show import AsJson, print_json, show
from bus.codec import json as codec
from bus.codec import kafka
from bus.event import InvalidEvent
from bus.log.reader import Reader
from bus.log.record import Partition, Record
from bus.settings import Settings
from bus.store.directory import Directory

_TOPIC = ["topic", "partition", "endOffset", "eventsPerSecond", "lagEvents", "lagSeconds", "owner"]


def topics(*, url: Url = None, as_json: AsJson = False) -> None:
    """Show each topic and partition: end offset, events per second, lag of its stream."""
    items = call("GET", "/v1/topics", url=url)["items"]
    if as_json:
        print_json(items)
        return
    rows = [{"topic": item["topic"], **row} for item in items for row in item["partitions"]]
    show(rows, _TOPIC, as_json=False)


def tail(
    domain: Annotated[list[str] | None, typer.Argument(help="Domains; all when none.")] = None,
    *,
    whole: Annotated[
        bool, typer.Option(help="Print whole events; mind the personal data in them.")
    ] = False,
    count: Annotated[
        int | None, typer.Option("--count", "-n", help="Stop after so many events.")
    ] = None,
) -> None:
    """Print events as they enter the log; reads Kafka itself, by the settings of the bus."""
    settings = Settings.load("dispatch")
    asyncio.run(_tail(settings, domain or [], whole=whole, count=count))


async def _tail(settings: Settings, names: list[str], *, whole: bool, count: int | None) -> None:
    async with (
        database_of(settings, "tail") as database,
        Directory.open(database) as directory,
        topics_of(settings) as log,
    ):
        domains = (await directory.refresh()).domains
        chosen = [each for each in domains if not names or each.name in names]
        if unknown := sorted(set(names) - {each.name for each in chosen}):
            raise typer.BadParameter(f"no such domain: {', '.join(unknown)}")
        partitions = [Partition(d.topic, number) for d in chosen for number in range(d.partitions)]
        ends = await log.end_offsets(partitions)
    left = count
    async with Reader(bootstrap=kafka_of(settings), assignment=ends) as reader:
        while left is None or left > 0:
            for records in (await reader.read(100, 1.0)).values():
                for record in records[:left]:
                    typer.echo(_line(record, whole=whole))
                    left = None if left is None else left - 1


def _line(record: Record, *, whole: bool) -> str:
    place = f"{record.topic}/{record.partition}@{record.offset}"
    try:
        event = kafka.decode(record.headers, record.value)
    except InvalidEvent:
        return f"{place}  (not a CloudEvent)"
    if whole:
        return f"{place}  {codec.encode(event).decode()}"
    at = time.strftime("%H:%M:%S", time.localtime(record.timestamp / 1000))
    return f"{at}  {place}  {event.type}  {event.source}  {event.id}"
