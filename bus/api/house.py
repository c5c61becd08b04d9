"""What the handlers may reach, put together by bus.app."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from bus.api.auth import Gate
from bus.api.readings import Readings
from bus.catalogue.inbox import Inboxes
from bus.log.errors import LogUnavailable
from bus.log.reader import Reader
from bus.log.topics import Topics
from bus.log.writer import Writer
from bus.observe.metrics import ProfileFindings
from bus.pull.cursor import Cursors
from bus.pull.desk import Desk
from bus.store.attempts import Attempts
from bus.store.commands import Commands
from bus.store.dead_letters import DeadLetters
from bus.store.deliveries import Deliveries
from bus.store.directory import Directory
from bus.store.domains import Domains
from bus.store.event_types import EventTypes
from bus.store.invalid_records import InvalidRecords
from bus.store.pull import PullPositions
from bus.store.streams import Streams
from bus.store.subscriptions import Subscriptions
from bus.store.troubles import Troubles
from bus.subscription import Consent, SinkTls

CheckSink = Callable[[str], Awaitable[str | None]]
"""Gives the sentence that says why a subscription may not have this sink, or None."""

CheckTls = Callable[[SinkTls], str | None]
"""Gives the sentence that says why no sink can be reached with this certificate, or None."""


class Handshake(Protocol):
    """Asks a sink whether the bus may deliver to it."""

    async def ask(self, sink: str, *, rate: float | None, tls: SinkTls | None) -> Consent:
        """Ask, for so many events per second if that is said; takes at most 5 s, never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """How the bus asks sinks for consent, and what it makes of the answer.

    required: no subscription without consent. tried: none to a sink that denies it. skipped: sinks
    are asked by _verify only.
    """

    handshake: Handshake
    policy: Literal["required", "tried", "skipped"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request to publish may be at most; sizes in bytes of its body."""

    event_bytes: int
    batch_bytes: int
    batch_events: int


@dataclass(frozen=True, slots=True)
class Contact:
    """Where users of this installation ask their questions."""

    email: str
    url: str


@dataclass(frozen=True, slots=True)
class House:
    """The rooms below the API, opened; `namespace` begins the names of topics.

    `reader` gives one that is to be opened, in a turn of `readings`.
    """

    gate: Gate
    directory: Directory
    domains: Domains
    event_types: EventTypes
    subscriptions: Subscriptions
    streams: Streams
    commands: Commands
    dead_letters: DeadLetters
    attempts: Attempts
    invalid_records: InvalidRecords
    troubles: Troubles
    deliveries: Deliveries
    topics: Topics
    writer: Writer
    reader: Callable[[], Reader]
    readings: Readings
    desk: Desk
    cursors: Cursors
    pull_positions: PullPositions
    check_sink: CheckSink
    check_tls: CheckTls
    inboxes: Inboxes
    consent: Asking
    limits: Limits
    findings: ProfileFindings
    namespace: str
    public_url: str
    contact: Contact

    def expect_log(self) -> None:
        """Raise LogUnavailable when the log is known to be away.

        To be called before a transaction that asks the log: it would hold up all others meanwhile.
        """
        if not self.writer.available:
            raise LogUnavailable("Kafka is away")
