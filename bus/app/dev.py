"""What `bus dev` adds to the servers: a schema, an organisation that may do all, the roles."""

from collections.abc import Sequence
from typing import Final

from pydantic import SecretStr

from bus.app.domains import NOBODY, ensure, own_domain
from bus.app.parts import database_of, database_url, topics_of
from bus.catalogue import Domain, topic_name
from bus.catalogue.domain import DEFAULT_DOMAIN
from bus.embedded.dev import Dev, Role, role_argv
from bus.profile import RELAXED
from bus.settings import Settings
from bus.store.credentials import Credentials
from bus.store.credentials import Role as CredentialRole
from bus.store.database import Database
from bus.store.migrate import migrate
from bus.store.organisations import Organisations
from producers.outbox.install import install

OIN: Final = NOBODY
"""The organisation `dev`: it owns every source, and so may publish and read everything."""

_PARTITIONS = 4


async def prepare(dev: Dev, *, namespace: str | None = None) -> None:
    """Bring the database up to date, and see that there is somebody to publish and somewhere to.

    `namespace` begins the names of topics; if not given, the setting does.
    """
    settings = Settings(
        kafka_bootstrap=dev.kafka_bootstrap,
        database_url=SecretStr(dev.database_url),
        secret_key=SecretStr(dev.secret_key),
    )
    if namespace is not None:
        settings = settings.model_copy(update={"namespace": namespace})
    await migrate(database_url(settings))
    async with database_of(settings, "dev") as database:
        await _organisation(database, dev.token)
        await _domains(database, settings)
        await install(database)


def roles(dev: Dev, *, port: int, outboxes: Sequence[str] = ()) -> list[Role]:
    """Give the roles: the API on this port, the dispatcher, and the relay.

    The relay empties the outbox in the bus's own database, for trying things out, and `outboxes`.
    """
    sinks = {"BUS_SINK_ALLOW_HTTP": "yes", "BUS_SINK_ALLOW_CIDRS": "127.0.0.0/8,::1/128"}
    api = {"BUS_API_HOST": "127.0.0.1", "BUS_API_PORT": str(port), **sinks}
    outbox_urls = dict.fromkeys([dev.database_url, *outboxes])
    relay = {**api, "BUS_ORGANISATION": OIN, "BUS_OUTBOX_URLS": ",".join(outbox_urls)}
    # They stop in the reverse order: first what brings events in, last what delivers them.
    return [
        Role(name="dispatch", argv=role_argv("dispatch"), env=api, stop_within=4.0),
        Role(name="relay", argv=role_argv("relay"), env=relay),
        Role(name="api", argv=role_argv("api"), env=api),
    ]


async def _organisation(database: Database, token: str) -> None:
    organisations = Organisations(database)
    await organisations.ensure_organisation(OIN, "dev")
    await organisations.add_source("", OIN)
    every: tuple[CredentialRole, ...] = ("publisher", "subscriber", "operator")
    await Credentials(database).ensure(token, OIN, every, label="bus dev")


async def _domains(database: Database, settings: Settings) -> None:
    """Make the domain that takes any valid event, and the bus's own, unless an earlier run did."""
    domain = Domain(
        name=DEFAULT_DOMAIN,
        topic=topic_name(settings.namespace, DEFAULT_DOMAIN),
        organisation=OIN,
        partitions=_PARTITIONS,
        # Where one's first events go: the profile tells what it would refuse, and refuses nothing
        # but what may be a BSN. A domain of one's own has the profile's defaults.
        profile=RELAXED,
        description="Takes every event whose type belongs to no other domain.",
    )
    async with topics_of(settings) as topics:
        await ensure(domain, database, topics)
        # The dispatcher would make this one later, and have its partitions dealt out again.
        await ensure(own_domain(settings.namespace, OIN), database, topics)
