"""Fetching events: a position that the bus keeps, one that the component keeps, and a wait."""

import asyncio
import re
from urllib.parse import urlencode
from uuid import UUID

import pytest

from bus.log.record import Partition
from bus.store.database import Database
from bus.store.organisations import Organisations
from bus.store.standing import Line, standings
from tests.contract.api.bus_under_test import (
    BATCH,
    DOMAIN,
    FOREIGN,
    OIN,
    OTHER,
    PARTITIONS,
    PROBLEM,
    Bus,
    event,
    subscription,
)
from tests.contract.log.records import forget_before, write, write_unreadable
from tests.contract.pull.pulling import Puller

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEYS = 5

TOLD_OF_GAPS = """
SELECT (data ->> 'partition')::integer, (data ->> 'fromOffset')::bigint FROM notice
WHERE subscription = $1 AND type LIKE '%-gap'
"""


async def publish(bus: Bus, type_: str, *numbers: int) -> None:
    """Publish numbered events of a type, dealt out over some keys; wait until the log has them."""
    for start in range(0, len(numbers), 20):
        batch = [
            event(id=f"{n:03}", type=type_, partitionkey=f"k{n % KEYS}")
            for n in numbers[start : start + 20]
        ]
        assert (await bus.publish(*batch)).status == 202


def named(*numbers: int) -> list[str]:
    """Give the ids of numbered events."""
    return [f"{n:03}" for n in numbers]


def in_order(ids: list[str]) -> bool:
    """Whether each key's events come in the order of their numbers."""
    lanes = ([i for i in ids if int(i) % KEYS == key] for key in range(KEYS))
    return all(lane == sorted(lane) for lane in lanes)


async def store(bus: Bus, query: str, *args: object) -> list[tuple[object, ...]]:
    """Look into the bus's own database."""
    assert bus.settings.database_url is not None
    url = bus.settings.database_url.get_secret_value()
    async with Database.open(url, application_name="tests") as database:
        return [tuple(row.values()) for row in await database.fetch(query, *args)]


async def lose(bus: Bus) -> None:
    """Let the log of the domain forget all that it holds, as retention does."""
    assert bus.settings.kafka_bootstrap is not None
    for place, end in (await bus.end_offsets()).items():
        await forget_before(bus.settings.kafka_bootstrap, place, end)


async def test_each_matching_event_comes_once_and_in_order_per_key(bus: Bus) -> None:
    """From the 201 on, page after page, whatever else is published; the engine has no row of it."""
    type_ = "nl.vng.zaken.pull-pages"
    await publish(bus, type_, 900)
    puller = await Puller.open(bus, types=[type_])
    await publish(bus, type_, *range(30))
    await bus.publish(event(id="other"))
    found = await puller.ids(limit=7)
    while page := await puller.on(limit=7):
        assert len(page) <= 7
        found += page
    assert sorted(found) == named(*range(30))
    assert in_order(found)
    assert not await store(bus, "SELECT 1 FROM position WHERE subscription = $1", UUID(puller.id))


async def test_the_bus_keeps_the_position_until_it_is_acknowledged(bus: Bus) -> None:
    """Without `after` the same events come again, to every reader, until `_ack` moves on."""
    type_ = "nl.vng.zaken.pull-kept"
    puller = await Puller.open(bus, types=[type_])
    await publish(bus, type_, *range(6))
    first = await puller.ids(limit=4)
    assert await puller.ids(limit=6) != first
    assert sorted(await puller.ids()) == named(*range(6))
    assert (await puller.ack()).json["cursor"]
    assert await puller.ids() == []
    again = await puller.ack()
    assert again.status == 200
    await publish(bus, type_, 6)
    assert await puller.ids() == named(6)


async def test_a_position_goes_back_only_when_told_to(bus: Bus) -> None:
    """An older cursor is refused and moves nothing; `rewind` takes it."""
    type_ = "nl.vng.zaken.pull-rewind"
    puller = await Puller.open(bus, types=[type_])
    await puller.ids()
    old = puller.cursor
    await publish(bus, type_, *range(3))
    await puller.ids()
    await puller.ack()
    refused = await puller.ack(old)
    assert (refused.status, refused.faults()) == (409, [("/cursor", "older-cursor")])
    assert await puller.ids() == []
    assert (await puller.ack(old, rewind=True)).status == 200
    assert sorted(await puller.ids()) == named(*range(3))


