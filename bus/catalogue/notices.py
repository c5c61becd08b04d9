"""Notices: what the bus tells of itself, as CloudEvents in a domain of its own. Pure.

One table, long as it is: of each kind its data, its type, and what makes it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final, Literal
from uuid import UUID, uuid5

import msgspec

from bus.event import AttributeValue, Event

DOMAIN: Final = "nl.vng.gemeentebus"
"""The domain of the bus's own events; every bus has it, made by the bus itself."""

_IDS: Final = UUID("6f1ad9a5-6a1c-5d0e-9b0f-3b1a9a3f6c55")
_OWN_SOURCE: Final = re.compile(
    r"urn:nld:oin:([0-9]{20}):systeem:gemeentebus(?![^:/.#?])", re.IGNORECASE
)


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    """The data of an event of ours: JSON, without anything that came from an event's data."""


class Changed(_Data, frozen=True):
    """A change by the subscriber, or by an operator in its name."""

    revision: int


class Disabled(_Data, frozen=True):
    """The bus has stopped delivering: the endpoint is gone (410), or has only failed for days."""

    reason: Literal["gone", "failing"]


class DeadLettered(_Data, frozen=True):
    """An event was given up; it is kept as a dead letter, to redrive."""

    id: str
    source: str
    type: str
    topic: str
    partition: int
    offset: int
    reason: Literal["refused", "exhausted", "backlog", "recreated"]
    last_outcome: str | None
    attempts: int


class Lost(_Data, frozen=True):
    """The log lost events before the subscription had them: at most these offsets."""

    topic: str
    partition: int
    from_offset: int
    until_offset: int
    reason: Literal["retention", "damaged", "recreated"]


class Behind(_Data, frozen=True):
    """Its oldest event has waited longer than it should; the place that is worst off."""

    topic: str
    partition: int
    waiting_offsets: int
    """From its position to the end of the log: events of others are counted too."""
    longer_than_seconds: int


class CaughtUp(_Data, frozen=True):
    """It was told that it is behind, at this time, and is no longer, on any partition."""

    behind_since: Annotated[datetime, msgspec.Meta(tz=True)]


class NearRetention(_Data, frozen=True):
    """The log may lose its oldest event within this time; the place that is worst off."""

    topic: str
    partition: int
    waiting_offsets: int
    within_seconds: int


@dataclass(frozen=True, slots=True)
class NoticeType:
    """One type of event that the bus publishes of itself; `description` is for the catalogue."""

    name: str
    data: type[_Data]
    description: str


def _type(name: str, data: type[_Data], description: str) -> NoticeType:
    return NoticeType(f"{DOMAIN}.{name}", data, description)


CREATED = _type("subscription-created", Changed, "Het abonnement is aangemaakt.")
CHANGED = _type(
    "subscription-changed", Changed, "De voorwaarden van het abonnement zijn gewijzigd."
)
DELETED = _type("subscription-deleted", Changed, "Het abonnement is verwijderd.")
PAUSED = _type("subscription-paused", Changed, "De afnemer heeft het afleveren onderbroken.")
RESUMED = _type("subscription-resumed", Changed, "Het afleveren is hervat.")
DISABLED = _type(
    "subscription-disabled",
    Disabled,
    "De bus levert niet meer af: het adres van de afnemer bestaat niet meer of faalt al dagen. De "
    "plaats in de log blijft bewaard; na herstel kan het abonnement worden hervat.",
)
BEHIND = _type(
    "subscription-behind",
    Behind,
    "Het afleveren loopt achter: de oudste gebeurtenis wacht langer dan afgesproken.",
)
CAUGHT_UP = _type("subscription-caught-up", CaughtUp, "Het afleveren loopt niet langer achter.")
NEAR_RETENTION = _type(
    "subscription-near-retention",
    NearRetention,
    "Gebeurtenissen die nog niet zijn afgeleverd verdwijnen binnenkort uit de log. Herstel de "
    "afnemer, of haal de gegevens op bij de bron.",
)
DEAD_LETTERED = _type(
    "event-dead-lettered",
    DeadLettered,
    "De bus heeft het afleveren van een gebeurtenis opgegeven. Zij is bewaard en kan opnieuw "
    "worden aangeboden.",
)
GAP = _type(
    "subscription-gap",
    Lost,
    "Gebeurtenissen zijn uit de log verdwenen, of daar beschadigd, voordat zij konden worden "
    "afgeleverd. Haal de actuele gegevens op bij de bron.",
)

