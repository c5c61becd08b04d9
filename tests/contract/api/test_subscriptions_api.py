"""Subscriptions over HTTP: made, shown, changed, ended; their secrets never shown again."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from bus.store.database import Database
from bus.store.secrets import Sealer
from bus.store.streams import Streams
from tests.contract.api.bus_under_test import (
    DOMAIN,
    OIN,
    PROBLEM,
    TYPE,
    Bus,
    Reply,
    event,
    subscription,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/subscriptions"
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
CREDENTIAL = {"credentialtype": "PLAIN", "identifier": "bus", "secret": "s3cr3t-w0rd"}


async def make(bus: Bus, *, who: str = "subscriber", **changes: object) -> Reply:
    """Make a subscription and see that it was made."""
    reply = await bus.call("POST", PATH, who=who, json=subscription(**changes))
    assert reply.status == 201, reply.text
    return reply


async def stored(bus: Bus, made: Reply) -> Any:  # noqa: ANN401 - None once it is gone
    """Give what the dispatcher will read of a subscription."""
    assert bus.settings.database_url is not None
    url = bus.settings.database_url.get_secret_value()
    async with Database.open(url, application_name="tests") as database:
        streams = Streams(database, Sealer(bytes(range(32))))
        found = await streams.subscriptions_at(await streams.revision())
    return next((each for each in found if str(each.id) == made.json["id"]), None)


async def test_made_with_all_defaults(bus: Bus) -> None:
    """The 201 shows the subscription as it is stored, every default written out."""
    made = await make(bus)
    id_ = made.json["id"]
    assert UUID(id_).version == 4
    assert made.headers["Location"] == f"{PATH}/{id_}"
    assert made.json["organisation"] == OIN
    assert made.json["delivery"]["concurrency"] == 16
    assert made.json["ordering"] == "key"
    shown = await bus.call("GET", f"{PATH}/{id_}", who="subscriber")
    without_secret = {**made.json, "signing": {"scheme": "v1"}}
    assert (shown.status, shown.json) == (200, without_secret)
    assert shown.headers["ETag"] == made.headers["ETag"]


async def test_the_secret_is_shown_once(bus: Bus) -> None:
    """Standard Webhooks' own library takes the secret of the 201; the dispatcher has the same."""
    made = await make(bus)
    secret = made.json["signing"]["secret"]
    Webhook(secret)
    for reply in (
        await bus.call("GET", made.headers["Location"]),
        await bus.call("GET", PATH),
        await bus.call("PATCH", made.headers["Location"], json={}, headers=MERGE_PATCH),
        await bus.call("GET", made.headers["Location"] + "/status"),
    ):
        assert reply.status == 200
        assert secret not in reply.text
    found = await stored(bus, made)
    assert found.secret.decode() == secret


async def test_secrets_the_client_brings_are_never_shown(bus: Bus) -> None:
    """Neither a signing secret nor a credential comes back, not even in the 201."""
    own = "whsec_" + "QUJD" * 11
    made = await make(bus, signing={"secret": own}, sinkcredential=CREDENTIAL)
    shown = await bus.call("GET", made.headers["Location"])
    for text in (made.text, shown.text):
        assert own not in text
        assert CREDENTIAL["secret"] not in text
    found = await stored(bus, made)
    assert found.secret.decode() == own
    assert json.loads(found.credential)["credential"] == CREDENTIAL


async def test_patch(bus: Bus) -> None:
    """A merge patch changes what it names; null gives the default back."""
    made = await make(bus, sinkcredential=CREDENTIAL, domains=[DOMAIN])
    change = {"types": [TYPE, "nl.vng.zaken.x"], "domains": None, "delivery": {"concurrency": 2}}
    changed = await bus.call("PATCH", made.headers["Location"], json=change, headers=MERGE_PATCH)
    assert changed.status == 200, changed.text
    assert changed.json["types"] == [TYPE, "nl.vng.zaken.x"]
    assert changed.json["domains"] == []
    assert changed.json["delivery"]["concurrency"] == 2
    assert changed.json["delivery"]["timeout"] == 30
    assert changed.headers["ETag"] != made.headers["ETag"]
    found = await stored(bus, made)
    assert found.credential is not None
    gone = {"sinkcredential": None}
    await bus.call("PATCH", made.headers["Location"], json=gone, headers=MERGE_PATCH)
    found = await stored(bus, made)
    assert found.credential is None


async def test_put_replaces(bus: Bus) -> None:
    """A PUT gives its default to what it leaves out; what GET showed can be put back."""
    made = await make(bus, ordering="none", filters=[{"exact": {"subject": "x"}}])
    shown = (await bus.call("GET", made.headers["Location"])).json
    same = await bus.call("PUT", made.headers["Location"], json=shown)
    assert (same.status, same.json) == (200, shown)
    bare = await bus.call("PUT", made.headers["Location"], json=subscription(types=None))
    assert bare.status == 200, bare.text
    assert (bare.json["ordering"], bare.json["filters"], bare.json["types"]) == ("key", [], [])
    wrong = await bus.call("PUT", made.headers["Location"], json={"protocol": "HTTP"})
    assert (wrong.status, wrong.faults()) == (400, [("/sink", "required")])


