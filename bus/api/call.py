"""One request and its answer, as a handler sees them; and what a handler may reach."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

from bus.api.house import House
from bus.api.problem import Problem, invalid_parameter, too_large
from bus.document import InvalidDocument, ModelT, load, validate
from bus.event import Fault
from bus.store.credentials import Credential

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
RawHeaders = Iterable[tuple[bytes, bytes]]

_MAX_DOCUMENT_BYTES = 262_144
"""A subscription with its most filters is a fifth of this."""

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; the door adds the headers that every answer has."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer of 200 whose end is not known: `first`, then chunks, each when there is room."""

    content_type: str
    first: bytes
    chunks: AsyncGenerator[bytes]
    status: int = 200


def answer(status: int, document: object, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with a JSON document; times in it are written in UTC."""
    body = orjson.dumps(document, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)
    return Answer(status, body, headers=headers or {})


@dataclass(slots=True)
class Call:
    """One request: who asks, for what, and the house it is asked in."""

    house: House
    scope: Mapping[str, Any]
    receive: Receive
    path: Mapping[str, str]
    caller: Credential | None = None

    @property
    def who(self) -> Credential:
        """Give the caller; the door lets nobody without one into a handler that asks for roles."""
        assert self.caller is not None  # noqa: S101 - a handler that asks it has roles in the table
        return self.caller

    @property
    def raw_headers(self) -> RawHeaders:
        """Give names (lower-case) and values as they came."""
        headers: RawHeaders = self.scope["headers"]
        return headers

    def header(self, name: bytes) -> str | None:
        """Give the last header of this lower-case name."""
        found = None
        for key, value in self.raw_headers:
            if key == name:
                found = value
        return None if found is None else found.decode("latin-1").strip()

    async def body(self, limit: int = _MAX_DOCUMENT_BYTES) -> bytes:
        """Read the body; 413 as soon as it is known to be over `limit` bytes."""
        length = self.header(b"content-length")
        if length is not None and length.isdigit() and int(length) > limit:
            raise too_large(limit)
        if self.header(b"content-encoding") not in {None, "identity"}:
            detail = "The body is to come as it is, without Content-Encoding."
            raise Problem(415, "content-encoding", detail)
        message = await self.receive()
        if not message.get("more_body") and message["type"] == "http.request":
            whole: bytes = message.get("body", b"")
            if len(whole) > limit:
                raise too_large(limit)
            return whole
        return await self._rest(message, limit)

    async def _rest(self, message: Mapping[str, Any], limit: int) -> bytes:
        parts = bytearray()
        while message["type"] == "http.request":
            parts += message.get("body", b"")
            if len(parts) > limit:
                raise too_large(limit)
            if not message.get("more_body"):
                return bytes(parts)
            message = await self.receive()
        raise Problem(400, "cut-off", "The connection ended before the body did.")

    async def json_body(self, *media_types: str) -> bytes:
        """Read a body that must be of one of these media types."""
        given = (self.header(b"content-type") or "").partition(";")[0].strip().lower()
        if given not in media_types:
            wanted = ", ".join(media_types)
            detail = f"The body is to be of content type {wanted}."
            raise Problem(415, "unsupported-content-type", detail, headers={"Accept": wanted})
        return await self.body()

    async def no_body(self) -> None:
        """Read the body of an act that needs none: nothing, or an empty object."""
        if (await self.body()).strip() not in {b"", b"{}"}:
            raise InvalidDocument([Fault("", "not-empty", "this takes no body")])

    def query(self, *known: str) -> dict[str, str]:
        """Read the query; a parameter that is not known is refused, as is one given twice."""
        found: dict[str, str] = {}
        for name, value in parse_qsl(self.scope["query_string"].decode("latin-1"), True):  # noqa: FBT003 - keep_blank_values
            if name not in known:
                raise invalid_parameter("query", name, "unknown-parameter", "is not known here")
            if name in found:
                raise invalid_parameter("query", name, "repeated", "is given more than once")
            found[name] = value
        return found


def query_as(query: Mapping[str, str], model: type[ModelT]) -> ModelT:
    """Read parameters as the fields that a body would have; 400 for the first that is wrong."""
    try:
        return validate(load(query), model)
    except InvalidDocument as error:
        (fault, *_) = error.faults
        raise invalid_parameter(
            "query", fault.where.lstrip("/"), fault.code, fault.detail
        ) from None


Handler = Callable[[Call], Awaitable[Answer | Stream]]