TYPES: Final[Mapping[str, NoticeType]] = MappingProxyType(
    {
        each.name: each
        for each in (
            *(CREATED, CHANGED, DELETED, PAUSED, RESUMED, DISABLED),
            *(BEHIND, CAUGHT_UP, NEAR_RETENTION, DEAD_LETTERED, GAP),
        )
    }
)
"""Every type by its full name."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What the bus has to tell of a subscription; `data` is JSON. Published under `id`.

    The id follows from what it is about, so that what is saved twice is told once.
    """

    id: UUID
    type: str
    organisation: str
    subscription: UUID | None
    data: str


def changed(type_: NoticeType, subscription: UUID, organisation: str, revision: int) -> Notice:
    """Tell that the subscription was CREATED, CHANGED, DELETED, PAUSED or RESUMED."""
    return _notice(type_, subscription, organisation, Changed(revision), revision)


def disabled(
    subscription: UUID, organisation: str, revision: int, reason: Literal["gone", "failing"]
) -> Notice:
    """Tell that the bus disabled the subscription; `revision` is that of the version it served.

    Owners of several partitions that find this at the same time tell the same.
    """
    return _notice(DISABLED, subscription, organisation, Disabled(reason), revision)


def behind(subscription: UUID, organisation: str, since: datetime, data: Behind) -> Notice:
    """Tell that the subscription is behind since, as far as we know, `since`."""
    return _notice(BEHIND, subscription, organisation, data, since)


def caught_up(subscription: UUID, organisation: str, since: datetime) -> Notice:
    """Tell that the subscription, told to be behind at `since`, is no longer."""
    return _notice(CAUGHT_UP, subscription, organisation, CaughtUp(since), since)


def near_retention(
    subscription: UUID, organisation: str, since: datetime, data: NearRetention
) -> Notice:
    """Tell that the log will soon lose what the subscription still waits for."""
    return _notice(NEAR_RETENTION, subscription, organisation, data, since)


def dead_lettered(
    subscription: UUID, organisation: str, first_at: datetime | None, data: DeadLettered
) -> Notice | None:
    """Tell that an event was given up, of which the first attempt was at `first_at`.

    None for one of our own: the notice of an undeliverable notice would be one too, without end.
    """
    if owner_of(data.source) is not None:
        return None
    # With the first attempt: one that was redriven and is given up again is told again.
    about = (data.topic, data.partition, data.offset, first_at)
    return _notice(DEAD_LETTERED, subscription, organisation, data, *about)


def gap(subscription: UUID, organisation: str, data: Lost) -> Notice:
    """Tell that the log lost events before the subscription had them."""
    return _notice(GAP, subscription, organisation, data, *msgspec.structs.astuple(data))


def reserved(name: str) -> bool:
    """Whether a domain or an event type of this name is the bus's own, or would be."""
    return name.startswith(DOMAIN) and name[len(DOMAIN) :][:1] in ("", ".")


def source_of(organisation: str) -> str:
    """Give the source of what the bus tells of an organisation's subscriptions."""
    return f"urn:nld:oin:{organisation}:systeem:gemeentebus"


def owner_of(source: str) -> str | None:
    """Give the organisation whose subscriptions a source of ours tells of; None for any other.

    What lies below such a source is ours too, and its case does not matter, as in any URN.
    """
    match = _OWN_SOURCE.match(source)
    return match[1] if match else None


def event_of(notice: Notice, at: datetime, url: str) -> Event:
    """Make the event of a notice that was written at `at`; the API is found at `url`.

    It points to the status of the subscription, unless that is gone.
    """
    attributes: dict[str, AttributeValue] = {"time": at.isoformat().replace("+00:00", "Z")}
    if notice.subscription is not None:
        key = str(notice.subscription)
        attributes |= {"subject": key, "partitionkey": key}
        if notice.type != DELETED.name:
            attributes["dataref"] = f"{url}/v1/subscriptions/{key}/status"
    return Event(
        str(notice.id),
        source_of(notice.organisation),
        notice.type,
        attributes=attributes,
        datacontenttype="application/json",
        data=notice.data.encode(),
    )


def _notice(
    type_: NoticeType, subscription: UUID, organisation: str, data: _Data, *about: object
) -> Notice:
    id_ = uuid5(_IDS, "\n".join(map(str, (type_.name, subscription, *about))))
    text = msgspec.json.encode(data).decode()
    return Notice(id_, type_.name, organisation, subscription, text)
