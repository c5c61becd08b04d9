"""The API as the client commands see it."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

import orjson
import typer

from bus.cli.failure import Failure
from bus.settings import Settings

_TIMEOUT_SECONDS = 30.0

Url = Annotated[
    str | None, typer.Option("--url", help="Address of the API; BUS_URL when not given.")
]

_CURES = {
    401: "Cure: set BUS_TOKEN to a token of this bus (`bus dev` writes one to its data folder).",
    403: "Cure: use a token with the right role, of the organisation that owns the source.",
    503: "It comes back by itself when Kafka and Postgres do; `bus doctor` looks closer.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


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
    reply = exchange(method, path, url=url, body=body, headers=headers)
    try:
        return orjson.loads(reply.body) if reply.body else None
    except orjson.JSONDecodeError:
        raise Failure("this is not how the bus answers. Cure: check --url.") from None


def exchange(
    method: str,
    path: str,
    *,
    url: str | None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Make one request and give its answer as it came; Failure for an error or no answer."""
    settings = Settings.load()
    base = (url or settings.url).rstrip("/")
    sent = {"Content-Type": "application/json", **(headers or {})}
    if settings.token is not None:
        sent["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
    try:
        reply = ask(method, base + path, headers=sent, body=body)
    except OSError as error:
        raise Failure(
            f"no answer from {base} ({type(error).__name__}). "
            "Cure: start the bus (`bus dev`), or give its address with --url or BUS_URL."
        ) from None
    if reply.status >= 400:
        raise Failure(_problem(reply))
    return reply


def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = _TIMEOUT_SECONDS,
) -> Reply:
    """Make one request, without redirects; OSError when nobody answers as HTTP does."""
    try:
        parts = urlsplit(url)
        kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        connection = kind[parts.scheme](parts.hostname or "", parts.port, timeout=timeout)
    except (KeyError, ValueError):
        raise Failure(f"{url} is not an address. Cure: --url http://127.0.0.1:8080") from None
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        return Reply(answer.status, dict(answer.getheaders()), answer.read())
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(type(error).__name__) from error
    finally:
        connection.close()


def _problem(reply: Reply) -> str:
    """Write a problem document as lines for people."""
    try:
        document = orjson.loads(reply.body)
        lines = [f"{reply.status} {document['detail']}"]
        for error in document.get("errors", ()):
            place = error["location"].get("pointer") or error["location"].get("name") or "body"
            lines.append(f"  {place}: {error['detail']} ({error['code']})")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        lines = [f"{reply.status}: not an answer of this bus. Cure: check --url."]
    if reply.status in _CURES:
        lines.append(_CURES[reply.status])
    return "\n".join(lines)
