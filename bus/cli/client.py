"""The API as the client commands see it."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import aiohttp
import orjson
import typer

from bus.cli.failure import Failure
from bus.settings import Settings

_TIMEOUT_SECONDS = 30

Url = Annotated[
    str | None, typer.Option("--url", help="Address of the API; BUS_URL when not given.")
]

_CURES = {
    401: "Cure: set BUS_TOKEN to a token of this bus (`bus dev` writes one to its data folder).",
    403: "Cure: use a token with the right role, of the organisation that owns the source.",
    503: "It comes back by itself when Kafka and Postgres do; `bus doctor` looks closer.",
}


def call(
    method: str,
    path: str,
    *,
    url: str | None,
    document: object = None,
    headers: Mapping[str, str] | None = None,
) -> Any:  # noqa: ANN401 - JSON out
    """Make one request and give the JSON of its answer; Failure for an error or no answer."""
    body = None if document is None else orjson.dumps(document)
    return send(method, path, url=url, body=body, headers=headers)


def send(
    method: str,
    path: str,
    *,
    url: str | None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:  # noqa: ANN401 - JSON out
    """As `call`, with the body as it is."""
    settings = Settings.load()
    base = (url or settings.url).rstrip("/")
    sent = {"Content-Type": "application/json", **(headers or {})}
    if settings.token is not None:
        sent["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
    try:
        return asyncio.run(_send(method, base + path, sent, body))
    except (aiohttp.ClientConnectionError, TimeoutError) as error:
        raise Failure(
            f"no answer from {base} ({type(error).__name__}). "
            "Cure: start the bus (`bus dev`), or give its address with --url or BUS_URL."
        ) from None
    except aiohttp.InvalidURL:
        raise Failure(f"{base} is not an address. Cure: --url http://127.0.0.1:8080") from None


async def _send(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> object:
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.request(method, url, headers=headers, data=body) as answer,
    ):
        text = await answer.read()
        if answer.status >= 400:
            raise Failure(_problem(answer.status, text))
        try:
            return orjson.loads(text) if text else None
        except orjson.JSONDecodeError:
            raise Failure(f"{url} does not answer as this bus does. Cure: check --url.") from None


def _problem(status: int, text: bytes) -> str:
    """Write a problem document as lines for people."""
    try:
        document = orjson.loads(text)
        lines = [f"{status} {document['detail']}"]
        for error in document.get("errors", ()):
            place = error["location"].get("pointer") or error["location"].get("name") or "body"
            lines.append(f"  {place}: {error['detail']} ({error['code']})")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        lines = [f"{status}: not an answer of this bus. Cure: check --url."]
    if status in _CURES:
        lines.append(_CURES[status])
    return "\n".join(lines)
