"""Forms of sources and types."""

import pytest

from bus.profile.names import (
    Source,
    has_valid_number,
    is_oin,
    is_reverse_dns,
    is_rightly_versioned,
    names_organisation,
    source_of,
)

OIN = "00000001823288444000"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (f"urn:nld:oin:{OIN}:systeem:BRP-component", Source("oin", OIN, "systeem:BRP-component")),
        (f"URN:NLD:OIN:{OIN}:zaken", Source("oin", OIN, "zaken")),
        ("urn:nld:kvknr:09220932.burgerzaken", Source("kvknr", "09220932", "burgerzaken")),
        ("urn:nld:gemeente-nijmegen.burgerzaken", Source("", "gemeente-nijmegen", "burgerzaken")),
        ("urn:nld:gemeente-Bergen%20%28L%29.bz", Source("", "gemeente-Bergen%20%28L%29", "bz")),
        (f"urn:nld:oin:{OIN}", Source("oin", OIN, "")),
        ("urn:nld:nijmegen", Source("", "nijmegen", "")),
        (f"urn:nld:oin:{OIN}.zaken?+x#y", Source("oin", OIN, "zaken")),
        ("urn:nld:", None),
        ("urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", None),
        ("https://zaken.example.nl/", None),
    ],
)
def test_a_source_has_an_organisation_and_a_system(text: str, source: Source | None) -> None:
    """With colons or dots between, as in the examples of the profile."""
    assert source_of(text) == source


@pytest.mark.parametrize(
    ("number", "good"),
    [
        (OIN, True),
        ("00000003123456780000", True),
        ("00000004000000012000", True),
        ("00000000000000000000", True),
        ("01823288444", False),  # the example in a manual that many have copied
        ("00000001823288445000", False),  # no RSIN
        ("00000001823288444001", False),
        ("00000003123456780001", False),
        ("0000000182328844400x", False),
        ("\uff10" + OIN[1:], False),
    ],
)
def test_an_oin_holds_a_number_of_its_register(number: str, *, good: bool) -> None:
    """Twenty digits; what its prefix says is in it."""
    assert is_oin(number) == good
    assert has_valid_number(Source("oin", number, "x")) == good


@pytest.mark.parametrize(("number", "good"), [("09220932", True), ("9220932", False), ("", False)])
def test_a_kvk_number_has_eight_digits(number: str, *, good: bool) -> None:
    """Leading zeros count."""
    assert has_valid_number(Source("kvknr", number, "x")) == good


@pytest.mark.parametrize(
    "type_",
    [
        *("nl.brp.persoon-verhuisd", "nl.natuurlijke-personen.persoon-verhuisd", "nl.b"),
        *("nl.brp.verhuizing.binnengemeentelijk", "com.github.pull_request.opened", "nl.a.v2"),
        "nl.overheid.Zaken.zaakGemaakt",
    ],
)
def test_a_type_is_a_reversed_domain_name(type_: str) -> None:
    """Labels with dots between, of which the first is a top-level domain."""
    assert is_reverse_dns(type_)


@pytest.mark.parametrize(
    "type_",
    ["NotReverseDNS", "nl", "nl.", ".nl.brp", "nl..brp", "n.brp", "7.brp", "nl.brp.a b", "nl.-a"],
)
def test_what_is_no_reversed_domain_name(type_: str) -> None:
    """Another form has no owner."""
    assert not is_reverse_dns(type_)


@pytest.mark.parametrize(
    ("type_", "good"),
    [
        ("nl.brp.persoon-verhuisd", True),
        ("nl.brp.persoon-verhuisd.v2", True),
        ("nl.brp.v1.persoon-verhuisd", True),
        ("nl.brp.persoon-verhuisd-v2", True),
        ("nl.brp.persoon-verhuisd.v1.2", True),
        ("nl.brp.v1.persoon-verhuisd.v2", False),
        ("nl.brp.persoon-verhuisd.2", False),
        ("nl.brp.2.persoon-verhuisd.v2", False),
        ("nl.wet2024.v", True),
        ("nl.wet.2024.gewijzigd", True),
    ],
)
def test_a_type_has_one_version_with_a_v(type_: str, *, good: bool) -> None:
    """A year is no version."""
    assert is_rightly_versioned(type_) == good


@pytest.mark.parametrize(
    ("type_", "named"),
    [
        ("nl.gemeente-nijmegen.zaak-gemaakt", True),
        ("nl.provincie.vergunning-verleend", True),
        ("nl.brp.gemeentelijk", False),
        ("nl.gemeenten.samengevoegd", False),
    ],
)
def test_an_organisation_in_a_type_is_noticed(type_: str, *, named: bool) -> None:
    """Organisations are merged and renamed; registers stay."""
    assert names_organisation(type_) == named
