"""Publishing: every form of CloudEvent over HTTP ends as one binary record in the log."""

import asyncio
import json

import pytest

from bus.codec import kafka
from tests.contract.api.bus_under_test import DOMAIN, SOURCE, STRUCTURED, TYPE, Bus, event

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_structured(bus: Bus) -> None:
    """A structured event is answered with its place, and stands there as it was sent."""
    data = '{"bedrag": 12345678901234567890123, "a": 1, "a": 2}'
    body = json.dumps(event(time="2026-11-23T12:00:00+01:00", urgent=True))[:-1]
    body += f', "datacontenttype": "application/json", "data": {data}}}'
    reply = await bus.call(
        "POST", "/v1/events", body=body.encode(), headers={"Content-Type": STRUCTURED}
    )
    assert reply.status == 202, reply.text
    (record,) = await bus.records(reply.json)
    assert reply.json == {
        "id": "1",
        "source": SOURCE,
        "topic": bus.topic,
        "partition": record.partition,
        "offset": record.offset,
    }
    assert record.key == b"zaak-1"
    assert record.value == data.encode()
    stored = kafka.decode(record.headers, record.value)
    assert stored.attributes["time"] == "2026-11-23T12:00:00+01:00"
    assert stored.attributes["urgent"] is True


async def test_binary(bus: Bus) -> None:
    """In binary mode the attributes come in headers and the body is the data."""
    headers = {f"ce-{name}": value for name, value in event().items()}
    reply = await bus.call(
        "POST", "/v1/events", body=b"<zaak/>", headers={**headers, "Content-Type": "text/xml"}
    )
    assert reply.status == 202, reply.text
    (record,) = await bus.records(reply.json)
    assert record.value == b"<zaak/>"
    assert dict(record.headers)["content-type"] == b"text/xml"
    assert dict(record.headers)["ce_dataref"] == b"https://zaken.example.nl/zaken/1"


async def test_batch(bus: Bus) -> None:
    """A batch is answered item by item in its order; a key keeps its order in the log."""
    events = [event(id=str(number), partitionkey=f"zaak-{number % 3}") for number in range(9)]
    reply = await bus.publish(*events)
    assert reply.status == 202, reply.text
    items = reply.json["items"]
    assert [item["id"] for item in items] == [str(number) for number in range(9)]
    assert {item["topic"] for item in items} == {bus.topic}
    records = await bus.records(*items)
    for item, record in zip(items, records, strict=True):
        assert dict(record.headers)["ce_id"] == item["id"].encode()
    for key in (b"zaak-0", b"zaak-1", b"zaak-2"):
        offsets = [record.offset for record in records if record.key == key]
        assert offsets == sorted(offsets)
        assert len(offsets) == 3


async def test_an_empty_batch_is_fine(bus: Bus) -> None:
    """The standard allows a batch of nothing."""
    reply = await bus.call(
        "POST",
        "/v1/events",
        body=b"[]",
        headers={"Content-Type": "application/cloudevents-batch+json"},
    )
    assert (reply.status, reply.json) == (202, {"items": []})


async def test_the_key_falls_back(bus: Bus) -> None:
    """Without partitionkey the subject orders, without subject the source; that is told."""
    with_subject = event(id="1", partitionkey=None, subject="zaak-7")
    bare = event(id="2", partitionkey=None)
    reply = await bus.publish(with_subject, bare)
    keys = [record.key for record in await bus.records(*reply.json["items"])]
    assert keys == [b"zaak-7", SOURCE.encode()]
    told = [[each["code"] for each in item.get("warnings", ())] for item in reply.json["items"]]
    assert told == [[], ["ordered-by-source"]]
    metrics = (await bus.call("GET", "/metrics", who=None)).text
    assert f'domain="{DOMAIN}",rule="ordered-by-source",source="{SOURCE}",' in metrics
    assert "zaak-7" not in metrics


async def test_a_domain_made_a_moment_ago_takes_events(bus: Bus) -> None:
    """No waiting for a cache: the domain is there as soon as it was answered."""
    made = await bus.call("POST", "/v1/domains", json={"name": "nl.vng.bag", "partitions": 1})
    assert made.status == 201
    listed = await bus.call("GET", "/v1/domains")
    assert made.json in listed.json["items"]
    reply = await bus.publish(event(type="nl.vng.bag.pand-gesloopt"))
    assert reply.json["topic"] == f"{bus.settings.namespace}.nl.vng.bag"


async def test_many_at_once(bus: Bus) -> None:
    """Each of many requests gets a place of its own."""
    replies = await asyncio.gather(*(bus.publish(event(id=str(n))) for n in range(100)))
    assert {reply.status for reply in replies} == {202}
    assert len({(reply.json["partition"], reply.json["offset"]) for reply in replies}) == 100


async def test_published_events_are_counted(bus: Bus) -> None:
    """The metrics know the domain, and neither subject nor data."""
    await bus.publish(event(subject="geheim-1"))
    metrics = (await bus.call("GET", "/metrics", who=None)).text
    assert f'gemeentebus_events_published_total{{domain="{DOMAIN}"}} ' in metrics
    assert "geheim-1" not in metrics
    assert TYPE not in metrics


async def test_a_batch_taken_in_part(bus: Bus) -> None:
    """When the log takes only some of a batch, the answer says of each what became of it."""
    made = await bus.call("POST", "/v1/domains", json={"name": "nl.vng.weg", "partitions": 1})
    topic = made.json["topic"]
    await bus.topics.delete([topic])
    reply = await bus.publish(event(id="1"), event(id="2", type="nl.vng.weg.x"), event(id="3"))
    assert reply.status == 207, reply.text
    statuses = [item["status"] for item in reply.json["items"]]
    assert statuses == [202, 503, 202]
    assert reply.json["items"][1]["code"] in {"topic-missing", "log-unavailable"}
    stored = [item for item in reply.json["items"] if item["status"] == 202]
    ids = [dict(record.headers)["ce_id"] for record in await bus.records(*stored)]
    assert ids == [b"1", b"3"]
    await bus.topics.create(topic, 1, 14)
    again = await bus.publish(event(id="2", type="nl.vng.weg.x"))
    assert again.status == 202, again.text