async def test_the_forms_of_an_answer(bus: Bus) -> None:
    """A CloudEvents batch with the cursor in the head by default, an envelope on request."""
    type_ = "nl.vng.zaken.pull-forms"
    puller = await Puller.open(bus, types=[type_])
    await publish(bus, type_, 1)
    batch = await puller.get(accept="*/*")
    assert batch.headers["Content-Type"].startswith(BATCH)
    assert [each["id"] for each in batch.json] == named(1)
    link = re.fullmatch('<(.+)>; rel="next"', batch.headers["Link"])
    assert link is not None
    assert batch.headers["Cursor"] in link[1]
    assert (await bus.call("GET", link[1])).json == []
    envelope = await puller.get(accept=f"application/json, {BATCH};q=0.5")
    assert envelope.json["events"] == batch.json
    assert (await bus.call("GET", link[1], headers={"Accept": "text/html"})).status == 406


async def test_a_long_poll_ends_with_the_first_event(bus: Bus) -> None:
    """Who waits is given what is published meanwhile, of its own types only; many wait at once."""
    types = [f"nl.vng.zaken.pull-wait-{n}" for n in range(8)]
    pullers = [await Puller.open(bus, types=[type_]) for type_ in types]
    for puller in pullers:
        await puller.ids()
    async with asyncio.timeout(25), asyncio.TaskGroup() as tasks:
        polls = [tasks.create_task(puller.on(wait=30)) for puller in pullers]
        for type_ in types:
            await publish(bus, type_, 7)
    assert [poll.result() for poll in polls] == [named(7)] * len(types)


async def test_a_long_poll_ends_empty(bus: Bus) -> None:
    """After its wait it answers without events; what is published for others does not end it."""
    puller = await Puller.open(bus, types=["nl.vng.zaken.pull-nothing"])
    async with asyncio.TaskGroup() as tasks:
        poll = tasks.create_task(puller.ids(wait=1))
        await publish(bus, "nl.vng.zaken.pull-others", *range(5))
    assert poll.result() == []
    await publish(bus, "nl.vng.zaken.pull-nothing", 1)
    assert await puller.on() == named(1)


async def test_nothing_is_missed_while_events_flow(bus: Bus) -> None:
    """A chain of long polls, each from the cursor before it, has each event once, in order."""
    type_ = "nl.vng.zaken.pull-flow"
    puller = await Puller.open(bus, types=[type_])
    found = await puller.ids()

    async def flow() -> None:
        for start in range(0, 400, 20):
            await publish(bus, type_, *range(start, start + 20))
            await publish(bus, "nl.vng.zaken.pull-noise", *range(10))

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(flow())
        while len(found) < 400:
            found += await puller.on(wait=10, limit=17)
    assert sorted(found) == named(*range(400))
    assert in_order(found)


async def test_where_it_starts(bus: Bus) -> None:
    """`earliest` has what the log holds, a time what was logged since; as for any subscription."""
    type_ = "nl.vng.zaken.pull-start"
    await publish(bus, type_, 1, 2)
    everything = await Puller.open(bus, types=[type_], start="earliest")
    assert sorted(await everything.ids()) == named(1, 2)
    future = await Puller.open(bus, types=[type_], start="2100-01-01T00:00:00Z")
    past = await Puller.open(bus, types=[type_], start="2001-01-01T00:00:00Z")
    await publish(bus, type_, 3)
    assert await future.ids() == named(3)
    assert sorted(await past.ids()) == named(1, 2, 3)


