"""Which rows go to the log, where to, and which are refused."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bus.catalogue import (
    Access,
    Domain,
    Domains,
    EventType,
    EventTypes,
    Schema,
    SchemaVersion,
)
from bus.store.directory import Snapshot
from producers.outbox.envelope import Sorted, sort
from producers.outbox.role import outbox_name

OIN = "00000001234567890000"
DOMAINS = Domains(
    [
        Domain("nl.zaken", "gb.nl.zaken", OIN),
        Domain("nl.zaken.besluit", "gb.nl.zaken.besluit", OIN, key_attribute="besluit"),
    ]
)
ACCESS = Access({"urn:nld:oin:1": OIN, "urn:nld:oin:2": "00000009876543210000"})


def row(id_: int, **columns: Any) -> dict[str, Any]:  # noqa: ANN401 - columns hold anything
    """Give a row that can be published unless the columns say otherwise."""
    return {
        "id": id_,
        "event_id": f"event-{id_}",
        "source": "urn:nld:oin:1:zaken",
        "type": "nl.zaken.x",
        "partitionkey": "k",
        "subject": None,
        "dataref": None,
        "time": "2026-05-01T12:00:00.000000Z",
        "datacontenttype": None,
        "data": None,
        "too_large": False,
        "extensions": None,
        **columns,
    }


def sorted_(*rows: dict[str, Any]) -> Sorted:
    """Sort by the catalogue of this module."""
    return sort(
        rows,
        now=Snapshot(1, DOMAINS, ACCESS),
        organisation=OIN,
        base="https://bus.example",
        at_time=0.0,
    )


def test_good_rows_stay_in_order_around_refused_ones() -> None:
    """A refused row takes nothing with it."""
    found = sorted_(row(1), row(2, type=""), row(3), row(4, source="urn:nld:oin:2:zaken"), row(5))
    assert [each.id for each in found.ready] == [1, 3, 5]
    assert set(found.refused) == {2, 4}


def test_the_type_chooses_the_topic_and_the_domain_the_key() -> None:
    """The domain's own key attribute comes before the partitionkey."""
    ready = sorted_(
        row(1), row(2, type="nl.zaken.besluit.x", extensions='{"besluit": "b"}', subject="s")
    ).ready
    assert [(each.topic, each.key) for each in ready] == [
        ("gb.nl.zaken", b"k"),
        ("gb.nl.zaken.besluit", b"b"),
    ]


def test_only_what_a_newer_catalogue_may_allow_is_doubtful() -> None:
    """A domain or a source may have been added a moment ago; a bad row stays bad."""
    refused = sorted_(
        row(1, type="nl.bag.x"), row(2, source="urn:nld:oin:2"), row(3, partitionkey="")
    ).refused
    assert [(each.reason.partition(":")[0], each.doubtful) for each in refused.values()] == [
        ("unknown domain", True),
        ("foreign source", True),
        ("invalid event", False),
    ]


def test_a_foreign_source_is_refused_whatever_its_type() -> None:
    """Who may publish is asked first."""
    refused = sorted_(row(1, type="nl.bag.x", source="urn:nld:oin:2")).refused
    assert refused[1].reason.startswith("foreign source")


def test_the_profile_of_the_domain_refuses_and_counts() -> None:
    """A rule that rejects keeps a row out, without its value; a newer policy may let it in."""
    found = sorted_(
        row(1, subject="999990342"),
        row(2, extensions='{"tracestate": ""}'),
        row(3, partitionkey=None),
    )
    assert [each.id for each in found.ready] == [3]
    assert [(each.reason, each.doubtful) for each in found.refused.values()] == [
        ("profile: bsn-in-subject at subject", True),
        ("profile: extension-incomplete at traceparent", True),
    ]
    source = "urn:nld:oin:1:zaken"
    assert ("nl.zaken", source, "bsn-in-subject", "reject") in found.findings[1]
    assert ("nl.zaken", source, "ordered-by-source", "warn") in found.findings[3]
    assert all(
        ("nl.zaken", source, "source-number-invalid", "warn") in found.findings[id_]
        for id_ in (1, 2, 3)
    )


def test_the_name_of_an_outbox_has_no_password() -> None:
    """It stands in logs and metrics."""
    assert outbox_name("postgresql://u:p%40ss@db.example:5433/zaken?x=1") == "db.example:5433/zaken"
    assert outbox_name("postgresql://u:p@a:1,b:2/zaken") == "a:1,b:2/zaken"
    assert outbox_name("postgresql:///zaken?host=/run") == "local/zaken"


def test_what_the_catalogue_refuses_waits_for_a_newer_one() -> None:
    """Data that does not fit is refused by place and keyword; where it only warns the row goes."""
    now = datetime.now(UTC)
    version = SchemaVersion(1, now, Schema('{"properties": {"zaak": {"maxLength": 3}}}'))
    strict = EventType("nl.zaken.x", "nl.zaken", "x", "x", "poor", versions=(version,))
    rows = [row(1, datacontenttype="application/json", data=b'{"zaak": "geheim"}'), row(2)]
    for check, ready in (("enforce", [2]), ("warn", [1, 2]), ("off", [1, 2])):
        types = EventTypes([replace(strict, schema_check=check)])
        snapshot = Snapshot(1, DOMAINS, ACCESS, types)
        found = sort(rows, now=snapshot, organisation=OIN, base="https://bus.example", at_time=0.0)
        assert [each.id for each in found.ready] == ready
        for refused in found.refused.values():
            assert refused == ("not as registered: data/zaak: maxLength", True)
