"""PATCH /v1/domains/{name}: what can change, who may, and that it is recorded and followed."""

import asyncio
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from bus.profile import bsn
from bus.store.database import Database
from bus.store.directory import Directory
from tests.contract.api.bus_under_test import OIN, PERSONAL, Bus, Reply, event

pytestmark = pytest.mark.asyncio(loop_scope="session")

MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


async def made(bus: Bus, name: str, **terms: object) -> Reply:
    """Make a domain of one partition."""
    reply = await bus.call("POST", "/v1/domains", json={"name": name, "partitions": 1, **terms})
    assert reply.status == 201, reply.text
    return reply


async def patch(bus: Bus, name: str, change: object, *, who: str = "all", **headers: str) -> Reply:
    """Ask for a change."""
    sent = {**MERGE_PATCH, **{key.replace("_", "-"): text for key, text in headers.items()}}
    return await bus.call("PATCH", f"/v1/domains/{name}", json=change, who=who, headers=sent)


async def test_terms_change_and_what_is_not_named_stays(bus: Bus) -> None:
    """A merge patch: members of the profile too, and null brings back the default."""
    before = await made(bus, "nl.anders", description="Eerst", profile={"bsnAllow": ["rsin"]})
    change: dict[str, Any] = {"description": "Later", "profile": {"rules": {"type-version": "off"}}}
    changed = await patch(bus, "nl.anders", change)
    assert changed.status == 200, changed.text
    assert changed.json == before.json | {
        "description": "Later",
        "profile": {"rules": {"type-version": "off"}, "bsnAllow": ["rsin"]},
    }
    assert changed.headers["ETag"] != before.headers["ETag"]
    shown = await bus.call("GET", "/v1/domains/nl.anders")
    assert (shown.json, shown.headers["ETag"]) == (changed.json, changed.headers["ETag"])
    closed = await patch(bus, "nl.anders", {"unknownTypes": "reject"})
    assert closed.json == changed.json | {"unknownTypes": "reject"}
    assert (await bus.publish(event(type="nl.anders.x"))).faults() == [("/type", "unknown-type")]
    reset = await patch(bus, "nl.anders", {"profile": None, "description": None})
    assert (reset.json["profile"], reset.json["description"]) == ({}, "")


async def test_a_change_holds_for_the_next_event(bus: Bus) -> None:
    """As soon as it was answered."""
    await made(bus, "nl.strenger")
    late = event(type="nl.strenger.x", time="2999-01-01T00:00:00Z")
    assert (await bus.publish(late)).status == 202
    await patch(bus, "nl.strenger", {"profile": {"rules": {"time-in-future": "reject"}}})
    assert (await bus.publish(late)).faults() == [("/time", "time-in-future")]


async def test_other_processes_follow(bus: Bus) -> None:
    """A directory that was not asked has it by itself, soon after."""
    await made(bus, "nl.volgen")
    assert bus.settings.database_url is not None
    url = bus.settings.database_url.get_secret_value()
    async with (
        Database.open(url, application_name="tests") as database,
        Directory.open(database) as directory,
        asyncio.timeout(20),
    ):
        known = (await directory.refresh()).domains.by_name("nl.volgen")
        assert known is not None
        await patch(bus, "nl.volgen", {"profile": {"rules": {"type-version": "off"}}})
        while known.profile.rules != {"type-version": "off"}:
            await asyncio.sleep(0.02)
            known = directory.now.domains.by_name("nl.volgen")
            assert known is not None


async def test_the_retention_of_the_topic_changes_and_nothing_else_of_it(bus: Bus) -> None:
    """What an administrator has set by hand stays."""
    topic = (await made(bus, "nl.bewaren")).json["topic"]
    await _set_by_hand(bus, topic, {"segment.bytes": "1048576", "retention.ms": "1209600000"})
    assert (await patch(bus, "nl.bewaren", {"retentionDays": 30})).json["retentionDays"] == 30
    settings = await _settings(bus, topic)
    assert settings["retention.ms"] == str(30 * 24 * 3600 * 1000)
    assert settings["segment.bytes"] == "1048576"


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({"retentionDays": 7}, [("/retentionDays", "out-of-range")]),
        ({"name": "nl.nieuw"}, [("/name", "immutable")]),
        ({"partitions": 3, "topic": "x"}, [("/partitions", "immutable"), ("/topic", "immutable")]),
        ({"keyAttribute": "zaak"}, [("/keyAttribute", "immutable")]),
        ({"organisation": None}, [("/organisation", "immutable")]),
        ({"soort": 1}, [("/soort", "unknown-field")]),
        ({"unknownTypes": "soms"}, [("/unknownTypes", "not-allowed")]),
        ({"profile": {"rules": {"nope": "off"}}}, [("/profile/rules/nope", "unknown-rule")]),
        (
            {"profile": {"rules": {"type-version": PERSONAL}}},
            [("/profile/rules/type-version", "not-allowed")],
        ),
        (
            {"profile": {"rules": {bsn.IN_SUBJECT: "off"}}},
            [("/profile/rules/bsn-in-subject", "agreement-required")],
        ),
        (
            {"profile": {"bsnAllow": ["rsin", "subject"]}},
            [("/profile/bsnAllow/1", "agreement-required")],
        ),
        ({"profile": {"bsnAgreement": ""}}, [("/profile/bsnAgreement", "empty")]),
        ([], [("", "not-an-object")]),
    ],
)
async def test_a_wrong_change(bus: Bus, change: object, faults: list[tuple[str, str]]) -> None:
    """Each fault is named with its place, and nothing is changed."""
    before = await bus.call("GET", "/v1/domains/nl.vng.zaken")
    reply = await patch(bus, "nl.vng.zaken", change)
    assert (reply.status, reply.faults()) == (400, faults)
    assert PERSONAL not in reply.text
    after = await bus.call("GET", "/v1/domains/nl.vng.zaken")
    assert (after.json, after.headers["ETag"]) == (before.json, before.headers["ETag"])