async def test_a_new_domain_is_read_from_its_first_event(bus: Bus) -> None:
    """Also by a cursor that is older than the domain; one that a change adds, from its end on."""
    wide = await Puller.open(bus)
    narrow = await Puller.open(bus, domains=[DOMAIN])
    await wide.ids()
    await narrow.ids()
    made = await bus.call("POST", "/v1/domains", json={"name": "nl.pull.later", "partitions": 2})
    assert made.status == 201
    await publish(bus, "nl.pull.later.gemaakt", 1)
    assert await wide.on(wait=10) == named(1)
    path = f"/v1/subscriptions/{narrow.id}"
    changed = await bus.call("PATCH", path, json={"domains": ["nl.pull.later"]})
    assert changed.status == 200, changed.text
    assert await narrow.on() == []
    await publish(bus, "nl.pull.later.gemaakt", 2)
    assert await narrow.on() == named(2)
    assert await narrow.ids() == named(2)


async def test_rights_hold_at_the_moment_of_reading(bus: Bus) -> None:
    """Another organisation's events come when they are granted, and no longer than that."""
    type_ = "nl.vng.zaken.pull-rights"
    puller = await Puller.open(bus, types=[type_])
    await bus.publish(event(id="foreign", type=type_, source=FOREIGN), who="other")
    assert await puller.ids() == []
    assert bus.settings.database_url is not None
    url = bus.settings.database_url.get_secret_value()
    async with Database.open(url, application_name="tests") as database:
        await Organisations(database).grant(FOREIGN, None, OIN)
        async with asyncio.timeout(10):
            while await puller.ids() != ["foreign"]:  # noqa: ASYNC110 - the API looks each second
                await asyncio.sleep(0.1)
        await database.execute("DELETE FROM access_grant; UPDATE revision SET value = value + 1")
        async with asyncio.timeout(10):
            while await puller.ids():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.1)


async def test_what_the_log_has_lost_is_told(bus: Bus) -> None:
    """410 names the loss and the cursor to go on from; a position that the bus keeps moves on."""
    type_ = "nl.vng.zaken.pull-lost"
    kept, held = await Puller.open(bus, types=[type_]), await Puller.open(bus, types=[type_])
    await held.ids()
    await publish(bus, type_, *range(10))
    await lose(bus)
    await publish(bus, type_, 10)
    for puller, query in ((kept, {}), (held, {"after": held.cursor})):
        gone = await puller.get(**query)
        assert (gone.status, gone.headers["Content-Type"]) == (410, PROBLEM)
        assert gone.json["gaps"][0]["topic"] == bus.topic
        assert await puller.ids(after=gone.json["cursor"]) == named(10)
        assert gone.headers["Cursor"] == gone.json["cursor"]
    assert await kept.ids() == named(10)
    assert (await held.get(after=gone.json["cursor"])).status == 200
    status = (await bus.call("GET", f"/v1/subscriptions/{kept.id}/status")).json
    assert {(gap["topic"], gap["reason"]) for gap in status["gaps"]} == {(bus.topic, "retention")}
    assert sum(gap["untilOffset"] - gap["fromOffset"] for gap in status["gaps"]) >= 10
    assert len(await store(bus, TOLD_OF_GAPS, UUID(kept.id))) == len(status["gaps"])
    assert not await store(bus, "SELECT 1 FROM gap WHERE subscription = $1", UUID(held.id))


async def test_the_status_says_how_far_it_is(bus: Bus) -> None:
    """What was not acknowledged is lag, per partition."""
    type_ = "nl.vng.zaken.pull-status"
    puller = await Puller.open(bus, types=[type_], domains=[DOMAIN])
    await publish(bus, type_, *range(4))
    before = (await bus.call("GET", f"{puller.path}/status")).json
    assert before["lagEvents"] == 4
    await puller.ids()
    await puller.ack()
    after = (await bus.call("GET", f"{puller.path}/status")).json
    assert after["lagEvents"] == 0
    ends = await bus.end_offsets()
    assert {
        Partition(each["topic"], each["partition"]): each["position"]
        for each in after["partitions"]
    } == ends


async def test_a_look_at_a_subscription_that_is_delivered(bus: Bus) -> None:
    """Its owner sees what waits for delivery, and moves nothing by looking."""
    type_ = "nl.vng.zaken.pull-look"
    wish = subscription(types=[type_], domains=[DOMAIN])
    looker = Puller(bus, await bus.call("POST", "/v1/subscriptions", json=wish), "all")
    await publish(bus, type_, *range(3))
    assert sorted(await looker.ids()) == named(*range(3))
    assert await looker.on() == []
    refused = await looker.ack()
    assert refused.status == 409
    assert refused.json["type"].endswith("not-pulled")


