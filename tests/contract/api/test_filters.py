"""/v1/filters/_evaluate and _backtest: what filters would do, on one event and on the past."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from bus.log.record import Partition
from bus.log.writer import Writer
from tests.contract.api.bus_under_test import (
    DOMAIN,
    PERSONAL,
    PROBLEM,
    SOURCE,
    Bus,
    Reply,
    event,
    on_a_database_of_its_own,
)
from tests.contract.log.records import forget_before

pytestmark = pytest.mark.asyncio(loop_scope="session")

JSON = {"Content-Type": "application/json"}
PAST = "nl.vng.verleden"
"""A domain whose log is known to the last record."""
OPENED, CLOSED = f"{PAST}.geopend", f"{PAST}.gesloten"


async def evaluated(bus: Bus, filters: list[Any], **attributes: object) -> dict[str, Any]:
    """Try filters on an event with these attributes."""
    body = {"filters": filters, "event": event(**attributes)}
    reply = await bus.call("POST", "/v1/filters/_evaluate", json=body)
    assert reply.status == 200, reply.text
    document: dict[str, Any] = reply.json
    return document


@pytest.mark.parametrize(
    ("filters", "matches"),
    [
        ([], True),
        ([{"exact": {"partitionkey": "zaak-1"}}], True),
        ([{"not": {"exact": {"zaaktype": "bezwaar"}}}], True),
        ([{"sql": "partitionkey LIKE 'zaak-_' AND EXISTS dataref"}], True),
        ([{"sql": "partitionkey = 'zaak-1'"}, {"exact": {"id": "2"}}], False),
        ([{"sql": "count = 7"}], True),
    ],
)
async def test_filters_are_judged_on_an_event(
    bus: Bus, filters: list[Any], *, matches: bool
) -> None:
    """As a subscription would judge it; data that no field of ours could hold is no hindrance."""
    found = await evaluated(bus, filters, count=7, data={"text": "two\nlines"})
    assert found == {"matches": matches, "error": None, "warnings": []}


@pytest.mark.parametrize(
    ("filters", "matches", "pointer", "code", "at"),
    [
        ([{"sql": "NOT (zaaktype = 'a')"}], False, "/filters/0/sql", "missing-attribute", 6),
        ([{}, {"not": {"sql": "zaaktype = 'a'"}}], True, "/filters/1/not/sql", None, 1),
        ([{"sql": "id = 1 AND NOT partitionkey"}], False, "/filters/0/sql", "cast", 16),
        ([{"sql": "1 / 0 = 1"}], False, "/filters/0/sql", "math", 3),
        ([{"sql": "id = LEFT(id, -1)"}], False, "/filters/0/sql", "function-evaluation", 6),
        ([{"sql": "LENGTH(id)"}], False, "/filters/0/sql", "not-a-boolean", None),
    ],
)
async def test_an_error_in_sql_is_told(
    bus: Bus, filters: list[Any], *, matches: bool, pointer: str, code: str | None, at: int | None
) -> None:
    """With the expression, and the character of it; no value of the event is repeated."""
    filters = [each or {"exact": {"id": "1"}} for each in filters]
    found = await evaluated(bus, filters, partitionkey=PERSONAL)
    error = found["error"]
    assert found["matches"] is matches
    assert (error["in"], error["location"]) == ("body", {"pointer": pointer})
    assert error["code"] == (code or "missing-attribute")
    assert at is None or error["detail"].startswith(f"character {at}: ")
    assert PERSONAL not in str(error)


async def test_mixed_operators_are_warned_of(bus: Bus) -> None:
    """AND beside OR is judged by the grammar of the standard, and said to be so."""
    found = await evaluated(bus, [{"sql": "FALSE AND TRUE OR TRUE"}])
    assert found["matches"] is False
    (warning,) = found["warnings"]
    assert warning["location"] == {"pointer": "/filters/0/sql"}
    assert warning["code"] == "mixed-operators"
    assert warning["detail"].startswith("character 16: ")


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, [("/event", "required"), ("/filters", "required")]),
        ({"filters": []}, [("/event", "required")]),
        ({"filters": [], "event": 7}, [("/event", "not-an-object")]),
        ({"filters": [], "event": event(), "sink": "x"}, [("/sink", "unknown-field")]),
        (
            {"filters": [{"sql": "a ="}], "event": event(id="", time=PERSONAL)},
            [
                ("/event/id", "empty"),
                ("/event/time", "not-a-timestamp"),
                ("/filters/0/sql", "syntax"),
            ],
        ),
    ],
)
async def test_a_wrong_rehearsal(bus: Bus, body: object, faults: list[tuple[str, str]]) -> None:
    """The faults of filters and event are all named, each in its place."""
    reply = await bus.call("POST", "/v1/filters/_evaluate", json=body)
    assert (reply.status, reply.headers["Content-Type"]) == (400, PROBLEM)
    assert sorted(reply.faults()) == faults
    assert PERSONAL not in reply.text


async def test_deep_data_is_carried_or_refused(bus: Bus) -> None:
    """What may be published may be tried; what goes deeper is named, wherever it is."""
    start = json.dumps({"filters": [], "event": event()})[:-2] + ', "data": '
    for depth, status, faults in ((512, 200, None), (513, 400, [("/event/data", "too-deep")])):
        body = f"{start}{'[' * depth}{']' * depth}}}}}".encode()
        reply = await bus.call("POST", "/v1/filters/_evaluate", body=body, headers=JSON)
        assert (reply.status, reply.faults() if faults else None) == (status, faults)
    deep = {"filters": "[" * 40 + "]" * 40, "event": "[" * 5_000 + "]" * 5_000}
    for name, value in deep.items():
        body = f'{{"{name}": {value}}}'.encode()
        reply = await bus.call("POST", "/v1/filters/_evaluate", body=body, headers=JSON)
        assert (reply.status, reply.headers["Content-Type"]) == (400, PROBLEM)


class Past:
    """What the tests of the back-test look back on: 60 events, a foreign one, and a non-event."""

    def __init__(self, bus: Bus, before: datetime, after: datetime) -> None:
        self.bus = bus
        self.before = before
        self.after = after
        self.topic = f"{bus.settings.namespace}.{PAST}"

    async def ask(self, *, who: str = "subscriber", **wish: object) -> Reply:
        """Run one back-test in this domain."""
        document = {"domains": [PAST], **wish}
        return await self.bus.call("POST", "/v1/filters/_backtest", who=who, json=document)

    async def found(self, **wish: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Give the answer of one that is taken."""
        reply = await self.ask(**wish)
        assert reply.status == 200, reply.text
        document: dict[str, Any] = reply.json
        return document


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def past(kafka: str, postgres: str, template: str) -> AsyncIterator[Past]:
    """Give a log of 40 openings and 20 closings, on a bus whose domains nobody else counts."""
    async with on_a_database_of_its_own(kafka, postgres, template) as bus:
        yield await _fill(bus)


