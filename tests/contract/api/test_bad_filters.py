"""Bad filters: each rule they can break, wherever filters are taken, is a problem document."""

from typing import Any

import pytest

from tests.contract.api.bus_under_test import PERSONAL, PROBLEM, TYPE, Bus, event, subscription

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLAIN = {"exact": {"type": TYPE}}
DEEP: dict[str, Any] = PLAIN
for _ in range(8):
    DEEP = {"not": DEEP}

FAULTS: list[tuple[object, str, str, int | None]] = [
    # filters, where below /filters, code, character
    ({"exact": {}}, "", "not-an-array", None),
    (["type"], "/0", "not-one-dialect", None),
    ([{}], "/0", "not-one-dialect", None),
    ([{**PLAIN, "prefix": {"type": "t"}}], "/0", "not-one-dialect", None),
    ([{"regex": {"type": PERSONAL}}], "/0/regex", "unknown-dialect", None),
    ([PLAIN, {"exact": {}}], "/1/exact", "empty", None),
    ([{"prefix": "nl."}], "/0/prefix", "not-an-object", None),
    ([{"suffix": {"Type": "x"}}], "/0/suffix/Type", "not-an-attribute", None),
    ([{"exact": {"data": PERSONAL}}], "/0/exact/data", "not-an-attribute", None),
    ([{"exact": {"urgent": True}}], "/0/exact/urgent", "not-a-string", None),
    ([{"exact": {"subject": ""}}], "/0/exact/subject", "empty", None),
    ([{"exact": {"subject": PERSONAL * 300}}], "/0/exact/subject", "too-long", None),
    ([{"all": []}], "/0/all", "empty", None),
    ([{"any": PLAIN}], "/0/any", "not-an-array", None),
    ([{"not": [PLAIN]}], "/0/not", "not-one-dialect", None),
    ([DEEP], "/0" + "/not" * 8, "too-deep", None),
    ([PLAIN] * 257, "/256", "too-many", None),
    ([{"sql": True}], "/0/sql", "not-a-string", None),
    ([{"sql": ""}], "/0/sql", "syntax", 1),
    ([{"sql": f"subject = '{PERSONAL}"}], "/0/sql", "syntax", 11),
    ([{"sql": f"subject = '{PERSONAL}' AND"}], "/0/sql", "syntax", 26),
    ([{"sql": f"subject == '{PERSONAL}'"}], "/0/sql", "syntax", 10),
    ([{"sql": "subject LIKE type"}], "/0/sql", "syntax", 14),
    ([{"sql": f"subject = {PERSONAL}9"}], "/0/sql", "out-of-range", 11),
    ([{"sql": "(" * 33 + "TRUE" + ")" * 33}], "/0/sql", "too-deep", 33),
    ([{"sql": "-" * 257 + "1"}], "/0/sql", "too-many", 257),
    ([{"sql": "x" * 4097}], "/0/sql", "too-long", 4097),
    ([{"sql": "LOOKUP(subject)"}], "/0/sql", "unknown-function", 1),
    ([{"any": [PLAIN, {"not": {"sql": "type"}}, {"sql": "("}]}], "/0/any/2/sql", "syntax", 2),
]


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/v1/subscriptions", subscription()),
        ("/v1/filters/_evaluate", {"event": event()}),
        ("/v1/filters/_backtest", {}),
    ],
    ids=["subscription", "evaluate", "backtest"],
)
async def test_every_fault_is_named(bus: Bus, path: str, rest: dict[str, Any]) -> None:
    """With pointer and code, in sql with the character; nothing is stored, no value repeated."""
    before = (await bus.call("GET", "/v1/subscriptions")).json
    for filters, where, code, at in FAULTS:
        reply = await bus.call("POST", path, json={**rest, "filters": filters})
        assert (reply.status, reply.headers["Content-Type"]) == (400, PROBLEM), (where, code)
        assert reply.faults() == [(f"/filters{where}", code)]
        (error,) = reply.json["errors"]
        assert error["in"] == "body"
        assert at is None or error["detail"].startswith(f"character {at}: ")
        assert PERSONAL not in reply.text
    assert (await bus.call("GET", "/v1/subscriptions")).json == before


async def test_faults_of_several_filters_are_named_together(bus: Bus) -> None:
    """In the order of the text, whatever the dialect."""
    filters = [{"sql": "a ="}, {"exact": {"A": "x"}}, {"all": [{"sql": "b"}, {"sql": "NOPE()"}]}]
    reply = await bus.call("POST", "/v1/subscriptions", json=subscription(filters=filters))
    assert reply.faults() == [
        ("/filters/0/sql", "syntax"),
        ("/filters/1/exact/A", "not-an-attribute"),
        ("/filters/2/all/1/sql", "unknown-function"),
    ]


async def test_a_change_to_bad_filters_changes_nothing(bus: Bus) -> None:
    """What was good before stays."""
    made = await bus.call("POST", "/v1/subscriptions", json=subscription(filters=[{"sql": "TRUE"}]))
    assert made.status == 201, made.text
    path = made.headers["Location"]
    headers = {"Content-Type": "application/merge-patch+json"}
    reply = await bus.call("PATCH", path, json={"filters": [{"sql": "TRUE +"}]}, headers=headers)
    assert (reply.status, reply.faults()) == (400, [("/filters/0/sql", "syntax")])
    assert (await bus.call("GET", path)).json["filters"] == [{"sql": "TRUE"}]
    assert (await bus.call("DELETE", path)).status == 204
