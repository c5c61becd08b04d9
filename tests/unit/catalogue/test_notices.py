"""What the bus tells of itself becomes CloudEvents that any door would take."""

import json
import re
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from bus.catalogue import notices
from bus.catalogue.own_types import own_types
from bus.catalogue.schema import parse_schema
from bus.codec.checked import checked

OIN = "00000001823288444000"
ID = UUID("11111111-2222-3333-4444-555555555555")
AT = datetime(2026, 11, 25, 12, 0, 0, 123456, tzinfo=UTC)
URL = "https://bus.example.nl"


def letter(**fields: object) -> notices.DeadLettered:
    """Give the data of a letter about a zaak."""
    given = {
        "id": "1",
        "source": f"urn:nld:oin:{OIN}:systeem:zaken",
        "type": "nl.zaken.zaak-gewijzigd",
        "topic": "gemeentebus.zaken",
        "partition": 3,
        "offset": 17,
        "reason": "refused",
        "last_outcome": "refused 400",
        "attempts": 1,
    }
    return notices.DeadLettered(**given | fields)


def dead(
    subscription: UUID = ID, first_at: datetime | None = AT, **fields: object
) -> notices.Notice:
    """Give the notice of a dead letter."""
    notice = notices.dead_lettered(subscription, OIN, first_at, letter(**fields))
    assert notice is not None
    return notice


def every() -> list[notices.Notice]:
    """Give one notice of each kind."""
    changes = (
        notices.CREATED,
        notices.CHANGED,
        notices.DELETED,
        notices.PAUSED,
        notices.RESUMED,
    )
    return [
        *(notices.changed(change, ID, OIN, 7) for change in changes),
        notices.disabled(ID, OIN, 7, "gone"),
        notices.behind(ID, OIN, AT, notices.Behind("t", 0, 12, 60)),
        notices.caught_up(ID, OIN, AT),
        notices.near_retention(ID, OIN, AT, notices.NearRetention("t", 0, 12, 86_400)),
        dead(),
        notices.gap(ID, OIN, notices.Lost("t", 0, 5, 9, "retention")),
    ]


def test_each_notice_is_a_valid_event_of_its_subscription() -> None:
    """Its source is the owner's, it is keyed by the subscription and points to the status."""
    for notice in every():
        event = checked(notices.event_of(notice, AT, URL))
        assert event.source == f"urn:nld:oin:{OIN}:systeem:gemeentebus"
        assert event.get("partitionkey") == event.get("subject") == str(ID)
        assert event.get("time") == "2026-11-25T12:00:00.123456Z"
        deleted = notice.type == notices.DELETED.name
        dataref = None if deleted else f"{URL}/v1/subscriptions/{ID}/status"
        assert event.get("dataref") == dataref


def test_the_table_holds_every_type_with_its_data() -> None:
    """What is published under a type has the fields that the table says, in camelCase."""
    assert {notice.type for notice in every()} == set(notices.TYPES)
    for notice in every():
        type_ = notices.TYPES[notice.type]
        assert type_.name.startswith("nl.vng.gemeentebus.")
        assert type_.description
        fields = [
            re.sub("_(.)", lambda m: m[1].upper(), name) for name in type_.data.__struct_fields__
        ]
        assert list(json.loads(notice.data)) == fields


def test_the_catalogue_has_a_schema_that_each_keeps_to() -> None:
    """One that any client might add, with words for people; and it does refuse something."""
    known = {event_type.type: (event_type, schema) for event_type, schema in own_types()}
    assert set(known) == set(notices.TYPES)
    for notice in every():
        event_type, schema = known[notice.type]
        assert parse_schema(schema.text.encode()) == schema
        assert event_type.description == schema.document["description"]
        assert schema.faults(notice.data.encode()) == []
        assert schema.faults(b"{}")


def test_the_same_is_told_under_the_same_id() -> None:
    """A save that is repeated tells nothing twice."""
    assert every() == every()
    assert len({notice.id for notice in every()}) == len(every())


@pytest.mark.parametrize(
    "other",
    [
        dead(offset=18),
        dead(partition=4),
        dead(topic="gemeentebus.bag"),
        dead(subscription=uuid4()),
        dead(first_at=None),
    ],
)
def test_another_letter_is_another_notice(other: notices.Notice) -> None:
    """So is one that was redriven, attempted anew and given up again."""
    assert other.id != dead().id


def test_a_notice_that_is_given_up_is_not_told() -> None:
    """Otherwise a subscription that refuses notices would make one of each."""
    assert notices.dead_lettered(ID, OIN, AT, letter(source=notices.source_of(OIN))) is None


@pytest.mark.parametrize("end", ["", ":x", "/x", ".x", "#x", "?x"])
def test_the_sources_of_the_bus_are_known(end: str) -> None:
    """In any case, with whatever follows at a boundary."""
    source = notices.source_of(OIN) + end
    assert notices.owner_of(source) == OIN
    assert notices.owner_of(source.upper()) == OIN


@pytest.mark.parametrize(
    "source",
    [
        f"urn:nld:oin:{OIN}:systeem:gemeentebus2",
        f"urn:nld:oin:{OIN}:systeem:gemeentebus-proef",
        f"urn:nld:oin:{OIN}:systeem:zaken",
        f"urn:nld:oin:{OIN[1:]}:systeem:gemeentebus",
        f"x:urn:nld:oin:{OIN}:systeem:gemeentebus",
        "",
    ],
)
def test_other_sources_are_not_the_bus(source: str) -> None:
    """Not one that merely begins or ends like it."""
    assert notices.owner_of(source) is None
