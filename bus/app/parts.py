"""What the roles are made of, from the settings: each opened where it is used."""

import base64
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from urllib.parse import urlsplit

from bus.api.auth import Gate
from bus.api.house import Asking, Contact, House, Limits
from bus.api.readings import Readings
from bus.catalogue.inbox import Inboxes
from bus.log.fetch import Fetcher
from bus.log.reader import Reader
from bus.log.topics import Topics
from bus.log.writer import Writer
from bus.observe import metrics
from bus.observe.logging import LogEvent, get
from bus.pull.cursor import Cursors
from bus.pull.desk import Desk
from bus.settings import Settings, SettingsError
from bus.store.attempts import Attempts
from bus.store.commands import Commands
from bus.store.credentials import Credentials
from bus.store.database import Database
from bus.store.dead_letters import DeadLetters
from bus.store.deliveries import Deliveries
from bus.store.directory import Directory
from bus.store.domains import Domains
from bus.store.event_types import EventTypes
from bus.store.invalid_records import InvalidRecords
from bus.store.pull import PullPositions
from bus.store.renewals import Renewals
from bus.store.secrets import Sealer
from bus.store.streams import Streams
from bus.store.subscriptions import Subscriptions
from bus.store.troubles import Troubles
from consumers.sinks.kafka.topic_sender import TopicSender
from consumers.sinks.webhook.aiohttp_sender import AiohttpSender
from consumers.sinks.webhook.client import Client
from consumers.sinks.webhook.client_tls import tls_refusal
from consumers.sinks.webhook.credentials import Credentials as SinkCredentials
from consumers.sinks.webhook.guard import Guard
from consumers.sinks.webhook.handshake import Handshake
from consumers.sinks.webhook.token_endpoint import TokenEndpoint
from consumers.sinks.webhook.token_sender import TokenSender
from consumers.sinks.webhook.wire_sender import WireSender

_FRAMING_BYTES = 65_536
"""What Kafka adds to an event at most: lengths, and the key, which is one of its attributes."""

_INBOX_BYTES = 4_194_304
"""What waits for one inbox topic; the windows of the dispatcher bound it already."""

_TOPICS_SECONDS = 5.0
"""Somebody waits for the answer, and new domains and subscriptions wait for one another."""

_READINGS = 2
"""At a time in one process of the API: they share its processor with what is published."""

_BACKTEST_BYTES = 262_144
"""Read ahead of each of the partitions that one reads at a time."""

_log = get()


@asynccontextmanager
async def open_house(settings: Settings, own_url: str) -> AsyncIterator[House]:
    """Open what the API needs; neither Kafka nor Postgres has to be there yet."""
    with guard_of(settings) as guard:
        async with (
            database_of(settings, "api") as database,
            Directory.open(database) as directory,
            topics_of(settings) as topics,
            writer_of(settings) as writer,
            desk_of(settings, directory) as desk,
        ):
            sealer = sealer_of(settings)
            public_url = settings.public_url or own_url
            yield House(
                gate=Gate(Credentials(database).find),
                directory=directory,
                domains=Domains(database),
                event_types=EventTypes(database),
                subscriptions=Subscriptions(database, sealer),
                streams=Streams(database, sealer),
                commands=Commands(database),
                dead_letters=DeadLetters(database, sealer),
                attempts=Attempts(database),
                invalid_records=InvalidRecords(database),
                troubles=Troubles(database),
                deliveries=Deliveries(database),
                topics=topics,
                writer=writer,
                reader=partial(
                    Reader,
                    bootstrap=kafka_of(settings),
                    max_partition_bytes=_BACKTEST_BYTES,
                    on_recreate=recreated("backtest"),
                ),
                readings=Readings(_READINGS),
                desk=desk,
                cursors=Cursors(key_of(settings)),
                pull_positions=PullPositions(database),
                check_sink=guard.check_sink,
                check_tls=tls_refusal,
                consent=Asking(
                    Handshake(client_of(settings, guard), origin=origin_of(public_url)),
                    settings.sink_consent,
                ),
                inboxes=inboxes_of(settings),
                limits=Limits(
                    event_bytes=settings.max_event_bytes,
                    batch_bytes=settings.max_batch_bytes,
                    batch_events=settings.max_batch_events,
                ),
                findings=metrics.ProfileFindings(),
                namespace=settings.namespace,
                public_url=public_url,
                contact=Contact(settings.contact_email, settings.contact_url),
            )


def topics_of(settings: Settings) -> Topics:
    """Give the administration of the log; to be opened."""
    return Topics(
        bootstrap=kafka_of(settings),
        max_record_bytes=settings.max_event_bytes + _FRAMING_BYTES,
        timeout=_TOPICS_SECONDS,
    )


