"""The one seam between the engine and the wire."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from bus.log.record import Headers
from consumers.sinks.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Request:
    """One POST to one sink, ready for the wire.

    `headers` are complete but for Host and Content-Length. `timeout` is in seconds and counts from
    `send`, the wait for a connection included. `organisation` keeps connections apart: one is
    never shared between organisations.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    timeout: float
    organisation: str


class Sender(Protocol):
    """Sends requests and reports what became of them; never raises, never blocks."""

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
