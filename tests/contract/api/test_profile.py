"""The NL GOV profile at the door: each rule refuses, warns or is off, as the domain says."""

import io
import json
from typing import Any

import pytest
import pytest_asyncio

from bus.codec import kafka
from bus.profile import RULES, bsn
from bus.store.database import Database
from bus.store.organisations import Organisations
from tests.contract.api.bus_under_test import (
    BATCH,
    DOMAIN,
    OIN,
    PERSONAL,
    PROBLEM,
    SOURCE,
    STRUCTURED,
    TYPE,
    Bus,
    Reply,
    event,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

UUID = "f3dce042-cd6e-4977-844d-05be8dce7cea"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b9c7c989f97918e1-01"
FUTURE, PAST = "2999-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789+01:00"

OFFENCES: list[tuple[str, str, dict[str, Any]]] = [
    ("name-too-long", "eenveeltelangenaamhier", {"eenveeltelangenaamhier": "x"}),
    ("id-undescribed", "id", {"id": UUID}),
    ("source-not-urn-nld", "source", {"source": f"urn:x:{OIN}"}),
    ("source-unregistered", "source", {"source": "urn:nld:gemeente-nijmegen.zaken"}),
    ("source-number-invalid", "source", {"source": "urn:nld:oin:01823288444:systeem:x"}),
    ("source-without-system", "source", {"source": f"urn:nld:oin:{OIN}"}),
    ("source-is-location", "source", {"dataref": SOURCE}),
    ("type-not-reverse-dns", "type", {"type": "{}..x"}),
    ("type-version", "type", {"type": "{}.v1.gemaakt.v2"}),
    ("type-version", "type", {"type": "{}.gemaakt.1"}),
    ("type-names-organisation", "type", {"type": "{}.gemeente-nijmegen.zaak"}),
    ("data-not-json", "datacontenttype", {"data": "x", "datacontenttype": "text/plain"}),
    ("data-not-json", "datacontenttype", {"data_base64": "eA=="}),
    ("time-in-future", "time", {"time": FUTURE}),
    ("sequence-not-integer", "sequence", {"sequencetype": "integer", "sequence": "een"}),
    ("sequence-not-integer", "sequence", {"sequencetype": "Integer", "sequence": "2147483648"}),
    ("extensions-not-minimal", "x14", {f"x{number}": "1" for number in range(20)}),
    ("larger-than-64-kib", "data", {"data": "x" * 60_000}),
    ("ordered-by-source", "partitionkey", {"partitionkey": None}),
    ("extension-incomplete", "traceparent", {"tracestate": "a=b"}),
    ("extension-incomplete", "sequence", {"sequencetype": "x"}),
    ("extension-incomplete", "severitynumber", {"severitytext": "INFO"}),
    ("extension-incomplete", "authtype", {"authid": "x"}),
    ("extension-incomplete", "dataclassification", {"dataregulation": "AVG"}),
    ("traceparent-malformed", "traceparent", {"traceparent": "00-1-2-03"}),
    ("authtype-unknown", "authtype", {"authtype": "burger"}),
    ("authclaims-not-json", "authclaims", {"authtype": "user", "authclaims": "{"}),
    ("expired-before-time", "expirytime", {"time": PAST, "expirytime": "2025-12-31T23:00:00Z"}),
    ("deprecation-inconsistent", "deprecated", {"deprecationfrom": PAST, "deprecated": False}),
    (
        "deprecation-inconsistent",
        "deprecationsunset",
        {"deprecated": True, "deprecationfrom": FUTURE, "deprecationsunset": PAST},
    ),
    ("classification-not-met", "dataclassification", {"dataclassification": "restricted"}),
    (
        "classification-not-met",
        "dataregulation",
        {"dataclassification": "internal", "dataregulation": "GDPR,HIPAA"},
    ),
    (
        "classification-not-met",
        "datacategory",
        {"dataclassification": "internal", "datacategory": "special-category"},
    ),
    (bsn.IN_SUBJECT, "subject", {"subject": f"burger {PERSONAL}"}),
    (bsn.NAMED, "bsnaanvrager", {"bsnaanvrager": PERSONAL}),
    (bsn.NAMED, "dataref", {"dataref": f"https://h/p?burgerservicenummer={PERSONAL}"}),
    (bsn.SUSPECTED, "dataref", {"dataref": f"https://h/personen/{PERSONAL}"}),
    (bsn.SUSPECTED, "dataref", {"dataref": f"/p?zoek={PERSONAL}"}),
    (bsn.SUSPECTED, "source", {"source": f"urn:nld:oin:{OIN}:x:{PERSONAL}"}),
    (bsn.SUSPECTED, "zaaknr", {"zaaknr": PERSONAL}),
]
"""A rule, the attribute that offends, and the changes of a good event; {} is the domain's name."""

FINE: list[dict[str, Any]] = [
    {},
    {"id": UUID, "dataschema": "https://schemas.example.nl/1"},
    {"source": "urn:nld:kvknr:09220932.zaken"},
    {"type": "{}.x.v2"},
    {"sequencetype": "Integer", "sequence": "-0000000007"},
    {"traceparent": TRACE, "tracestate": "a=b"},
    {"severitynumber": 9, "severitytext": "INFO"},
    {"deprecated": True, "deprecationfrom": PAST, "deprecationsunset": FUTURE},
    {"dataclassification": "Confidential", "dataregulation": "AVG, GDPR"},
    {"authtype": "service_account", "authclaims": '{"sub": "x"}'},
    {"time": PAST, "expirytime": FUTURE},
    {"subject": "999990343", "zaaknr": "9999903421"},
    {"data": {"bsn": PERSONAL}},
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def domains(bus: Bus) -> dict[str, str]:
    """Give a domain whose every rule rejects, one whose warns, and one whose is off."""
    found = {}
    for verdict in ("reject", "warn", "off"):
        name = f"nl.profiel-{verdict}"
        rules = {rule.code: verdict for rule in RULES}
        profile = {"rules": rules, "bsnAgreement": "verwerkingsregister 17"}
        wish = {"name": name, "partitions": 1, "profile": profile}
        made = await bus.call("POST", "/v1/domains", json=wish)
        assert made.status == 201, made.text
        found[verdict] = name
    assert bus.settings.database_url is not None
    url = bus.settings.database_url.get_secret_value()
    async with Database.open(url, application_name="tests") as database:
        for source in ("urn:x", "urn:nld:gemeente-nijmegen", "urn:nld:oin:01823288444"):
            await Organisations(database).add_source(source, OIN)
        await Organisations(database).add_source("urn:nld:kvknr:09220932", OIN)
    return found


def of_domain(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Give a good event of a domain, with changes."""
    type_ = changes.get("type", "{}.zaak-gemaakt")
    return event(**{**changes, "type": type_.format(name)})


def told(faults: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Give place and code of faults or warnings, of which each has a sentence."""
    assert all(each["in"] == "body" and each["detail"] for each in faults)
    return {(each["location"]["pointer"], each["code"]) for each in faults}


async def test_every_rule_is_offended_here() -> None:
    """A rule without a test would be a promise without proof."""
    assert {code for code, *_ in OFFENCES} == {rule.code for rule in RULES}


@pytest.mark.parametrize(
    ("code", "attribute", "changes"), OFFENCES, ids=[f"{c}-{a}" for c, a, _ in OFFENCES]
)
async def test_a_rule(
    bus: Bus, domains: dict[str, str], code: str, attribute: str, changes: dict[str, Any]
) -> None:
    """It refuses with a problem document, or warns in the 202, or says nothing."""
    refused = await bus.publish(of_domain(domains["reject"], changes))
    assert refused.status == 400, refused.text
    assert refused.headers["Content-Type"] == PROBLEM
    assert refused.json["type"].endswith(":refused-by-profile")
    assert (f"/{attribute}", code) in told(refused.json["errors"])
    assert PERSONAL not in refused.text
    taken = await bus.publish(of_domain(domains["warn"], changes))
    assert taken.status == 202, taken.text
    assert (f"/{attribute}", code) in told(taken.json["warnings"])
    silent = await bus.publish(of_domain(domains["off"], changes))
    assert silent.status == 202, silent.text
    assert "warnings" not in silent.json


@pytest.mark.parametrize("changes", FINE, ids=[" ".join(each) or "least" for each in FINE])
async def test_what_is_fine(bus: Bus, domains: dict[str, str], changes: dict[str, Any]) -> None:
    """What keeps the rules is taken without a word."""
    taken = await bus.publish(of_domain(domains["warn"], changes))
    found = {code for _, code in told(taken.json.get("warnings", []))}
    assert found == set()
    assert taken.status == 202


async def test_a_domain_has_the_defaults_of_the_profile(bus: Bus) -> None:
    """What MUST be is refused, what SHOULD be is told, and both are counted."""
    refused = await bus.publish(event(tracestate="a=b"))
    assert (refused.status, refused.faults()) == (400, [("/traceparent", "extension-incomplete")])
    taken = await bus.publish(event(zaaknr=PERSONAL, time=FUTURE))
    expected = {("/zaaknr", bsn.SUSPECTED), ("/time", "time-in-future")}
    assert told(taken.json["warnings"]) == expected
    topic = (await bus.call("GET", f"/v1/topics/{bus.topic}", who="operator")).json
    counts = {(each["source"], each["rule"], each["verdict"]) for each in topic["findings"]}
    assert {
        (SOURCE, "time-in-future", "warn"),
        (SOURCE, "extension-incomplete", "reject"),
    } <= counts
    assert all(each["count"] > 0 for each in topic["findings"])
    metrics = (await bus.call("GET", "/metrics", who=None)).text
    series = f'domain="{DOMAIN}",rule="time-in-future",source="{SOURCE}",verdict="warn"'
    assert f"gemeentebus_profile_findings_total{{{series}}}" in metrics


async def test_in_headers_the_header_is_named(bus: Bus) -> None:
    """In binary mode a fault is in the header that it was sent in."""
    headers = {f"ce-{name}": text for name, text in event(subject=PERSONAL).items()}
    reply = await bus.call(
        "POST", "/v1/events", body=b"x", headers=headers | {"Content-Type": "a/b"}
    )
    assert reply.faults() == [("ce-subject", bsn.IN_SUBJECT)]
    assert reply.json["errors"][0]["in"] == "header"
    del headers["ce-subject"]
    reply = await bus.call(
        "POST", "/v1/events", body=b"x", headers=headers | {"Content-Type": "a/b"}
    )
    (warning,) = reply.json["warnings"]
    assert (warning["in"], warning["location"]) == ("header", {"name": "content-type"})


async def test_a_batch_is_refused_whole_and_warned_of_one_by_one(bus: Bus) -> None:
    """Each fault names its event; nothing of the batch is stored."""
    batch = [event(), event(id="2", subject=PERSONAL), event(id="3", tracestate="a=b", time=FUTURE)]
    before = await bus.end_offsets()
    reply = await bus.publish(*batch)
    assert await bus.end_offsets() == before
    assert reply.status == 400
    assert set(reply.faults()) == {
        ("/1/subject", bsn.IN_SUBJECT),
        ("/2/traceparent", "extension-incomplete"),
    }
    reply = await bus.publish(event(), event(id="2", time=FUTURE))
    first, second = reply.json["items"]
    assert "warnings" not in first
    assert told(second["warnings"]) == {("/1/time", "time-in-future")}


async def test_an_allowed_attribute_may_hold_an_rsin(bus: Bus) -> None:
    """The allow-list is per attribute."""
    wish = {"name": "nl.rsin", "partitions": 1, "profile": {"bsnAllow": ["bronorganisatie"]}}
    assert (await bus.call("POST", "/v1/domains", json=wish)).status == 201
    both = event(type="nl.rsin.x", bronorganisatie=PERSONAL, ander=PERSONAL)
    reply = await bus.publish(both)
    assert reply.status == 202, reply.text
    assert told(reply.json["warnings"]) == {("/ander", bsn.SUSPECTED)}


@pytest.mark.parametrize("mode", [STRUCTURED, BATCH, "binary"])
@pytest.mark.parametrize(
    ("name", "good", "bad", "code"),
    [
        ("partitionkey", "k", "", "empty"),
        ("sequence", "1", "", "empty"),
        ("traceparent", TRACE, "", "empty"),
        ("dataref", "/z/1", "a b", "not-a-uri-reference"),
        ("expirytime", FUTURE, "morgen", "not-a-timestamp"),
        ("recordedtime", PAST, "2026-01-01", "not-a-timestamp"),
        ("deprecated", "true", "ja", "not-a-boolean"),
        ("severitynumber", "17", "-1", "out-of-range"),
        ("authtype", "user", "", "empty"),
        ("dataclassification", "public", "", "empty"),
        ("correlationid", "c", "", "empty"),
        ("causationid", "c", "", "empty"),
        ("sampledrate", "30", "0", "out-of-range"),
        ("dssematerial", "TWE=", "TWE", "not-base64"),
        ("opcuastatus", "-5", "5.0", "out-of-range"),
    ],
)
async def test_a_documented_extension_has_a_type(
    bus: Bus, mode: str, name: str, good: str, bad: str, code: str
) -> None:
    """In every mode a wrong value is named with its place, and a good one goes on as sent."""
    taken = await _sent(bus, mode, event(**{"partitionkey": "k", name: good}))
    assert taken.status == 202, taken.text
    place = taken.json["items"][0] if mode == BATCH else taken.json
    (record,) = await bus.records(place)
    assert kafka.decode(record.headers, record.value).attributes[name] == good
    reply = await _sent(bus, mode, event(**{name: bad}))
    at = {STRUCTURED: f"/{name}", BATCH: f"/0/{name}"}.get(mode, f"ce-{name}")
    assert (reply.status, reply.faults()) == (400, [(at, code)])


async def test_native_types_go_out_as_they_came(bus: Bus) -> None:
    """In JSON an Integer and a Boolean may be themselves; a String may not be a number."""
    reply = await bus.publish(event(severitynumber=17, deprecated=False, sampledrate=30))
    assert reply.status == 202, reply.text
    (record,) = await bus.records(reply.json)
    attributes = kafka.decode(record.headers, record.value).attributes
    assert attributes["severitynumber"] == 17
    assert attributes["deprecated"] is False
    reply = await bus.publish(event(correlationid=7, expirytime=True))
    assert set(reply.faults()) == {
        ("/correlationid", "not-a-string"),
        ("/expirytime", "not-a-string"),
    }


async def test_nothing_ever_repeats_the_number(bus: Bus, stream: io.StringIO) -> None:
    """Wherever it was: no problem document, log line, metric or list for operators has it."""
    places: dict[str, Any] = {
        "subject": PERSONAL,
        "id": PERSONAL,
        "source": f"urn:nld:oin:{OIN}:bsn:{PERSONAL}",
        "type": f"{TYPE}.{PERSONAL}",
        "dataref": f"https://h/?bsn={PERSONAL}",
        "partitionkey": PERSONAL,
        "bsn": PERSONAL,
        "time": PERSONAL,
        "tracestate": PERSONAL,
        "dataclassification": PERSONAL,
    }
    answers = [await bus.publish(event(**{name: text})) for name, text in places.items()]
    answers.append(await bus.publish(event(source=f"urn:foreign:{PERSONAL}"), who="other"))
    headers = {"Content-Type": STRUCTURED, f"ce-{PERSONAL}": PERSONAL}
    body = json.dumps(event(subject=PERSONAL, **{PERSONAL: PERSONAL})).encode()
    answers.append(await bus.call("POST", "/v1/events", body=body, headers=headers))
    refusals = [each for each in answers if each.status >= 400]
    assert len(refusals) >= 7
    for each in answers:
        shown = each.json.get("warnings", ()) if each.status < 400 else each.text
        assert PERSONAL not in json.dumps(shown).replace(f"/{PERSONAL}", "")
    operators = await bus.call("GET", "/v1/topics", who="operator")
    metrics = await bus.call("GET", "/metrics", who=None)
    assert "api.access_refused" in stream.getvalue()
    for text in (operators.text, metrics.text, stream.getvalue()):
        assert PERSONAL not in text


async def _sent(bus: Bus, mode: str, document: dict[str, Any]) -> Reply:
    if mode == "binary":
        headers = {f"ce-{name}": text.replace(" ", "%20") for name, text in document.items()}
        return await bus.call("POST", "/v1/events", body=b"", headers=headers)
    body = json.dumps([document] if mode == BATCH else document).encode()
    return await bus.call("POST", "/v1/events", body=body, headers={"Content-Type": mode})