def sealer_of(settings: Settings) -> Sealer:
    """Give what seals secrets; SettingsError when the key is not set."""
    return Sealer(key_of(settings))


def inboxes_of(settings: Settings) -> Inboxes:
    """Give the rule of which topics may be delivered to."""
    return Inboxes(settings.inbox_prefix, settings.namespace)


def topic_sender_of(settings: Settings) -> TopicSender:
    """Give the sender to inbox topics; to be opened."""
    writer = partial(
        Writer,
        bootstrap=kafka_of(settings),
        max_record_bytes=settings.max_event_bytes + _FRAMING_BYTES,
        max_pending_bytes=_INBOX_BYTES,
        on_recreate=recreated("inbox"),
    )
    return TopicSender(writer, inboxes_of(settings))


def key_of(settings: Settings) -> bytes:
    """Give the secret key; SettingsError when it is not set."""
    if settings.secret_key is None:
        raise SettingsError("BUS_SECRET_KEY is not set; make one with: openssl rand -base64 32")
    return base64.b64decode(settings.secret_key.get_secret_value())


def desk_of(settings: Settings, directory: Directory) -> AbstractAsyncContextManager[Desk]:
    """Give what reads the log for those who pull; to be opened."""
    kafka = kafka_of(settings)
    return Desk.open(
        fetcher=Fetcher(bootstrap=kafka),
        reader=Reader(bootstrap=kafka, on_recreate=recreated("tail")),
        readers=directory.readers,
    )


def database_url(settings: Settings) -> str:
    """Give the address of Postgres; SettingsError when it is not set."""
    if settings.database_url is None:
        raise SettingsError("BUS_DATABASE_URL is not set: give postgresql://user:password@host/db")
    return settings.database_url.get_secret_value()


@contextmanager
def guard_of(settings: Settings) -> Iterator[Guard]:
    """Keep the guard of the sinks, and say aloud what was relaxed."""
    for name in ("sink_allow_http", "sink_allow_cidrs", "sink_allow_hosts"):
        if getattr(settings, name):
            _log.warning(LogEvent.SETTINGS_INSECURE, setting=f"BUS_{name.upper()}")
    guard = Guard(
        allow_http=settings.sink_allow_http,
        allow_cidrs=settings.sink_allow_cidrs,
        allow_hosts=settings.sink_allow_hosts,
        proxied=settings.sink_proxy is not None,
    )
    try:
        yield guard
    finally:
        guard.close()


def origin_of(public_url: str) -> str:
    """Give the host name by which the bus introduces itself to sinks."""
    return urlsplit(public_url).hostname or "localhost"


def client_of(settings: Settings, guard: Guard) -> Client:
    """Give what asks sinks and token endpoints."""
    return Client(guard=guard, proxy=settings.sink_proxy)


def sender_of(settings: Settings, guard: Guard) -> TokenSender:
    """Give what sends deliveries: ours, or aiohttp's where they go through an egress proxy."""
    if settings.sink_proxy is None:
        return TokenSender(WireSender(guard=guard))
    return TokenSender(AiohttpSender(guard=guard, proxy=settings.sink_proxy))


def credentials_of(settings: Settings, guard: Guard, database: Database) -> SinkCredentials:
    """Give what opens the sinks."""
    renewals = Renewals(database, sealer_of(settings))
    return SinkCredentials(TokenEndpoint(client_of(settings, guard)), renewals)


def database_of(settings: Settings, role: str) -> AbstractAsyncContextManager[Database]:
    """Give the pool on Postgres; to be opened."""
    return Database.open(database_url(settings), application_name=f"bus {role}")


def writer_of(settings: Settings) -> Writer:
    """Give the producer; to be opened."""
    return Writer(
        bootstrap=kafka_of(settings),
        max_record_bytes=settings.max_event_bytes + _FRAMING_BYTES,
        on_recreate=recreated("writer"),
    )


def kafka_of(settings: Settings) -> str:
    """Give the brokers; SettingsError when none are set."""
    if settings.kafka_bootstrap is None:
        raise SettingsError("BUS_KAFKA_BOOTSTRAP is not set: give host:port")
    return settings.kafka_bootstrap


def recreated(client: str) -> Callable[[str], None]:
    """Give what counts and tells that a Kafka client of this name was made anew."""

    def tell(reason: str) -> None:
        metrics.CLIENTS_RECREATED.labels(client).inc()
        _log.warning(LogEvent.CLIENT_RECREATED, name=client, reason=reason)

    return tell