async def _fill(bus: Bus) -> Past:
    profile = {"rules": {"bsn-in-subject": "off"}, "bsnAgreement": "for this test"}
    domain = {"name": PAST, "partitions": 2, "profile": profile}
    assert (await bus.call("POST", "/v1/domains", json=domain)).status == 201
    before = datetime.now(UTC)
    for number in range(60):
        kind = CLOSED if number % 3 == 0 else OPENED
        sent = event(
            id=f"past-{number}",
            type=kind,
            partitionkey=f"zaak-{number % 7}",
            subject=PERSONAL,
            count=number,
            time="2020-01-01T00:00:00Z",
        )
        assert (await bus.publish(sent)).status == 202
    foreign = event(source="urn:nld:oin:00000003123456780000:zaken", type=OPENED, id="foreign")
    assert (await bus.publish(foreign, who="other")).status == 202
    past = Past(bus, before, datetime.now(UTC))
    assert bus.settings.kafka_bootstrap is not None
    async with Writer(bootstrap=bus.settings.kafka_bootstrap) as writer:
        await writer.append(past.topic, b"k", [("x", b"y")], b"no event")
    return past


async def test_a_back_test_counts_what_would_have_come(past: Past) -> None:
    """By type, the most first; what another organisation owns is not there; records are judged."""
    found = await past.found(filters=[{"sql": "count >= 30 OR count < 3"}], samples=100)
    assert (found["done"], found["read"], found["matched"], found["invalid"]) == (True, 62, 33, 1)
    assert found["byType"] == [{"type": OPENED, "matched": 22}, {"type": CLOSED, "matched": 11}]
    assert (found["remaining"], found["gaps"], "next" in found) == (0, [], False)
    places = [(p["topic"], p["partition"], p["position"] == p["end"]) for p in found["partitions"]]
    assert places == [(past.topic, 0, True), (past.topic, 1, True)]
    assert len(found["samples"]) == 33


