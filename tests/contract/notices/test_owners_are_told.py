"""A component of each organisation is subscribed to what the bus tells; the roles are processes."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from bus.store.credentials import Credentials
from bus.store.database import Database
from bus.store.organisations import Organisations
from tests.cluster import OIN, ROLES, Cluster, event
from tests.contract.notices.telling import OTHER
from tests.house import Sink, sinks

TOLD = "nl.vng.gemeentebus."
ALL = [{"prefix": {"type": TOLD}}]


@dataclass
class Organisation:
    """One that has a component which listens to the bus; by subscription, what it heard."""

    oin: str
    http: aiohttp.ClientSession
    ear: Sink

    def __post_init__(self) -> None:
        """Keep what the component hears."""
        self.heard: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.ear.answer = self._hear

    async def subscribe(self, sink: Sink, **fields: Any) -> str:  # noqa: ANN401 - JSON
        """Make a subscription; give its id."""
        wish = {"sink": sink.url, "protocol": "HTTP", **fields}
        made = await self.call("POST", "/v1/subscriptions", wish)
        return str(made["id"])

    async def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Ask the API for something that it grants."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        async with self.http.request(
            method, path, json=body, headers={"Content-Type": kind}
        ) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json() if answer.status != 204 else None

    async def hears(self, id_: str, *types: str) -> list[dict[str, Any]]:
        """Wait until the bus has told this of a subscription, in this order; give what it told."""
        await self.ear.until(lambda _: len(self._told(id_, types)) >= len(types))
        told = self._told(id_, types)
        assert [each["type"].removeprefix(TOLD) for each in told] == list(types)
        return told

    def _told(self, id_: str, types: Collection[str]) -> list[dict[str, Any]]:
        return [each for each in self.heard[id_] if each["type"].removeprefix(TOLD) in types]

    def _hear(self, heard: dict[str, Any]) -> int:
        self.heard[heard["subject"]].append(heard)
        return 204


@pytest_asyncio.fixture
async def cluster(
    kafka: str, database_url: str, namespace: str, tmp_path: Path
) -> AsyncIterator[Cluster]:
    """Give the roles; only the API runs yet."""
    async with Cluster.open(
        kafka=kafka, database_url=database_url, namespace=namespace, folder=tmp_path
    ) as opened:
        await opened.start("api")
        await opened.create_domain("nl.test", partitions=1)
        yield opened


async def token_of_the_other(url: str) -> str:
    """Make another organisation, which owns nothing; give its token."""
    async with Database.open(url, application_name="test") as database:
        await Organisations(database).ensure_organisation(OTHER, "Gemeente Anders")
        return await Credentials(database).issue(OTHER, ROLES, label="test")


async def test_each_organisation_hears_of_its_own_subscriptions(
    cluster: Cluster, database_url: str
) -> None:
    """Whatever happens to one of them, its owner is told, in order, and nobody else is.

    With a threshold of a second, whoever lacks what there was at the look before is behind: the one
    that hangs. Who asked for everything hears of registers only.
    """
    headers = {"Authorization": f"Bearer {await token_of_the_other(database_url)}"}
    async with (
        sinks(6) as (ear, other_ear, refusing, gone, hanging, all_ears),
        aiohttp.ClientSession(cluster.url, headers=headers) as http,
    ):
        refusing.answer, gone.answer, hanging.answer = (lambda _: 400), (lambda _: 410), _hang
        ours = Organisation(OIN, cluster.http, ear)
        theirs = Organisation(OTHER, http, other_ear)
        listening = [await each.subscribe(each.ear, filters=ALL) for each in (ours, theirs)]
        refused, disabled, late = [
            await ours.subscribe(sink, domains=["nl.test"]) for sink in (refusing, gone, hanging)
        ]
        everything = await ours.subscribe(all_ears)
        passing = await theirs.subscribe(gone, domains=["nl.test"])
        await cluster.publish([event(1)])
        await cluster.start("dispatch", BUS_BEHIND_SECONDS="1", BUS_DRAIN_SECONDS="0.1")

        path = f"/v1/subscriptions/{passing}"
        await theirs.call("PATCH", path, {"types": ["nl.test.gewijzigd"]})
        await theirs.call("POST", f"{path}/_pause")
        await theirs.call("POST", f"{path}/_resume")
        await theirs.call("DELETE", path)
        await theirs.hears(
            passing,
            *[f"subscription-{what}" for what in ("created", "changed", "paused", "resumed")],
            "subscription-deleted",
        )
        *_, letter = await ours.hears(refused, "subscription-created", "event-dead-lettered")
        *_, end = await ours.hears(disabled, "subscription-created", "subscription-disabled")
        *_, lag = await ours.hears(late, "subscription-created", "subscription-behind")
        assert (letter["data"]["id"], letter["data"]["reason"]) == ("000001", "refused")
        assert end["data"] == {"reason": "gone"}
        assert (lag["data"]["waitingOffsets"], lag["data"]["longerThanSeconds"]) == (1, 1)
        await ours.call("GET", letter["dataref"].removeprefix(cluster.url))

    assert set(all_ears.ids) == {"000001"}
    assert set(ours.heard) == {listening[0], refused, disabled, late, everything}
    assert set(theirs.heard) == {listening[1], passing}
    for each in (ours, theirs):
        told = [one for heard in each.heard.values() for one in heard]
        assert {one["source"] for one in told} == {f"urn:nld:oin:{each.oin}:systeem:gemeentebus"}


def _hang(_: dict[str, Any]) -> float:
    return 25.0
