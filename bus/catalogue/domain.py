"""Domains: each is one topic of the log, and owns the event types that its name is a prefix of."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from bus.profile import Policy

NEVER: Final = datetime.fromtimestamp(0, UTC)
"""When something was made that is not stored."""

DEFAULT_DOMAIN: Final = "default"
"""Where there is one of this name, it takes the events that no other domain takes."""

LONGEST_NAME: Final = 200
LONGEST_NAMESPACE: Final = 48
"""Together with the dot between them they fill the 249 characters that Kafka allows a topic."""

_LABEL = r"[a-z0-9]+(-+[a-z0-9]+)*"
DOMAIN_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")
"""Labels as in a reverse DNS name, so that a name can begin an event type; no underscore, which
Kafka takes for a dot in the names of its metrics."""


UnknownTypes = Literal["accept", "reject"]
DEFAULT_POLICY: Final = Policy()


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain as the catalogue has it."""

    name: str
    topic: str
    organisation: str
    """OIN of the organisation that looks after it."""
    key_attribute: str | None = None
    """The context attribute whose value orders events; None: `partitionkey`, else `subject`, else
    `source`."""
    retention_days: int = 14
    partitions: int = 8
    description: str = ""
    unknown_types: UnknownTypes = "accept"
    """What becomes of an event whose type the catalogue does not know."""
    profile: Policy = field(default=DEFAULT_POLICY, hash=False)
    """How strict it is with its events."""
    revision: int = field(default=0, compare=False)
    """Number of its last change."""
    created_at: datetime = field(default=NEVER, compare=False)
    changed_at: datetime | None = field(default=None, compare=False)


class UnknownDomain(Exception):
    """No domain takes this type. Trying again helps only once there is one."""

    def __init__(self, type_: str) -> None:
        super().__init__(f"no domain takes events of type {type_[:LONGEST_NAME]}")
        self.type = type_


class Domains:
    """All domains at one moment; make a new one when they change."""

    def __init__(
        self, domains: Iterable[Domain] = (), registered: Mapping[str, str] | None = None
    ) -> None:
        """Take all domains, and which of them each registered event type belongs to, by name."""
        self._registered = dict(registered or {})
        self._by_name = {domain.name: domain for domain in domains}
        self._by_topic = {domain.topic: domain for domain in self._by_name.values()}

    def __iter__(self) -> Iterator[Domain]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def by_name(self, name: str) -> Domain | None:
        """Give the domain of this name."""
        return self._by_name.get(name)

    def by_topic(self, topic: str) -> Domain | None:
        """Give the domain whose events this topic holds."""
        return self._by_topic.get(topic)

    def above(self, name: str) -> Domain | None:
        """Give the domain whose types a new one of this name would take over, if there is one."""
        while name := name.rpartition(".")[0]:
            if name in self._by_name:
                return self._by_name[name]
        return None

    def resolve(self, type_: str) -> Domain:
        """Give the domain of an event type: the one it is registered in.

        Else that of the longest name that begins it up to a dot or its end. Without one it is the
        `default` domain; without that, UnknownDomain is raised.
        """
        name = self._registered.get(type_, type_)
        if len(name) > LONGEST_NAME:  # no name is longer: do not walk through kilobytes of dots
            name = name[: LONGEST_NAME + 1].rpartition(".")[0]
        while name:
            if name in self._by_name:
                return self._by_name[name]
            name = name.rpartition(".")[0]
        try:
            return self._by_name[DEFAULT_DOMAIN]
        except KeyError:
            raise UnknownDomain(type_) from None


def topic_name(namespace: str, domain: str) -> str:
    """Give the name of a domain's topic.

    Raises ValueError for a namespace that Kafka could not take.
    """
    if not DOMAIN_NAME.fullmatch(namespace) or len(namespace) > LONGEST_NAMESPACE:
        raise ValueError(
            f"a namespace has the form of a domain name of at most {LONGEST_NAMESPACE} characters"
        )
    return f"{namespace}.{domain}"
