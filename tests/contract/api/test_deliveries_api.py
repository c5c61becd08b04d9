"""What became of one event: found in the log, told per subscription that wanted it then."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import pytest

from bus.log.record import Partition
from bus.store.partition import AttemptMade, Gap, ParkedEvent
from bus.store.stored import Position, Replay
from tests.contract.api.bus_under_test import (
    DOMAIN,
    FOREIGN,
    PERSONAL,
    PROBLEM,
    SOURCE,
    TYPE,
    Bus,
    Reply,
    event,
    subscription,
)
from tests.contract.api.owner import letter, record, save
from tests.contract.log.records import forget_before

pytestmark = pytest.mark.asyncio(loop_scope="session")

TRIED = "temporary 503"

moment = datetime.fromisoformat
"""Their texts do not sort: a whole second has no fraction."""


class Case:
    """An event of a type of its own, so that other tests' subscriptions do not want it."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.type = f"{TYPE}.t{uuid.uuid4().hex[:8]}"
        self.id = uuid.uuid4().hex
        self.place: dict[str, Any] = {}

    async def subscribe(self, who: str = "all", **wish: object) -> UUID:
        """Subscribe to the type."""
        terms = {"types": [self.type], "domains": [DOMAIN], **wish}
        made = await self.bus.call("POST", "/v1/subscriptions", json=subscription(**terms), who=who)
        assert made.status == 201, made.text
        return UUID(made.json["id"])

    async def publish(self, **changes: object) -> None:
        """Publish the event, with the number of a person in it."""
        person = {"subject": "wie", "data": {"bsn": PERSONAL}}
        terms = {"id": self.id, "type": self.type, **person, **changes}
        self.place = (await self.bus.publish(event(**terms))).json

    async def save(self, **fields: Any) -> None:  # noqa: ANN401 - of a Save
        """Save something of the event's partition."""
        await save(self.bus, self.place["partition"], **fields)

    async def ask(self, who: str = "all", **query: object) -> Reply:
        """Ask for its deliveries, by its place unless told otherwise."""
        by_place = {name: self.place[name] for name in ("topic", "partition", "offset")}
        asked = {"source": SOURCE, "id": self.id, **(query or by_place)}
        return await self.bus.call("GET", f"/v1/deliveries?{urlencode(asked)}", who=who)

    async def fate(self, subscription: UUID) -> dict[str, Any]:
        """Give what is told of one subscription."""
        reply = await self.ask()
        assert reply.status == 200, reply.text
        assert PERSONAL not in reply.text
        found = {each["subscription"]: each for each in reply.json["deliveries"]}
        fate: dict[str, Any] = found[str(subscription)]
        return fate


async def test_an_event_that_was_published_twice_is_said_to_be(bus: Bus) -> None:
    """Between two times: the first is told of, with where the other stands; at a place, one is."""
    case = Case(bus)
    await case.subscribe()
    await case.publish()
    first = case.place
    await case.publish(partitionkey="another-partition-or-not")
    second = case.place
    now = datetime.now(UTC)
    times = {"from": now - timedelta(minutes=5), "to": now + timedelta(minutes=5)}
    shown = (await case.ask(**{name: at.isoformat() for name, at in times.items()})).json
    keys = ("topic", "partition", "offset")
    assert [shown[key] for key in keys] == [first[key] for key in keys]
    assert shown["again"] == [{key: second[key] for key in keys}]
    assert "again" not in (await case.ask()).json
    single = Case(bus)
    await single.publish()
    shown = (await single.ask(**{name: at.isoformat() for name, at in times.items()})).json
    assert shown["again"] == []


async def test_a_healthy_delivery_lies_between_two_moments(bus: Bus) -> None:
    """Nothing was written of it: one attempt, after it was logged and before progress was noted."""
    case = Case(bus)
    one = await case.subscribe()
    await case.publish()
    number, offset = case.place["partition"], case.place["offset"]
    waiting = Position(one, offset, (), None, None)
    await save(bus, number, rows=(waiting,))
    assert await case.fate(one) == {
        "subscription": str(one),
        "organisation": "00000001823288444000",
        "outcome": "pending",
        "attempts": 0,
    }
    await save(bus, number, next_offset=offset + 1, removed=(one,), progressed=True)
    fate = await case.fate(one)
    assert (fate["outcome"], fate["attempts"]) == ("delivered", 1)
    assert moment(fate["after"]) < moment(fate["before"])
    shown = (await case.ask()).json
    assert (shown["id"], shown["offset"], shown["type"]) == (case.id, offset, case.type)
    assert shown["loggedAt"] == fate["after"]


