"""The domain in which the bus tells of itself: everybody may read about it, nobody else writes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
import pytest_asyncio

from bus.app.domains import ensure, ensure_types, own_domain
from bus.catalogue.notices import DOMAIN, GAP, Lost, event_of, gap
from bus.codec import kafka
from bus.log.writer import Writer
from bus.store.directory import Directory
from tests.contract.api.bus_under_test import (
    BATCH,
    OIN,
    Bus,
    Reply,
    event,
    on_a_database_of_its_own,
)
from tests.contract.api.owner import database_of
from tests.contract.api.test_event_types import wish

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOST = Lost("t", 0, 1, 2, "retention")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bus(kafka: str, postgres: str, template: str) -> AsyncIterator[Bus]:
    """Give an API whose bus has its own domain, looked after by the organisation of the tests."""
    async with (
        on_a_database_of_its_own(kafka, postgres, template) as bus,
        database_of(bus) as database,
        Directory.open(database) as directory,
    ):
        await ensure(own_domain(bus.settings.namespace, OIN), database, bus.topics)
        await ensure_types(database, directory)
        yield bus


@pytest.mark.parametrize("type_", [GAP.name, DOMAIN, f"{DOMAIN}.zelf-bedacht"])
async def test_nobody_publishes_in_it(bus: Bus, type_: str) -> None:
    """Alone, or in a batch; under a source of one's own, and by whoever looks after the domain."""
    alone = await bus.publish(event(type=type_))
    assert (alone.status, alone.faults()) == (400, [("/type", "reserved")])
    batch = [event(), event(type=type_)]
    reply = await bus.call("POST", "/v1/events", json=batch, headers={"Content-Type": BATCH})
    assert (reply.status, reply.faults()) == (400, [("/1/type", "reserved")])
    assert (await bus.publish(event(type=f"{DOMAIN}sen.anders"))).status == 400  # no domain: free


async def test_nobody_registers_a_type_in_it(bus: Bus) -> None:
    """Whether by the name of the type or by that of the domain, and also as an operator."""
    for changes in ({"type": f"{DOMAIN}.zelf-bedacht"}, {"domain": DOMAIN}):
        asked = {**wish("nl.vng.zaken.zelf-bedacht"), **changes}
        reply = await bus.call("POST", "/v1/event-types", json=asked)
        assert reply.status == 400
        assert [code for _, code in reply.faults()] == ["reserved"]


async def test_nobody_changes_its_types(bus: Bus) -> None:
    """Neither what they are said to be, nor what their data looks like; reading is for all."""
    path = f"/v1/event-types/{GAP.name}"
    put = await bus.call("PUT", path, json=wish(GAP.name))
    assert (put.status, put.faults()) == (400, [("/type", "reserved")])
    added = await bus.call("POST", f"{path}/schemas", json={"type": "object"})
    assert (added.status, added.json["type"]) == (403, "urn:gemeentebus:problem:reserved")
    shown = await bus.call("GET", path, who="other")
    assert [each["version"] for each in shown.json["schemas"]] == [1]


async def test_who_asks_for_everything_gets_no_notices(bus: Bus) -> None:
    """Pulled, or tried on the past: only who names them, gets them."""
    named = {"filters": [{"any": [{"sql": f"type LIKE '{DOMAIN}.%'"}, {"exact": {"id": "no"}}]}]}
    everything, asked = [
        (await bus.call("POST", "/v1/subscriptions", json={"protocol": "PULL", **terms})).json
        for terms in ({}, named)
    ]
    notice = event_of(gap(UUID(asked["id"]), OIN, LOST), datetime.now(UTC), bus.url)
    headers, value = kafka.encode(notice)
    assert bus.settings.kafka_bootstrap is not None
    async with Writer(bootstrap=bus.settings.kafka_bootstrap) as writer:
        await writer.append(f"{bus.settings.namespace}.{DOMAIN}", b"k", headers, value)
    assert (await bus.publish(event(id="of-a-register"))).status == 202

    def types(found: Reply) -> set[str]:
        return {each["type"] for each in found.json["byType"]}

    for subscription, wanted in ((everything, {"of-a-register"}), (asked, {notice.id})):
        path = f"/v1/subscriptions/{subscription['id']}/events?wait=10"
        reply = await bus.call("GET", path, headers={"Accept": "application/json"})
        assert {each["id"] for each in reply.json["events"]} == wanted
    for terms, wanted in (({}, {event()["type"]}), (named, {GAP.name})):
        assert types(await bus.call("POST", "/v1/filters/_backtest", json=terms)) == wanted
