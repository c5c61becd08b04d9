"""Who may publish under a source, and who may read."""

import pytest

from bus.catalogue import Access, Grant, covers
from bus.catalogue.notices import DOMAIN, source_of

A, B, C = (f"0000000000000000000{n}" for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("prefix", "source"),
    [
        ("", "anything"),
        ("urn:nld:oin:1", "urn:nld:oin:1"),
        ("urn:nld:oin:1", "urn:nld:oin:1:zaken"),
        ("urn:nld:oin:1", "urn:nld:oin:1/zaken"),
        ("urn:nld:oin:1", "urn:nld:oin:1.zaken"),
        ("urn:nld:oin:1", "urn:nld:oin:1#zaken"),
        ("urn:nld:oin:1", "urn:nld:oin:1?zaken"),
        ("urn:nld:oin:", "urn:nld:oin:12"),
        ("/registers/", "/registers/bag"),
        ("nl.amsterdam.", "nl.amsterdam.zaken"),
        ("https://zaken.example", "https://zaken.example/api/1"),
        ("https://zaken.example", "https://zaken.example?x"),
        ("https://zaken.example/api", "https://zaken.example/api/1"),
        ("https://zaken.example/", "https://zaken.example/api"),
    ],
)
def test_a_prefix_covers_itself_and_what_lies_behind_a_boundary(prefix: str, source: str) -> None:
    """The boundary ends the prefix or follows it."""
    assert covers(prefix, source)
    assert Access({prefix: A}).may_publish(A, source)
    assert Access({prefix: A}).readers(source, "bag") == {A}


@pytest.mark.parametrize(
    ("prefix", "source"),
    [
        ("urn:nld:oin:1", "urn:nld:oin:12"),
        ("urn:nld:oin:1", "urn:nld:oin:1-zaken"),
        ("urn:nld:oin:1", "urn:nld:oin:"),
        ("urn:nld:oin:1", "URN:nld:oin:1"),
        ("urn:nld:oin:1:", "urn:nld:oin:1"),
        ("https://zaken.example/api", "https://zaken.example/api2"),
        ("https://zaken.example", "https://zaken.example.org/api"),
        ("https://zaken.example", "https://zaken.example:x@elders.example/"),
        ("https://zaken.", "https://zaken.example/api"),
        ("//zaken.example", "//zaken.example.org"),
    ],
)
def test_a_near_miss_is_not_covered(prefix: str, source: str) -> None:
    """The source of another, however alike, is not taken in."""
    assert not covers(prefix, source)
    assert not Access({prefix: A}).may_publish(A, source)
    assert Access({prefix: A}).readers(source, "bag") == frozenset()


def test_every_owner_may_publish_and_no_one_else() -> None:
    """A wide prefix and a narrow one below it both make an owner."""
    access = Access({"urn:nld:oin:1": A, "urn:nld:oin:1:zaken": B})
    assert access.may_publish(A, "urn:nld:oin:1:zaken")
    assert access.may_publish(B, "urn:nld:oin:1:zaken:7")
    assert not access.may_publish(B, "urn:nld:oin:1")
    assert not access.may_publish(C, "urn:nld:oin:1")


def test_readers_are_owners_and_grantees_of_the_domain() -> None:
    """A grant counts below its prefix, in its domain or in all; it gives no right to publish."""
    access = Access(
        {"urn:nld:oin:1": A},
        [Grant("urn:nld:oin:1:bag", "bag", B), Grant("urn:nld:oin:1", None, C)],
    )
    assert access.readers("urn:nld:oin:1:bag", "bag") == {A, B, C}
    assert access.readers("urn:nld:oin:1:bag", "zaken") == {A, C}
    assert access.readers("urn:nld:oin:1:zaken", "bag") == {A, C}
    assert access.readers("urn:nld:oin:12:bag", "bag") == frozenset()
    assert not access.may_publish(B, "urn:nld:oin:1:bag")


def test_remembered_answers_are_bounded() -> None:
    """However many sources there are, memory holds the last few answers, and they stay right."""
    access = Access({"urn:a": A, "urn:b": B}, cached=4)
    for n in range(100):
        assert access.readers(f"urn:a:{n}", "bag") == {A}
        assert access.readers(f"urn:b:{n}", "bag") == {B}
    assert access._remembered.cache_info().currsize == 4


OWN = source_of(A)


@pytest.mark.parametrize("prefix", ["", OWN, f"urn:nld:oin:{A}", f"urn:nld:oin:{A}:systeem"])
@pytest.mark.parametrize("source", [OWN, f"{OWN}:x", OWN.upper()])
def test_nobody_publishes_as_the_bus(prefix: str, source: str) -> None:
    """Not even who owns everything, or the organisation of which the bus tells."""
    assert not Access({prefix: A}).may_publish(A, source)


def test_an_organisation_reads_what_the_bus_tells_of_it() -> None:
    """Without a grant and without owning a source; others do not."""
    assert Access({}).readers(OWN, DOMAIN) == {A}


def test_that_holds_in_the_domain_of_the_bus_only() -> None:
    """A record elsewhere with such a source is not the bus's."""
    assert Access({}).readers(OWN, "bag") == set()
    assert Access({}).readers(f"urn:nld:oin:{A}:systeem:zaken", DOMAIN) == set()


def test_a_grant_of_all_domains_leaves_out_that_of_the_bus() -> None:
    """Who may read a municipality's registers need not know how its components are doing."""
    grants = [Grant(f"urn:nld:oin:{A}", None, B), Grant(f"urn:nld:oin:{A}", DOMAIN, C)]
    assert Access({}, grants).readers(OWN, DOMAIN) == {A, C}
