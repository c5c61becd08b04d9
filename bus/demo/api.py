"""The API of the bus, as the demonstration uses it: like any other client."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

_TIMEOUT_SECONDS = 30
_PAGE = 200


class ApiFailed(Exception):
    """The API does not answer, or with an error; the text is what its problem document says."""


class Api:
    """The API at one address, with a token that may do all. Every method raises ApiFailed."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, token: str) -> AsyncIterator[Self]:
        """Talk to the API at `url` for the length of the block."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(url, headers=headers, timeout=timeout) as session:
            yield cls(session)

    async def ensure_domain(self, name: str, description: str, partitions: int) -> None:
        """Make a domain, unless it is there."""
        wish = {"name": name, "description": description, "partitions": partitions}
        await self._call("POST", "/v1/domains", wish, fine={409})

    async def end_subscriptions(self, paths: Collection[str]) -> None:
        """End the subscriptions whose sinks are on this machine and have one of these paths."""
        query = f"?limit={_PAGE}"
        ids: list[str] = []
        while query:
            page = await self._call("GET", f"/v1/subscriptions{query}")
            ids += [each["id"] for each in page["items"] if _is_ours(each["sink"], paths)]
            query = f"?{urlsplit(page['next']).query}" if "next" in page else ""
        for id_ in ids:
            await self._call("DELETE", f"/v1/subscriptions/{id_}", fine={404})

    async def subscribe(self, wish: Mapping[str, Any]) -> str:
        """Subscribe; give the subscription's id."""
        made = await self._call("POST", "/v1/subscriptions", wish)
        return str(made["id"])

    async def lag(self, id_: str) -> tuple[int, str | None]:
        """Give how many events a subscription has yet to settle, and what keeps it, if known."""
        status = await self._call("GET", f"/v1/subscriptions/{id_}/status")
        outcomes = (each.get("lastOutcome") for each in status["partitions"])
        return status["lagEvents"], next(filter(None, outcomes), None)

    async def _call(
        self, method: str, path: str, document: object = None, fine: Collection[int] = ()
    ) -> Any:  # noqa: ANN401 - JSON out
        try:
            async with self._session.request(method, path, json=document) as answer:
                if answer.status >= 400 and answer.status not in fine:
                    raise ApiFailed(f"{method} {path}: {answer.status} {await answer.text()}")
                return None if answer.status == 204 else await answer.json(content_type=None)
        except (aiohttp.ClientConnectionError, TimeoutError) as error:
            raise ApiFailed(f"{method} {path}: no answer ({type(error).__name__})") from error


def _is_ours(sink: str, paths: Collection[str]) -> bool:
    parts = urlsplit(sink)
    return parts.hostname == "127.0.0.1" and parts.path in paths