async def test_each_fate_is_told(bus: Bus) -> None:
    """Parked, given up, purged, lost, open, skipped by a replay: with what is known of it."""
    case = Case(bus)
    names = ("parked", "dead", "purged", "lost", "open", "skipped", "settled", "exact")
    who = {name: await case.subscribe() for name in names}
    await case.publish()
    offset, now = case.place["offset"], datetime.now(UTC)
    tried = AttemptMade(who["settled"], offset, case.id, SOURCE, case.type, 1, TRIED, now)
    exact = AttemptMade(who["exact"], offset, case.id, SOURCE, case.type, 1, "delivered", now)
    above, below = offset + 5, 0
    await case.save(
        rows=(
            *(
                Position(who[name], above, (), None, None)
                for name in ("parked", "dead", "purged", "lost", "settled")
            ),
            Position(who["open"], above, (offset,), None, None),
            Position(who["skipped"], below, (), None, None, Replay(1, above)),
        ),
        parked=(ParkedEvent(who["parked"], offset, record(), 2, now, now, TRIED),),
        dead=tuple(letter(str(who[name]), offset) for name in ("dead", "purged")),
        gaps=(Gap(who["lost"], below, above, "retention"),),
        attempts=(tried, exact),
    )
    letters = f"/v1/subscriptions/{who['purged']}/dead-letters/_purge"
    assert (await bus.call("POST", letters, json={"all": True})).json == {"count": 1}
    fates = {name: await case.fate(id_) for name, id_ in who.items()}
    assert {name: fate["outcome"] for name, fate in fates.items()} == {
        "parked": "parked",
        "dead": "dead-letter",
        "purged": "purged",
        "lost": "gap",
        "open": "pending",
        "skipped": "delivered",
        "settled": "delivered",
        "exact": "delivered",
    }
    assert (fates["parked"]["attempts"], fates["parked"]["lastOutcome"]) == (2, TRIED)
    assert (fates["dead"]["reason"], fates["dead"]["attempts"]) == ("refused", 1)
    assert "deadLetter" in fates["dead"]
    assert fates["settled"]["attempts"] == 2
    assert moment(fates["exact"]["at"]) >= moment(fates["settled"]["after"])


async def test_what_is_fetched_is_delivered_once_it_is_acknowledged(bus: Bus) -> None:
    """A subscription that is pulled stands where its subscriber has moved it to."""
    case = Case(bus)
    puller = await case.subscribe(sink=None, protocol="PULL")
    await case.publish()
    await case.save(next_offset=case.place["offset"] + 1, progressed=True)
    assert (await case.fate(puller))["outcome"] == "pending"
    path = f"/v1/subscriptions/{puller}/events"
    cursor = (await bus.call("GET", path)).headers["Cursor"]
    assert (await bus.call("POST", f"{path}/_ack", json={"cursor": cursor})).status == 200
    fate = await case.fate(puller)
    assert fate["outcome"] == "delivered"
    assert moment(fate["after"]) <= moment(fate["before"])


async def test_the_filter_of_then_counts(bus: Bus) -> None:
    """Whoever changed, came or went since is judged by what it wanted when it was logged."""
    case = Case(bus)
    before, gone, never = [await case.subscribe() for _ in range(3)]
    for id_ in (before, never):
        path = f"/v1/subscriptions/{id_}"
        if id_ == never:
            await bus.call("PATCH", path, json={"filters": [{"exact": {"source": "urn:x"}}]})
    await case.publish()
    await bus.call("PATCH", f"/v1/subscriptions/{before}", json={"types": ["nl.other"]})
    await bus.call("DELETE", f"/v1/subscriptions/{gone}")
    late = await case.subscribe(start="latest")
    early = await case.subscribe(start="earliest")
    found = {each["subscription"]: each for each in (await case.ask()).json["deliveries"]}
    assert set(found) == {str(id_) for id_ in (before, gone, early)}
    assert str(late) not in found
    assert found[str(gone)]["outcome"] == "ended"