async def test_samples_say_which_events_and_no_more(past: Past) -> None:
    """Identity, place and times; neither what an event is about nor its data."""
    reply = await past.ask(types=[CLOSED], samples=4)
    samples = reply.json["samples"]
    assert len(samples) == 4
    for sample in samples:
        moment = datetime.fromisoformat(sample.pop("loggedAt"))
        assert past.before - timedelta(seconds=1) < moment < past.after + timedelta(seconds=1)
        known = {"id", "source", "type", "topic", "partition", "offset", "time"}
        assert sample.keys() == known
        assert (sample["source"], sample["time"]) == (SOURCE, "2020-01-01T00:00:00Z")
    (record,) = await past.bus.records(samples[0])
    assert dict(record.headers)["ce_id"] == samples[0]["id"].encode()
    assert PERSONAL not in reply.text


async def test_the_rights_of_the_caller_hold(past: Past) -> None:
    """An organisation finds its own events; whoever may not subscribe may not look back either."""
    found = await past.found(who="other")
    assert (found["read"], found["matched"]) == (62, 1)
    assert [sample["id"] for sample in found["samples"]] == ["foreign"]
    for who in ("publisher", "operator"):
        reply = await past.ask(who=who)
        assert (reply.status, reply.json["type"].rpartition(":")[2]) == (403, "missing-role")


async def test_a_budget_ends_it_and_next_goes_on(past: Past) -> None:
    """Step by step everything is found, once; each answer says how far it came."""
    wish: dict[str, Any] = {"types": [OPENED], "samples": 100, "budget": {"events": 7}}
    ids: list[str] = []
    answers = 0
    remaining = 63
    while True:
        found = await past.found(**wish)
        answers += 1
        ids += [sample["id"] for sample in found["samples"]]
        assert found["read"] <= 7
        assert found["remaining"] < remaining
        remaining = found["remaining"]
        if found["done"]:
            break
        assert any(p["position"] < p["end"] for p in found["partitions"])
        wish["next"] = found["next"]
    assert answers >= 9
    assert sorted(ids) == sorted(f"past-{n}" for n in range(60) if n % 3)


async def test_a_range_of_time(past: Past) -> None:
    """Only what was logged within it is read, by the broker's clock and not the event's."""
    hour = timedelta(hours=1)
    early = await past.found(to=(past.before - hour).isoformat())
    assert (early["done"], early["read"]) == (True, 0)
    late = await past.found(**{"from": (past.after + hour).isoformat()})
    assert (late["done"], late["read"]) == (True, 0)
    ancient = await past.found(**{"from": "1950-01-01T00:00:00Z"})
    assert ancient["read"] == 62


async def test_without_domains_all_are_read(past: Past) -> None:
    """As a subscription without domains gets what it may read of every one."""
    here, everywhere = await past.found(), await past.found(domains=[])
    assert {p["topic"] for p in everywhere["partitions"]} > {past.topic}
    assert everywhere["read"] >= here["read"]


async def test_what_retention_took_is_a_gap(past: Past) -> None:
    """Between two steps the log can lose its beginning: that is told, and reading goes on."""
    name = "nl.vng.vergeten"
    domain = {"name": name, "partitions": 1}
    assert (await past.bus.call("POST", "/v1/domains", json=domain)).status == 201
    events = [event(id=f"lost-{n}", type=f"{name}.x") for n in range(10)]
    assert (await past.bus.publish(*events)).status == 202
    first = await past.found(domains=[name], budget={"events": 2})
    topic = f"{past.bus.settings.namespace}.{name}"
    assert past.bus.settings.kafka_bootstrap is not None
    await forget_before(past.bus.settings.kafka_bootstrap, Partition(topic, 0), 6)
    rest = await past.found(domains=[name], next=first["next"])
    assert rest["gaps"] == [{"topic": topic, "partition": 0, "position": 2, "end": 6}]
    assert (rest["done"], rest["matched"]) == (True, 4)