async def test_bad_requests_are_told_what_is_wrong(bus: Bus) -> None:
    """Each fault names its parameter or member, and nothing is moved."""
    puller = await Puller.open(bus)
    other = await Puller.open(bus)
    await puller.ids()
    await other.ids()
    assert puller.cursor is not None
    damaged = puller.cursor[:-1] + ("A" if puller.cursor[-1] != "A" else "B")
    for query, code in (
        ({"after": damaged}, "not-a-cursor"),
        ({"after": other.cursor}, "not-a-cursor"),
        ({"after": ""}, "not-a-cursor"),
        ({"after": "1é"}, "not-a-cursor"),
        ({"limit": 0}, "out-of-range"),
        ({"limit": 1001}, "out-of-range"),
        ({"wait": 31}, "out-of-range"),
        ({"wait": "soon"}, "out-of-range"),
        ({"from": 1}, "unknown-parameter"),
    ):
        reply = await puller.get(**query)
        assert (reply.status, reply.faults()) == (400, [(next(iter(query)), code)]), query
    for document, fault in (
        ({"cursor": other.cursor}, ("/cursor", "not-a-cursor")),
        ({"cursor": damaged}, ("/cursor", "not-a-cursor")),
        ({}, ("/cursor", "required")),
        ({"cursor": puller.cursor, "force": True}, ("/force", "unknown-field")),
        ({"cursor": puller.cursor, "rewind": "yes"}, ("/rewind", "not-a-boolean")),
    ):
        path = f"{puller.path}/events/_ack"
        reply = await bus.call("POST", path, json=document)
        assert (reply.status, reply.faults()) == (400, [fault]), document
    assert (await bus.call("GET", f"{puller.path}/events", who="other")).status == 404
    assert (await bus.call("GET", f"{puller.path}/events", who="publisher")).status == 403


def inbox(topic: str) -> dict[str, object]:
    """Wish for a delivery to a topic."""
    return {"protocol": "KAFKA", "protocolsettings": {"topicname": topic}}


async def test_terms_that_do_not_go_together(bus: Bus) -> None:
    """A sink is for HTTP, a topic for KAFKA; the protocol is fixed at creation."""
    for wish, fault in (
        ({"protocol": "PULL", "sink": "https://a.example/"}, ("/sink", "not-for-protocol")),
        (
            {"protocol": "PULL", "protocolsettings": {"headers": {"X-A": "1"}}},
            ("/protocolsettings", "not-for-protocol"),
        ),
        ({"protocol": "HTTP"}, ("/sink", "required")),
        ({"protocol": "KAFKA"}, ("/protocolsettings", "required")),
        (inbox(f"inbox.{OTHER}.zaken"), ("/protocolsettings/topicname", "forbidden-topic")),
        (inbox(bus.topic), ("/protocolsettings/topicname", "forbidden-topic")),
    ):
        reply = await bus.call("POST", "/v1/subscriptions", json=wish)
        assert (reply.status, reply.faults()) == (400, [fault])
    made = await bus.call("POST", "/v1/subscriptions", json=inbox(f"inbox.{OIN}.zaken"))
    assert (made.status, made.json["protocol"]) == (201, "KAFKA")
    puller = await Puller.open(bus)
    change = {"protocol": "HTTP", "sink": "http://127.0.0.1:9/"}
    reply = await bus.call("PATCH", puller.path, json=change)
    assert (reply.status, reply.faults()) == (400, [("/protocol", "immutable")])
    put = await bus.call("PUT", puller.path, json={"protocol": "PULL", "types": ["nl.a"]})
    assert (put.status, put.json["types"]) == (200, ["nl.a"])


