"""All stores on one database, with short ways to put something in and look at it."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bus.catalogue import Domain
from bus.store.credentials import Credentials
from bus.store.database import Database
from bus.store.domains import Domains
from bus.store.event_types import EventTypes
from bus.store.organisations import Organisations
from bus.store.secrets import Sealer
from bus.store.stored import ListedSubscription
from bus.store.streams import Streams
from bus.store.subscriptions import Start, Subscriptions, TopicPartition
from bus.subscription import Subscription, parse_request

OIN = "00000001234567890000"
OTHER_OIN = "00000009876543210000"


@dataclass(frozen=True)
class Store:
    """All stores on one database, with short ways to put something in."""

    url: str
    database: Database
    sealer: Sealer
    oin: str = OIN
    other_oin: str = OTHER_OIN

    @property
    def organisations(self) -> Organisations:
        """The store of that name."""
        return Organisations(self.database)

    @property
    def credentials(self) -> Credentials:
        """The store of that name."""
        return Credentials(self.database)

    @property
    def domains(self) -> Domains:
        """The store of that name."""
        return Domains(self.database)

    @property
    def event_types(self) -> EventTypes:
        """The store of that name."""
        return EventTypes(self.database)

    @property
    def subscriptions(self) -> Subscriptions:
        """The store of that name."""
        return Subscriptions(self.database, self.sealer)

    @property
    def streams(self) -> Streams:
        """The store of that name."""
        return Streams(self.database, self.sealer)

    async def add_domain(self, name: str, partitions: int = 2) -> Domain:
        """Make a domain whose topic needs no Kafka."""
        domain = self.domain(name, partitions=partitions)
        await self.domains.create(domain, nothing)
        return domain

    def domain(self, name: str, *, partitions: int) -> Domain:
        """Give a domain that is not stored yet."""
        return Domain(name, f"gb.{name}", self.oin, None, 14, partitions, "")

    def wanted(
        self,
        *,
        id_: uuid.UUID | None = None,
        **terms: Any,  # noqa: ANN401 - terms of a subscription
    ) -> Subscription:
        """Give a subscription that is not stored yet."""
        request = parse_request({"sink": "https://sink.example/", "protocol": "HTTP"} | terms)
        return request.subscription(id=str(id_ or uuid.uuid4()), organisation=self.oin)

    async def subscribe(
        self,
        *,
        start: Start | None = None,
        secret: bytes = b"signing secret",
        **terms: Any,  # noqa: ANN401 - terms of a subscription
    ) -> ListedSubscription:
        """Store a subscription that starts at offset 0 unless told otherwise."""
        return await self.subscriptions.create(
            self.wanted(**terms), secret=secret, start=start or at(0)
        )


async def nothing() -> None:
    """Make no topic: there is no Kafka here."""


def at(offset: int) -> Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]:
    """Start on each partition at this offset."""

    async def start(partitions: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(partitions, offset)

    return start


async def nowhere(_partitions: list[TopicPartition]) -> Mapping[TopicPartition, int]:
    """Start nowhere: there are no partitions."""
    return {}