async def test_one_at_a_time_of_each_organisation(past: Past) -> None:
    """They share the processor with those who publish: a second one is to come again.

    However many one organisation asks for, another has its turn.
    """
    async with asyncio.timeout(30):
        while True:
            asked = [past.ask() for _ in range(8)]
            *replies, other = await asyncio.gather(*asked, past.ask(who="other"))
            assert other.status == 200
            if refused := [reply for reply in replies if reply.status != 200]:
                break
    assert {reply.status for reply in refused} == {429}
    assert refused[0].json["type"].rpartition(":")[2] == "busy"
    assert int(refused[0].headers["Retry-After"]) > 0
    assert 200 in {reply.status for reply in replies}


async def test_a_cursor_beyond_the_end_is_none(past: Past) -> None:
    """A `next` that names records which are not there yet is refused at once: nothing gave it."""
    first = await past.found(budget={"events": 2})
    places = json.loads(base64.urlsafe_b64decode(first["next"]))
    for beyond in (1, 2**40):
        moved = [[number, at, end + beyond] for number, at, end in places[past.topic]]
        text = base64.urlsafe_b64encode(json.dumps({past.topic: moved}).encode()).decode()
        reply = await past.ask(next=text)
        assert (reply.status, reply.faults()) == (400, [("/next", "not-a-cursor")])
    assert (await past.found(next=first["next"]))["done"] is True


@pytest.mark.parametrize(
    ("wish", "fault"),
    [
        ({"domains": ["nl.nergens"]}, ("/domains/0", "unknown-domain")),
        ({"domains": [DOMAIN, "x"]}, ("/domains/1", "unknown-domain")),
        ({"from": "yesterday"}, ("/from", "not-a-time")),
        ({"to": 7}, ("/to", "not-a-time")),
        (
            {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
            ("/to", "out-of-range"),
        ),
        ({"budget": {"events": 0}}, ("/budget/events", "out-of-range")),
        ({"budget": {"events": 100_001}}, ("/budget/events", "out-of-range")),
        ({"budget": {"seconds": 60}}, ("/budget/seconds", "out-of-range")),
        ({"budget": {"money": 1}}, ("/budget/money", "unknown-field")),
        ({"samples": 101}, ("/samples", "out-of-range")),
        ({"samples": "all"}, ("/samples", "not-an-integer")),
        ({"sink": "https://x.nl"}, ("/sink", "unknown-field")),
        ({"types": "x"}, ("/types", "not-an-array")),
        ({"source": ""}, ("/source", "empty")),
        ({"next": ""}, ("/next", "empty")),
        ({"next": "x"}, ("/next", "not-a-cursor")),
        ({"next": "e30=="}, ("/next", "not-a-cursor")),
        ({"next": "W10="}, ("/next", "not-a-cursor")),
        ({"next": "eyJ4IjpbWzAsMCwxXV19"}, ("/next", "not-a-cursor")),
        ({"filters": [{"sql": "type ="}]}, ("/filters/0/sql", "syntax")),
    ],
)
async def test_a_wrong_back_test(past: Past, wish: dict[str, Any], fault: tuple[str, str]) -> None:
    """Each fault is named with its JSON pointer."""
    reply = await past.ask(**wish)
    assert (reply.status, reply.headers["Content-Type"]) == (400, PROBLEM)
    assert reply.faults() == [fault]


@pytest.mark.parametrize(
    "places", [[[2, 0, 1]], [[0, 5, 1]], [[0, -1, 1]], [[0, 0, True]], [[0]], [[1.0, 0, 1]]]
)
async def test_a_forged_place_to_go_on_from(past: Past, places: list[Any]) -> None:
    """No partition that is not there, no range that is none."""
    text = base64.urlsafe_b64encode(json.dumps({past.topic: places}).encode()).decode()
    reply = await past.ask(next=text)
    assert (reply.status, reply.faults()) == (400, [("/next", "not-a-cursor")])
