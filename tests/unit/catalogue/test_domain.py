"""Which domain an event belongs to, and by what it is ordered there."""

import pytest

from bus.catalogue import Domain, Domains, UnknownDomain, key_of, topic_name
from bus.event import Event


def domain(name: str, key_attribute: str | None = None) -> Domain:
    """Make a domain of this name."""
    return Domain(name, f"bus.{name}", "00000000000000000001", key_attribute)


DOMAINS = Domains([domain("nl.vng"), domain("nl.vng.zaken"), domain("bag")])


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        ("nl.vng.zaken", "nl.vng.zaken"),
        ("nl.vng.zaken.zaak-aangemaakt", "nl.vng.zaken"),
        ("nl.vng.zakenregister.zaak", "nl.vng"),
        ("nl.vng.zaken-oud.zaak", "nl.vng"),
        ("nl.vng..x", "nl.vng"),
        ("bag.pand", "bag"),
    ],
)
def test_the_longest_name_that_ends_at_a_dot_wins(type_: str, name: str) -> None:
    """A domain takes the types that its name begins, label by label."""
    assert DOMAINS.resolve(type_).name == name


@pytest.mark.parametrize(
    "type_", ["nl", "nl.brp.persoon", "Bag.pand", "bagx.pand", ".bag", "x" * 300]
)
def test_a_type_of_no_domain_is_unknown_unless_there_is_a_default(type_: str) -> None:
    """Without a default domain the type is refused; with one it goes there."""
    with pytest.raises(UnknownDomain):
        DOMAINS.resolve(type_)
    assert Domains([*DOMAINS, domain("default")]).resolve(type_).name == "default"


def test_a_type_longer_than_any_name_is_still_resolved() -> None:
    """A name of the greatest length is found, and kilobytes of dots cost nothing."""
    longest = "a" * 200
    domains = Domains([domain(longest)])
    assert domains.resolve(f"{longest}.x").name == longest
    assert domains.resolve(longest + "." * 60_000).name == longest
    with pytest.raises(UnknownDomain):
        domains.resolve(f"{longest}x.y")


def test_a_domain_is_found_by_name_and_by_topic() -> None:
    """Both names lead to the same domain, and an unknown one to none."""
    bag = domain("bag")
    assert DOMAINS.by_name("bag") == DOMAINS.by_topic("bus.bag") == bag
    assert DOMAINS.by_name("bus.bag") is DOMAINS.by_topic("bag") is None
    assert len(DOMAINS) == 3


def test_a_topic_name_always_fits_kafka() -> None:
    """The longest namespace and the longest domain name make 249 characters; more is refused."""
    assert topic_name("gemeentebus", "bag") == "gemeentebus.bag"
    assert len(topic_name("n" * 48, "d" * 200)) == 249
    for namespace in ("n" * 49, "", "Bus", "a b", "a..b", "a."):
        with pytest.raises(ValueError, match="namespace"):
            topic_name(namespace, "bag")


@pytest.mark.parametrize(
    ("attributes", "key_attribute", "key", "fell_back"),
    [
        ({"partitionkey": "p", "subject": "s"}, None, b"p", False),
        ({"subject": "s"}, None, b"s", False),
        ({}, None, b"urn:source", True),
        ({"zaak": "zaak/é", "partitionkey": "p"}, "zaak", "zaak/é".encode(), False),
        ({"count": 7}, "count", b"7", False),
        ({"urgent": True}, "urgent", b"true", False),
        ({"partitionkey": "p"}, "zaak", b"p", False),
        ({}, "zaak", b"urn:source", True),
        ({}, "type", b"t", False),
    ],
)
def test_the_key_is_the_first_attribute_that_the_event_has(
    attributes: dict[str, str | int | bool],
    key_attribute: str | None,
    key: bytes,
    *,
    fell_back: bool,
) -> None:
    """The domain's attribute, partitionkey, subject, and at last the source, which is reported."""
    event = Event(id="1", source="urn:source", type="t", attributes=attributes)
    assert key_of(event, domain("bag", key_attribute)) == (key, fell_back)


def test_a_domain_can_be_a_key() -> None:
    """Descriptions of the catalogue are kept by the domains that they were made of."""
    assert {domain("nl.a"): 1}[domain("nl.a")] == 1
