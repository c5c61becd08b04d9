"""The handshake of CloudEvents webhooks: asked at creation and when the sink changes, and kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from bus.app.roles import run_api
from bus.app.server import listen
from tests.contract.api.bus_under_test import Bus, subscription
from tests.contract.api.sink_under_test import asked_sink
from tests.contract.api.test_subscriptions_api import MERGE_PATCH, PATH, make, stored

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def another(bus: Bus, policy: str) -> AsyncIterator[Bus]:
    """Run a second API on the same database, with another policy."""
    settings = bus.settings.model_copy(update={"sink_consent": policy})
    stopping, listening = asyncio.Event(), listen("127.0.0.1", 0)
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as tasks:
        other = Bus(settings, listening.getsockname()[1], http, bus.topics)
        other.tokens = bus.tokens
        tasks.create_task(run_api(settings, stopping, listening))
        await other.ready()
        yield other
        stopping.set()


async def test_consent_is_asked_for_and_kept(bus: Bus) -> None:
    """The sink is asked in the bus's name, for the rate that was wished; its answer is shown."""
    async with asked_sink(WebHook_Allowed_Origin="127.0.0.1", WebHook_Allowed_Rate="120") as sink:
        made = await make(bus, sink=sink.url, delivery={"rate": 7.5})
    consent = made.json["consent"]
    assert (consent["result"], consent["origin"], consent["rate"]) == ("granted", "127.0.0.1", 120)
    assert sink.asked[0]["WebHook-Request-Origin"] == "127.0.0.1"
    assert sink.asked[0]["WebHook-Request-Rate"] == "450"
    assert (await bus.call("GET", made.headers["Location"])).json["consent"] == consent
    found = await stored(bus, made)
    assert found.subscription.rate == 2.0


@pytest.mark.parametrize(
    ("says", "rate", "result"),
    [
        ({}, None, "unanswered"),
        ({"WebHook_Allowed_Origin": "*"}, None, "granted"),
        ({"WebHook_Allowed_Origin": "*"}, 5, "unanswered"),
        ({"WebHook_Allowed_Origin": "*", "WebHook_Allowed_Rate": "*"}, 5, "granted"),
        ({"WebHook_Allowed_Origin": "*", "WebHook_Allowed_Rate": "many"}, None, "unanswered"),
        ({"WebHook_Allowed_Rate": "*"}, None, "unanswered"),
        ({"WebHook_Allowed_Origin": "\xe9"}, None, "unanswered"),
    ],
)
async def test_what_counts_as_consent(
    bus: Bus, says: dict[str, str], rate: float | None, result: str
) -> None:
    """Only the headers do, whatever the status; a rate asked for has to be answered."""
    async with asked_sink(**says) as sink:
        made = await make(bus, sink=sink.url, delivery={} if rate is None else {"rate": rate})
    assert made.json["consent"]["result"] == result


@pytest.mark.parametrize(
    "says",
    [
        {"WebHook_Allowed_Origin": "other.example"},
        {"WebHook_Allowed_Origin": "*", "WebHook_Allowed_Rate": "0"},
    ],
)
async def test_a_sink_that_denies_is_left_alone(bus: Bus, says: dict[str, str]) -> None:
    """It names another sender, or a rate of nothing: no subscription, and no change to it."""
    made = await make(bus)
    async with asked_sink(**says) as sink:
        wish = subscription(sink=sink.url)
        before = (await bus.call("GET", f"{PATH}?limit=200")).json
        refused = await bus.call("POST", PATH, json=wish)
        changed = await bus.call(
            "PATCH", made.headers["Location"], json={"sink": sink.url}, headers=MERGE_PATCH
        )
    for reply in (refused, changed):
        assert (reply.status, reply.faults()) == (400, [("/sink", "no-consent")])
    assert (await bus.call("GET", f"{PATH}?limit=200")).json == before


async def test_a_sink_that_stays_is_not_asked_again(bus: Bus) -> None:
    """A change of something else keeps the answer; a change of sink asks; _verify does, too."""
    async with asked_sink(WebHook_Allowed_Origin="*") as one, asked_sink() as two:
        made = await make(bus, sink=one.url)
        path = made.headers["Location"]
        kept = await bus.call("PATCH", path, json={"types": ["a.b"]}, headers=MERGE_PATCH)
        assert kept.json["consent"] == made.json["consent"]
        assert len(one.asked) == 1
        moved = await bus.call("PATCH", path, json={"sink": two.url}, headers=MERGE_PATCH)
        assert (moved.json["consent"]["result"], len(two.asked)) == ("unanswered", 1)
        two.says = {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "60"}
        verified = await bus.call("POST", f"{path}/_verify")
        assert (verified.status, verified.json["consent"]["rate"]) == (200, 60)
        assert verified.headers["ETag"] != moved.headers["ETag"]
        old = {"If-Match": moved.headers["ETag"]}
        assert (await bus.call("POST", f"{path}/_verify", headers=old)).status == 412
        assert (await bus.call("POST", f"{path}/_verify", who="other")).status == 404


async def test_the_policy_decides(bus: Bus) -> None:
    """required: no answer, no subscription. skipped: nobody is asked but by _verify."""
    async with another(bus, "required") as strict, asked_sink() as sink:
        for url in (sink.url, "http://127.0.0.1:9/events"):
            reply = await strict.call("POST", PATH, json=subscription(sink=url))
            assert (reply.status, reply.faults()) == (400, [("/sink", "no-consent")])
        sink.says = {"WebHook-Allowed-Origin": "127.0.0.1"}
        made = await make(strict, sink=sink.url)
        assert made.json["consent"]["result"] == "granted"
    async with another(bus, "skipped") as careless, asked_sink() as sink:
        made = await make(careless, sink=sink.url)
        assert ("consent" in made.json, sink.asked) == (False, [])
        verified = await careless.call("POST", made.headers["Location"] + "/_verify")
        assert verified.json["consent"]["result"] == "unanswered"