async def test_if_match(bus: Bus) -> None:
    """Who changes a version that is no longer there is told so, and changes nothing."""
    made = await make(bus)
    path = made.headers["Location"]
    old = {**MERGE_PATCH, "If-Match": made.headers["ETag"]}
    first = await bus.call("PATCH", path, json={"types": ["a.b"]}, headers=old)
    assert first.status == 200
    second = await bus.call("PATCH", path, json={"types": ["c.d"]}, headers=old)
    assert second.status == 412
    assert (await bus.call("GET", path)).json["types"] == ["a.b"]


async def test_patches_at_once_do_not_lose_each_other(bus: Bus) -> None:
    """Patches of different fields that cross each other both count."""
    made = await make(bus)
    patches: list[dict[str, Any]] = [
        {"types": ["a.b"]},
        {"ordering": "none"},
        {"delivery": {"timeout": 7}},
    ]
    replies = await asyncio.gather(
        *(
            bus.call("PATCH", made.headers["Location"], json=each, headers=MERGE_PATCH)
            for each in patches
        )
    )
    assert [reply.status for reply in replies] == [200, 200, 200]
    now = (await bus.call("GET", made.headers["Location"])).json
    assert (now["types"], now["ordering"], now["delivery"]["timeout"]) == (["a.b"], "none", 7)


@pytest.mark.parametrize("field", ["id", "organisation", "start"])
async def test_what_is_fixed_stays(bus: Bus, field: str) -> None:
    """Identity, owner and start cannot be changed."""
    made = await make(bus)
    change = {field: "earliest"}
    reply = await bus.call("PATCH", made.headers["Location"], json=change, headers=MERGE_PATCH)
    assert (reply.status, reply.faults()) == (400, [(f"/{field}", "immutable")])


async def test_delete(bus: Bus) -> None:
    """After a 204 it is gone, and deleting it again is a 404."""
    made = await make(bus)
    path = made.headers["Location"]
    gone = await bus.call("DELETE", path)
    assert (gone.status, gone.text) == (204, "")
    for method in ("GET", "DELETE"):
        assert (await bus.call(method, path)).status == 404
    assert await stored(bus, made) is None


async def test_another_organisation_sees_nothing(bus: Bus) -> None:
    """Of others' subscriptions not even the existence shows."""
    path = (await make(bus)).headers["Location"]
    for method, suffix, document in (
        ("GET", "", None),
        ("GET", "/status", None),
        ("PATCH", "", {"types": []}),
        ("PUT", "", subscription()),
        ("DELETE", "", None),
    ):
        reply = await bus.call(method, path + suffix, who="other", json=document)
        assert (reply.status, reply.headers["Content-Type"]) == (404, PROBLEM)
    listed = (await bus.call("GET", f"{PATH}?limit=200", who="other")).json["items"]
    assert path.rpartition("/")[2] not in [item["id"] for item in listed]
    assert (await bus.call("GET", path)).status == 200


async def test_pages(bus: Bus) -> None:
    """A list comes in pages, each subscription once, the oldest first."""
    made = [(await make(bus)).json["id"] for _ in range(5)]
    found: list[str] = []
    path: str | None = f"{PATH}?limit=2"
    while path is not None:
        page = await bus.call("GET", path)
        assert len(page.json["items"]) <= 2
        found += [item["id"] for item in page.json["items"]]
        path = page.json.get("next")
        assert ("Link" in page.headers) is (path is not None)
    assert [id_ for id_ in found if id_ in made] == made
    assert len(set(found)) == len(found)


async def test_an_operator_sees_all_in_short(bus: Bus) -> None:
    """An operator sees how others fare, and neither where they are nor what they filter on."""
    filters = [{"exact": {"subject": "999990342"}}]
    made = await make(bus, who="other", filters=filters)
    listed = await bus.call("GET", f"{PATH}?organisation=all&limit=200", who="operator")
    assert made.json["id"] in [item["id"] for item in listed.json["items"]]
    status = await bus.call("GET", made.headers["Location"] + "/status", who="operator")
    assert status.status == 200
    for text in (listed.text, status.text):
        assert "127.0.0.1" not in text
        assert "999990342" not in text
    assert (await bus.call("GET", f"{PATH}?organisation=all", who="subscriber")).status == 403


async def test_it_starts_where_it_was_asked(bus: Bus) -> None:
    """`latest` is the end of the log at the 201, `earliest` its beginning."""
    await bus.publish(event(id="1"))
    ends = {each.partition: offset for each, offset in (await bus.end_offsets()).items()}
    beginnings = {
        each.partition: offset
        for each, offset in (await bus.topics.start_offsets(await bus.end_offsets())).items()
    }
    for start, wanted in (("latest", ends), ("earliest", beginnings)):
        made = await make(bus, start=start, domains=[DOMAIN])
        status = (await bus.call("GET", made.headers["Location"] + "/status")).json
        assert {p["partition"]: p["position"] for p in status["partitions"]} == wanted
        assert status["lagEvents"] == sum(ends.values()) - sum(wanted.values())