async def test_a_record_that_is_none_costs_only_itself(bus: Bus) -> None:
    """Before and behind one that cannot be read, and one that is no event, all events come.

    The former is a gap, recorded and told once, whoever keeps the position.
    """
    type_ = "nl.vng.zaken.pull-damaged"
    puller = await Puller.open(bus, types=[type_])
    await publish(bus, type_, *range(5))
    assert bus.settings.kafka_bootstrap is not None
    bad = []
    for number in range(PARTITIONS):
        place = Partition(bus.topic, number)
        bad.append((number, (await bus.end_offsets())[place]))
        await write_unreadable(bus.settings.kafka_bootstrap, place)
        await write(bus.settings.kafka_bootstrap, place, [1])
    await publish(bus, type_, *range(5, 10))
    assert sorted(await puller.ids()) == named(*range(10))
    assert sorted(await puller.ids()) == named(*range(10))
    assert await puller.on() == []
    assert await gaps(bus, puller) == bad
    async with asyncio.TaskGroup() as tasks:
        poll = tasks.create_task(puller.on(wait=20))
        for number in range(PARTITIONS):
            place = Partition(bus.topic, number)
            bad.append((number, (await bus.end_offsets())[place]))
            await write_unreadable(bus.settings.kafka_bootstrap, place)
        await publish(bus, type_, 10)
    assert poll.result() == named(10)
    assert await gaps(bus, puller) == sorted(bad)


async def gaps(bus: Bus, puller: Puller) -> list[tuple[int, int]]:
    """Give where records are that were recorded as damaged, each of which has been told once."""
    status = (await bus.call("GET", f"{puller.path}/status")).json
    assert {(gap["topic"], gap["reason"]) for gap in status["gaps"]} == {(bus.topic, "damaged")}
    assert {gap["untilOffset"] - gap["fromOffset"] for gap in status["gaps"]} == {1}
    found = sorted((gap["partition"], gap["fromOffset"]) for gap in status["gaps"])
    told = await store(bus, TOLD_OF_GAPS, UUID(puller.id))
    assert sorted(told) == found
    return found


async def test_what_is_asked_of_a_delivery_is_refused(bus: Bus) -> None:
    """Nothing is delivered, so that there is nothing to pause or to replay."""
    puller = await Puller.open(bus)
    paused = await bus.call("POST", f"{puller.path}/_pause")
    replayed = await bus.call("POST", f"{puller.path}/_replay", json={"from": "earliest"})
    for reply in (paused, replayed):
        assert reply.status == 409
        assert reply.json["type"].endswith(":pulled")


async def test_an_event_is_delivered_once_it_is_acknowledged(bus: Bus) -> None:
    """Who asks what became of an event is told so; who only reads it has not said that it is."""
    type_ = "nl.vng.zaken.pull-fate"
    puller = await Puller.open(bus, types=[type_])
    place = (await bus.publish(event(type=type_))).json
    sought = {name: place[name] for name in ("source", "id", "topic", "partition", "offset")}

    async def outcomes() -> list[str]:
        reply = await bus.call("GET", f"/v1/deliveries?{urlencode(sought)}")
        assert reply.status == 200, reply.text
        mine = [each for each in reply.json["deliveries"] if each["subscription"] == puller.id]
        return [each["outcome"] for each in mine]

    await puller.ids()
    assert await outcomes() == ["pending"]
    await puller.ack()
    assert await outcomes() == ["delivered"]


async def test_who_falls_behind_is_seen(bus: Bus) -> None:
    """What acknowledges and then stays away stands behind, as whom the bus delivers to does."""
    type_ = "nl.vng.zaken.pull-behind"
    once, never = await Puller.open(bus, types=[type_]), await Puller.open(bus, types=[type_])
    await publish(bus, type_, *range(KEYS))
    await once.ids()
    await never.ids()
    await once.ack()
    await publish(bus, type_, *range(KEYS))
    ends = await bus.end_offsets()
    lines = [Line(DOMAIN, *place, 0, end, end, end) for place, end in ends.items()]
    assert bus.settings.database_url is not None
    url = bus.settings.database_url.get_secret_value()
    async with (
        Database.open(url, application_name="tests") as database,
        database.session() as session,
    ):
        found = {each.subscription: each.place for each in await standings(session, lines)}
    place = found.get(UUID(once.id))
    assert place is not None
    assert place.verdict == "behind"
    assert UUID(never.id) not in found
