"""Bad input to /v1/subscriptions and /v1/domains: every fault named, nothing stored."""

import json
from typing import Any

import pytest

from bus.api.paging import cursor_of
from tests.contract.api.bus_under_test import DOMAIN, PERSONAL, PROBLEM, Bus, Reply, subscription

pytestmark = pytest.mark.asyncio(loop_scope="session")

LAST = "00000000-0000-0000-0000-000000000000"
NO_MOMENTS = ("2026-11-25", "2026-11-25T12:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59Z")
"""Times that no answer has: without an offset, or beyond the calendar in UTC."""


async def refused(bus: Bus, path: str, body: bytes, **headers: str) -> Reply:
    """Post something, see that it was refused with a problem document, and nothing stored."""
    before = (await bus.call("GET", path)).json
    sent = {"Content-Type": "application/json", **headers}
    reply = await bus.call("POST", path, body=body, headers=sent)
    assert (await bus.call("GET", path)).json == before
    assert reply.headers["Content-Type"] == PROBLEM
    assert PERSONAL not in reply.text
    return reply


@pytest.mark.parametrize(
    ("wish", "faults"),
    [
        (subscription(sink=None), [("/sink", "required")]),
        (subscription(protocol=None), [("/protocol", "required")]),
        (subscription(protocol="MQTT"), [("/protocol", "not-allowed")]),
        (subscription(callbackUrl="x"), [("/callbackUrl", "unknown-field")]),
        (subscription(delivery={"speed": 1}), [("/delivery/speed", "unknown-field")]),
        (subscription(types="nl.vng.zaken"), [("/types", "not-an-array")]),
        (subscription(types=[1]), [("/types/0", "not-a-string")]),
        (subscription(delivery={"timeout": 500}), [("/delivery/timeout", "out-of-range")]),
        (subscription(ordering="fast"), [("/ordering", "not-allowed")]),
        (subscription(start="yesterday"), [("/start", "not-a-time")]),
        (
            subscription(filters=[{"exact": {"type": "x"}}, {"cel": "true"}]),
            [("/filters/1/cel", "unknown-dialect")],
        ),
        (
            subscription(filters=[{"all": [{"like": {"subject": PERSONAL}}]}]),
            [("/filters/0/all/0/like", "unknown-dialect")],
        ),
        (
            subscription(filters=[{"exact": {"data": "x"}}]),
            [("/filters/0/exact/data", "not-an-attribute")],
        ),
        (subscription(domains=["nl.brp"]), [("/domains/0", "unknown-domain")]),
        (subscription(sink="zaken.example.nl"), [("/sink", "unknown-scheme")]),
        (subscription(sink="ftp://zaken.example.nl/x"), [("/sink", "unknown-scheme")]),
        (subscription(sink="https://10.1.2.3/x"), [("/sink", "forbidden-sink")]),
        (subscription(sink="https://169.254.169.254/latest"), [("/sink", "forbidden-sink")]),
        (subscription(sink="https://[::1]/x"), [("/sink", "forbidden-sink")]),
        (subscription(sink="https://[::ffff:10.0.0.1]/x"), [("/sink", "forbidden-sink")]),
        (subscription(sink="https://2130706433/x"), [("/sink", "forbidden-sink")]),
        (subscription(sink="http://93.184.216.34/x"), [("/sink", "forbidden-sink")]),
        (subscription(sink="https://no-such-host.invalid/x"), [("/sink", "forbidden-sink")]),
        (
            subscription(domains=["nl.brp", DOMAIN], sink="https://192.168.1.1/"),
            [("/domains/0", "unknown-domain"), ("/sink", "forbidden-sink")],
        ),
        (
            {"types": [1], "colour": "red", "filters": [{"near": {}}]},
            [
                ("/colour", "unknown-field"),
                ("/filters/0/near", "unknown-dialect"),
                ("/protocol", "required"),
                ("/sink", "required"),
                ("/types/0", "not-a-string"),
            ],
        ),
    ],
    ids=lambda value: ",".join(map("=".join, value)) if isinstance(value, list) else "wish",
)
async def test_a_wrong_subscription(
    bus: Bus, wish: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    """Each fault is named with its JSON pointer."""
    reply = await refused(bus, "/v1/subscriptions", json.dumps(wish).encode())
    assert reply.status == 400
    assert sorted(reply.faults()) == faults


@pytest.mark.parametrize("path", ["/v1/subscriptions", "/v1/domains"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff"])
async def test_malformed_json(bus: Bus, path: str, body: bytes) -> None:
    """What is no JSON object is refused."""
    reply = await refused(bus, path, body)
    assert (reply.status, len(reply.json["errors"])) == (400, 1)


@pytest.mark.parametrize("path", ["/v1/subscriptions", "/v1/domains"])
async def test_the_wrong_content_type(bus: Bus, path: str) -> None:
    """Only JSON is taken."""
    reply = await refused(bus, path, b"{}", **{"Content-Type": "text/plain"})
    assert (reply.status, reply.headers["Accept"]) == (415, "application/json")


async def test_too_large(bus: Bus) -> None:
    """A document has a bound."""
    wish = subscription(types=["x" * 500] * 1_000)
    reply = await refused(bus, "/v1/subscriptions", json.dumps(wish).encode())
    assert reply.status == 413


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("limit=0", ("limit", "out-of-range")),
        ("limit=201", ("limit", "out-of-range")),
        ("limit=x", ("limit", "out-of-range")),
        ("limit=00000000199999", ("limit", "out-of-range")),
        ("after=x", ("after", "not-a-cursor")),
        *((f"after={cursor_of(at, LAST)}", ("after", "not-a-cursor")) for at in NO_MOMENTS),
        ("page=1", ("page", "unknown-parameter")),
        ("limit=1&limit=2", ("limit", "repeated")),
        ("organisation=1", ("organisation", "not-allowed")),
    ],
)
async def test_a_wrong_query(bus: Bus, query: str, fault: tuple[str, str]) -> None:
    """A wrong parameter is named; an unknown one is not ignored."""
    reply = await bus.call("GET", f"/v1/subscriptions?{query}")
    assert (reply.status, reply.faults()) == (400, [fault])


@pytest.mark.parametrize(
    ("wish", "faults"),
    [
        ({}, [("/name", "required")]),
        ({"name": "Zaken"}, [("/name", "not-a-domain-name")]),
        ({"name": "nl..zaken"}, [("/name", "not-a-domain-name")]),
        ({"name": "nl.vng.gemeentebus"}, [("/name", "reserved")]),
        ({"name": "x", "retentionDays": 7}, [("/retentionDays", "out-of-range")]),
        ({"name": "x", "partitions": 0}, [("/partitions", "out-of-range")]),
        ({"name": "x", "topic": "y"}, [("/topic", "unknown-field")]),
    ],
)
async def test_a_wrong_domain(
    bus: Bus, wish: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    """Each fault of a domain is named, too."""
    reply = await refused(bus, "/v1/domains", json.dumps(wish).encode())
    assert reply.status == 400
    assert reply.faults() == faults


async def test_a_domain_twice(bus: Bus) -> None:
    """A name is taken once."""
    reply = await refused(bus, "/v1/domains", json.dumps({"name": DOMAIN}).encode())
    assert reply.status == 409


@pytest.mark.parametrize(
    ("method", "path", "who"),
    [
        ("POST", "/v1/subscriptions", "publisher"),
        ("GET", "/v1/subscriptions", "publisher"),
        ("POST", "/v1/domains", "subscriber"),
        ("POST", "/v1/domains", "publisher"),
        ("GET", "/v1/topics", "subscriber"),
        ("GET", "/v1/topics", "publisher"),
        ("POST", "/v1/subscriptions", "operator"),
    ],
)
async def test_a_missing_role(bus: Bus, method: str, path: str, who: str) -> None:
    """A token does what its roles say and no more."""
    document = {} if method == "POST" else None
    reply = await bus.call(method, path, who=who, json=document)
    assert (reply.status, reply.json["type"].rpartition(":")[2]) == (403, "missing-role")
