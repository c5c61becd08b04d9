"""The one seam between the engine and the wire."""

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import msgspec
from typing_extensions import override

from bus.log.record import Headers
from consumers.sinks.outcome import Outcome


class Token(Protocol):
    """An access token that is fetched, and replaced when it is over."""

    def held(self) -> str | None:
        """Give the value of an Authorization header that is good now; None: ask `renew`."""
        ...

    async def renew(self, refused: str | None) -> str | Outcome:
        """Give one that is good now and not the one `refused`; else what that means for a delivery.

        Who asks at the same time shares one answer.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Keys:
    """What opens a sink besides fixed headers.

    `tls` is a context of its own, and only requests under the same one share connections. `token`
    goes in Authorization.
    """

    tls: ssl.SSLContext | None = None
    token: Token | None = field(default=None, repr=False)


class Request(msgspec.Struct, frozen=True):
    """One POST to one sink, ready for the wire.

    `head` has its header lines, as `header_lines` writes them, but for Host and Content-Length.
    `timeout` is in seconds and counts from `send`, the wait for a connection included; so does
    `first_byte`, until when the answer has to begin (None: no sooner than it has to end).
    `organisation` keeps connections apart: one is never shared between organisations, nor under
    another TLS context. A msgspec Struct, because there is one per delivery.
    """

    url: str
    head: str
    body: bytes
    timeout: float
    organisation: str
    keys: Keys | None = None
    first_byte: float | None = None

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The same by name and value, for who does not write a head of its own."""
        lines = (line.partition(": ") for line in self.head.split("\r\n")[:-1])
        return tuple((name, value) for name, _, value in lines)

    @override
    def __repr__(self) -> str:
        """Show what may be logged: no header, which may open the sink, and not the event."""
        return f"Request(url={self.url!r}, organisation={self.organisation!r})"

    @override
    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show the same in a traceback printed by rich."""
        return [("url", self.url), ("organisation", self.organisation)]


def header_lines(headers: Iterable[tuple[str, str]]) -> str:
    """Write headers as the lines of a head; raises ValueError for one that would be two."""
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    text = "".join(lines)
    if text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
        raise ValueError("a header's name or value holds a line break or a null")
    return text


class Sender(Protocol):
    """Sends requests and reports what became of them; never raises, never blocks.

    Leaving its `async with` closes it.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def send(self, request: Request, done: Callable[[Outcome], None]) -> None:
        """Start one attempt; `done` is called exactly once, later, on the same event loop.

        A sender follows no redirect, connects only to an address that its guard allowed, and reads
        at most 8 KiB of an answer's body. It does not retry, with one exception: a request that
        met a kept connection which the sink had just closed is sent again, once.
        """
        ...

    async def close(self) -> None:
        """Abort what is in flight (each `done` is still called) and release every connection."""
        ...


@dataclass(frozen=True, slots=True)
class TopicRequest:
    """One record for the inbox topic of a component; its key chooses the partition there too."""

    topic: str
    key: bytes = field(repr=False)
    headers: Headers = field(repr=False)
    value: bytes | None = field(repr=False)
    organisation: str


Parcel = Request | TopicRequest
"""Whatever the engine sends."""


class Carrier(Protocol):
    """Sends parcels of every kind, as a Sender sends requests."""

    def send(self, parcel: Parcel, done: Callable[[Outcome], None]) -> None:
        """Start one attempt, as `Sender.send` does."""
        ...