async def test_organisations_see_their_own_and_operators_all(bus: Bus) -> None:
    """Who may not read the event does not learn that there is one."""
    case = Case(bus)
    mine = await case.subscribe()
    theirs = await case.subscribe(who="other")
    await case.publish()
    for who, wanted in (("operator", {mine}), ("subscriber", {mine})):
        reply = await case.ask(who=who)
        assert {UUID(each["subscription"]) for each in reply.json["deliveries"]} == wanted
    unseen = await case.ask(who="other")
    assert (unseen.status, unseen.headers["Content-Type"]) == (404, PROBLEM)
    assert (await case.ask(who="publisher")).status == 403
    place = (await bus.publish(event(id=case.id, type=case.type, source=FOREIGN), who="other")).json
    asked = {"source": FOREIGN, "id": case.id, **{n: place[n] for n in ("topic", "partition")}}
    query = f"/v1/deliveries?{urlencode({**asked, 'offset': place['offset']})}"
    for who, wanted in (("operator", {theirs}), ("other", {theirs})):
        reply = await bus.call("GET", query, who=who)
        assert {UUID(each["subscription"]) for each in reply.json["deliveries"]} == wanted
    assert (await bus.call("GET", query, who="subscriber")).status == 404


async def test_it_is_found_between_two_times(bus: Bus) -> None:
    """In all topics or in one; not outside the time, and not under another id or source."""
    case = Case(bus)
    one = await case.subscribe()
    since = datetime.now(UTC) - timedelta(seconds=1)
    await case.publish()
    later = datetime.now(UTC) + timedelta(seconds=1)
    times = {"from": since.isoformat(), "to": later.isoformat()}
    for query in (times, {**times, "topic": bus.topic}):
        reply = await case.ask(**query)
        assert reply.status == 200, reply.text
        assert [each["subscription"] for each in reply.json["deliveries"]] == [str(one)]
    for missed in (
        {**times, "from": later.isoformat(), "to": (later + timedelta(hours=1)).isoformat()},
        {**times, "id": "another"},
        {**times, "source": "urn:another"},
    ):
        reply = await case.ask(**missed)
        assert (reply.status, reply.json["type"].rpartition(":")[2]) == (404, "no-such-event")
    other_place = {**case.place, "offset": case.place["offset"] + 10_000}
    reply = await case.ask(**{n: other_place[n] for n in ("topic", "partition", "offset")})
    assert reply.status == 404


async def test_what_the_log_has_lost_is_said(bus: Bus) -> None:
    """At its place, and between times that lie before what the log still has: 410."""
    case = Case(bus)
    await case.publish()
    partition = Partition(bus.topic, case.place["partition"])
    assert bus.settings.kafka_bootstrap is not None
    await forget_before(bus.settings.kafka_bootstrap, partition, case.place["offset"] + 1)
    times = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}
    for reply in (await case.ask(), await case.ask(**times)):
        assert (reply.status, reply.json["type"].rpartition(":")[2]) == (410, "expired")


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("id=1&topic=t&partition=0&offset=0", ("source", "required")),
        ("source=s&topic=t&partition=0&offset=0", ("id", "required")),
        ("source=s&id=1", ("topic", "not-one-of")),
        ("source=s&id=1&topic=t&partition=0", ("topic", "not-one-of")),
        ("source=s&id=1&from=2026-01-01T00:00:00Z", ("topic", "not-one-of")),
        (
            "source=s&id=1&topic=t&partition=0&offset=0&from=2026-01-01T00:00:00Z",
            ("topic", "not-one-of"),
        ),
        ("source=s&id=1&topic=t&partition=x&offset=0", ("partition", "malformed")),
        ("source=s&id=1&topic=t&partition=0&offset=-1", ("offset", "malformed")),
        ("source=s&id=1&topic=t&partition=0&offset=9999999999999999999", ("offset", "malformed")),
        ("source=s&id=1&topic=nope&partition=0&offset=0", ("topic", "unknown-topic")),
        ("source=s&id=1&topic=TOPIC&partition=77&offset=0", ("partition", "unknown-partition")),
        ("source=s&id=1&from=now&to=2026-01-01T00:00:00Z", ("from", "not-a-time")),
        (
            "source=s&id=1&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            ("to", "not-after-from"),
        ),
        ("source=s&id=1&since=yesterday", ("since", "unknown-parameter")),
        ("source=a%00b&id=1&topic=t&partition=0&offset=0", ("source", "control-character")),
    ],
)
async def test_a_wrong_question(bus: Bus, query: str, fault: tuple[str, str]) -> None:
    """The parameter is named."""
    reply = await bus.call("GET", f"/v1/deliveries?{query.replace('TOPIC', quote(bus.topic))}")
    assert (reply.status, reply.faults()) == (400, [fault])