async def test_a_bsn_passes_by_agreement_and_is_stopped_when_that_ends(bus: Bus) -> None:
    """Who relaxed it, when, and by which agreement is there to be read."""
    await made(bus, "nl.personen")
    person = event(type="nl.personen.verhuisd", subject=PERSONAL)
    assert (await bus.publish(person)).faults() == [("/subject", bsn.IN_SUBJECT)]
    relaxed: dict[str, Any] = {"rules": {bsn.IN_SUBJECT: "off"}, "bsnAgreement": "convenant 17"}
    assert (await patch(bus, "nl.personen", {"profile": relaxed})).status == 200
    assert (await bus.publish(person)).status == 202
    ended = await patch(bus, "nl.personen", {"profile": {"bsnAgreement": None}})
    assert ended.faults() == [("/profile/rules/bsn-in-subject", "agreement-required")]
    assert (await patch(bus, "nl.personen", {"profile": None})).status == 200
    assert (await bus.publish(person)).status == 400
    history = (await bus.call("GET", "/v1/domains/nl.personen/revisions")).json["items"]
    assert [each["profile"] for each in history] == [{}, relaxed, {}]
    assert {each["organisation"] for each in history} == {OIN}
    assert sorted(each["revision"] for each in history)[::-1] == [e["revision"] for e in history]


async def test_a_change_of_another_version(bus: Bus) -> None:
    """With If-Match only the version that was read is changed."""
    etag = (await made(bus, "nl.versie")).headers["ETag"]
    assert (await patch(bus, "nl.versie", {"description": "a"}, If_Match=etag)).status == 200
    again = await patch(bus, "nl.versie", {"description": "b"}, If_Match=etag)
    assert (again.status, again.json["type"].rpartition(":")[2]) == (412, "changed")
    assert (await patch(bus, "nl.versie", {"description": "c"}, If_Match="*")).status == 200


async def test_changes_at_once_all_come_through(bus: Bus) -> None:
    """None undoes another."""
    await made(bus, "nl.samen")
    rules = ["type-version", "data-not-json", "time-in-future", "name-too-long"]
    replies = await asyncio.gather(
        *(patch(bus, "nl.samen", {"profile": {"rules": {rule: "off"}}}) for rule in rules)
    )
    assert {each.status for each in replies} == {200}
    shown = (await bus.call("GET", "/v1/domains/nl.samen")).json
    assert shown["profile"]["rules"] == dict.fromkeys(rules, "off")


async def test_who_may_not(bus: Bus) -> None:
    """Only an operator, of the organisation that looks after it, and only what is there."""
    for who, status in (("publisher", 403), ("subscriber", 403), ("foreign", 403)):
        assert (await patch(bus, "nl.vng.zaken", {"description": "x"}, who=who)).status == status
    foreign = await patch(bus, "nl.vng.zaken", {"description": "x"}, who="foreign")
    assert foreign.json["type"].endswith(":foreign-domain")
    seen = await bus.call("GET", "/v1/domains/nl.vng.zaken/revisions", who="foreign")
    assert seen.status == 403
    assert (await patch(bus, "nl.nergens", {"description": "x"})).status == 404
    wrong = await bus.call(
        "PATCH", "/v1/domains/nl.vng.zaken", body=b"{}", headers={"Content-Type": "text/plain"}
    )
    assert wrong.status == 415


async def _set_by_hand(bus: Bus, topic: str, settings: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bus.settings.kafka_bootstrap)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])
    finally:
        await admin.close()


async def _settings(bus: Bus, topic: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bus.settings.kafka_bootstrap)
    await admin.start()
    try:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    return {name: value for name, value, *_ in answers[0].resources[0][4]}


async def test_nobody_takes_over_the_types_of_another_organisation(bus: Bus) -> None:
    """A domain below another's would get its events: only who looks after that one may make it."""
    await made(bus, "nl.eigen")
    below = {"name": "nl.eigen.deel.kleiner", "partitions": 1}
    refused = await bus.call("POST", "/v1/domains", json=below, who="foreign")
    assert (refused.status, refused.json["type"]) == (403, "urn:gemeentebus:problem:foreign-domain")
    assert (await bus.call("GET", f"/v1/domains/{below['name']}")).status == 404
    await made(bus, below["name"])
