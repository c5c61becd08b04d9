"""Records that others write to the log, past the API: read in both forms, or left alone."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from cloudevents.core.bindings.kafka import KafkaMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from consumers.dispatch.invalid import MAX_INVALID
from consumers.dispatch.reading import READ_RECORDS
from tests.house import SOURCE, House, events, sinks, until

CHANGED, REMOVED = "nl.test.gewijzigd", "nl.test.verwijderd"
STRUCTURED = ("content-type", b"application/cloudevents+json")

LEAST = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"bad"),
    ("ce_source", SOURCE.encode()),
    ("ce_type", CHANGED.encode()),
]
INVALID: list[tuple[list[tuple[str, bytes]], bytes | None]] = [
    ([], b"no event at all"),
    (LEAST[1:], b"{}"),
    ([*LEAST, ("ce_id", b"bad-2")], None),
    ([*LEAST, ("ce_time", b"yesterday")], None),
    ([*LEAST, ("ce_subject", b"\xff")], None),
    ([*LEAST, ("content-type", b"application/json")], b"{"),
    ([*LEAST, ("content-type", b"application/cloudevents+avro")], b"\x00"),
    ([STRUCTURED], None),
    ([STRUCTURED], b'{"specversion":"1.0","id":"bad","type":"nl.test.gewijzigd"}'),
    ([STRUCTURED], b'{"specversion":"1.0","id":"bad","source":"/","type":"nl.test.gewijzigd"'),
]
"""Each wrong in its own way, of a type that is wanted where it has one."""

DISK_FULL = (
    "CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE disk_full; END$$"
)


@pytest_asyncio.fixture
async def house(kafka: str, database_url: str, namespace: str) -> AsyncIterator[House]:
    """Give an open house."""
    async with House.open(kafka, database_url, namespace) as opened:
        yield opened


@pytest_asyncio.fixture
async def stranger(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    """Give a producer that knows nothing of the bus."""
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        yield producer


def made_by_the_sdk(number: int, type_: str) -> KafkaMessage:
    """Write an event as the CloudEvents SDK does: each second one structured."""
    attributes = {
        "id": f"{number:06}",
        "source": SOURCE,
        "type": type_,
        "partitionkey": "k",
        "datacontenttype": "application/json",
    }
    write = to_structured_event if number % 2 else to_binary_event
    return write(CloudEvent(attributes, {"nummer": number, "naam": "Café €"}))


async def test_both_forms_are_delivered_and_what_is_no_event_is_not(
    house: House, stranger: AIOKafkaProducer
) -> None:
    """Structured or binary makes no difference; an invalid record holds up nothing behind it."""
    async with sinks(2) as (everything, removals):
        domain = await house.domain("nl.test", 1)
        await house.subscribe(everything, types=(CHANGED, REMOVED))
        await house.subscribe(removals, types=(REMOVED,))
        async with house.dispatcher():
            for number in range(2 * len(INVALID)):
                headers, value = INVALID[number // 2]
                await stranger.send(domain.topic, value, b"k0", 0, headers=headers)
                message = made_by_the_sdk(number, REMOVED if number < 4 else CHANGED)
                await stranger.send_and_wait(
                    domain.topic,
                    message.value,
                    b"k0",
                    partition=0,
                    headers=[*message.headers.items()],
                )
            await house.publish(domain, events(1, keys=1, first=999_999))
            await everything.until(lambda sink: "999999" in sink.ids)
            await removals.until(lambda sink: len(sink.ids) >= 4)
    numbers = range(2 * len(INVALID))
    assert everything.ids == [*(f"{number:06}" for number in numbers), "999999"]
    assert removals.ids == [f"{number:06}" for number in range(4)]
    received = [json.loads(body) for body in everything.bodies[:-1]]
    assert [event["data"]["nummer"] for event in received] == [*numbers]
    assert {event["partitionkey"] for event in received} == {"k"}


async def test_what_others_wrote_is_delivered_as_they_wrote_it(
    house: House, stranger: AIOKafkaProducer
) -> None:
    """Without a key, with headers that are not ours: the time and the data keep their text."""
    time, data = "2026-11-23T19:13:05.123456789+01:00", '{ "n" :\t1e400, "n": 1.10 }'
    envelope = f'{{"specversion":"1.0","id":"1","source":"{SOURCE}","type":"{CHANGED}","count":7,'
    envelope += f'"subject":null,"time":"{time}","data":{data}}}'
    binary = [(name, b"2" if name == "ce_id" else value) for name, value in LEAST]
    binary += [
        ("ce_time", time.encode()),
        ("content-type", b"application/json"),
        ("x", b"\xff"),
    ]
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        await house.subscribe(sink)
        async with house.dispatcher():
            await stranger.send_and_wait(
                domain.topic, envelope.encode(), partition=0, headers=[STRUCTURED]
            )
            await stranger.send_and_wait(domain.topic, data.encode(), partition=0, headers=binary)
            await sink.until(lambda sink: len(sink.ids) >= 2)
    assert sink.ids == ["1", "2"]
    for body in sink.bodies:
        assert f'"time":"{time}"' in body
        assert body.endswith(f'"data":{data}}}')
        assert "subject" not in body
    assert '"count":7' in sink.bodies[0]


async def test_a_flood_of_what_is_no_event_waits_in_the_log_while_postgres_is_away(
    house: House, stranger: AIOKafkaProducer
) -> None:
    """What waits in memory for a save is bounded; then all of it is on record, and events go on."""
    many = 2 * (MAX_INVALID + READ_RECORDS)
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        await house.subscribe(sink)
        async with house.dispatcher() as worker:
            await house.publish(domain, events(1))
            await sink.until(lambda sink: len(sink.ids) >= 1)
            (owned,) = worker._owned.values()
            await house.rows(DISK_FULL)
            await house.rows(
                "CREATE TRIGGER full_up BEFORE INSERT ON invalid_record EXECUTE FUNCTION full_up()"
            )
            sent = [await stranger.send(domain.topic, b"?", b"k", 0) for _ in range(many)]
            await asyncio.gather(*sent)
            await house.publish(domain, events(1, first=1))
            waiting = owned.stream.invalid
            await until(lambda: owned.stream.pace.resting)
            assert MAX_INVALID <= len(waiting) < MAX_INVALID + READ_RECORDS
            await house.rows("DROP TRIGGER full_up ON invalid_record")
            await sink.until(lambda sink: len(sink.ids) >= 2)
            await until(lambda: not len(waiting) and not owned.stream.pace.resting)
    assert sink.ids == ["000000", "000001"]
    (kept,) = await house.rows("SELECT count(DISTINCT event_offset) AS many FROM invalid_record")
    assert kept["many"] == many


async def test_one_that_cannot_be_put_on_record_holds_up_nothing(
    house: House, stranger: AIOKafkaProducer, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where Postgres refuses its row, a log line says where it lies; all others are on record."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        await house.subscribe(sink)
        await house.rows("ALTER TABLE invalid_record ADD CHECK (event_offset NOT IN (7, 8))")
        for _ in range(12):
            await stranger.send_and_wait(domain.topic, b"?", b"k", 0)
        async with house.dispatcher():
            await house.publish(domain, events(5))
            await sink.until(lambda sink: len(sink.ids) >= 5)
            await until(lambda: saved(house, 17))
    kept = await house.rows("SELECT event_offset FROM invalid_record ORDER BY event_offset")
    assert [row["event_offset"] for row in kept] == [*range(7), *range(9, 12)]
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    told = [line for line in lines if line["event"] == "dispatch.invalid_record_refused"]
    assert [(line["level"], line["offset"]) for line in told] == [("error", 7), ("error", 8)]


async def saved(house: House, offset: int) -> bool:
    """Whether the stream's position is saved so far."""
    (row,) = await house.rows("SELECT next_offset FROM stream")
    return bool(row["next_offset"] == offset)
