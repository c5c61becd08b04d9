"""Numbers that may be a BSN: found where they stand, and never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.event import Event
from bus.observe.bsn import find, masked, passes
from bus.profile import bsn

DIGITS = st.text("0123456789", min_size=9, max_size=9)


def _complete(eight: str) -> str | None:
    """Give the nine digits that begin so and pass; None for the one in eleven that cannot."""
    last = sum((9 - place) * int(digit) for place, digit in enumerate(eight)) % 11
    return f"{eight}{last}" if last < 10 and int(eight) else None


BSN = st.text("0123456789", min_size=8, max_size=8).map(_complete).filter(bool).map(str)
AROUND = st.text("xyz -/:=?.", max_size=8)


def numbers(event: Event, *allowed: str) -> dict[str, list[str]]:
    """Give what the guard finds."""
    return {code: names for code, names in bsn.numbers_in(event, allowed).items() if names}


@given(DIGITS)
def test_the_elfproef(digits: str) -> None:
    """Nine times the first, eight times the next, … minus the last: a multiple of eleven, not 0."""
    assert passes(digits) == (_complete(digits[:8]) == digits)


@given(BSN, st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_fails_the_elfproef(digits: str, place: int, more: int) -> None:
    """It was made for that: eleven is prime."""
    wrong = str((int(digits[place]) + more) % 10)
    assert passes(digits)
    assert not passes(digits[:place] + wrong + digits[place + 1 :])


@given(AROUND, BSN, AROUND)
def test_it_is_found_and_masked_in_any_text(before: str, digits: str, after: str) -> None:
    """Whatever stands around it, if it is no digit."""
    text = before + digits + after
    assert [match["nine"] for match in find(text)] == [digits]
    assert masked(text) == f"{before}*********{after}"


@given(BSN, st.text("0123456789", min_size=1, max_size=12), st.booleans())
def test_a_longer_number_holds_none(digits: str, more: str, first: bool) -> None:  # noqa: FBT001 - drawn
    """An OIN has twenty digits, a telephone number ten."""
    text = more + digits if first else digits + more
    assert list(find(text)) == []
    assert masked(text) == text


@given(st.uuids(), st.binary(min_size=16, max_size=32))
def test_chance_is_not_a_bsn(uuid: object, digest: bytes) -> None:
    """A UUID and a digest may have nine digits in a row; they are looked at whole."""
    assert list(find(f"zaak/{uuid}?v={digest.hex()}")) == []


def test_digits_of_a_uuid_are_known_as_such() -> None:
    """The property above seldom draws one; this one has a number that passes in its last group."""
    assert list(find("f3dce042-cd6e-4977-844d-a999990342bc")) == []
    assert list(find("f3dce042-cd6e-4977-844d/a999990342bc")) != []


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ({"subject": "999990342"}, {bsn.IN_SUBJECT: ["subject"]}),
        ({"subject": "burger 999990342, Nijmegen"}, {bsn.IN_SUBJECT: ["subject"]}),
        ({"subject": "999990343"}, {}),
        ({"subject": "9999903421"}, {}),
        ({"bsn": "999990342"}, {bsn.NAMED: ["bsn"]}),
        ({"bsn": 999990342}, {bsn.NAMED: ["bsn"]}),
        ({"burgerservicenummer2": "x-999990342"}, {bsn.NAMED: ["burgerservicenummer2"]}),
        ({"dataref": "https://h/p?bsn=999990342&x=1"}, {bsn.NAMED: ["dataref"]}),
        ({"dataref": "/p?aanvragerBSN%5B%5D=999990342"}, {bsn.NAMED: ["dataref"]}),
        ({"dataref": "/burgerservicenummer/999990342"}, {bsn.NAMED: ["dataref"]}),
        ({"dataref": "https://h/personen/999990342"}, {bsn.SUSPECTED: ["dataref"]}),
        ({"dataref": "https://h/p?zoek=999990342"}, {bsn.SUSPECTED: ["dataref"]}),
        ({"partitionkey": "999990342"}, {bsn.SUSPECTED: ["partitionkey"]}),
        ({"zaaknr": 999990342}, {bsn.SUSPECTED: ["zaaknr"]}),
        ({"time": "2026-01-01T00:00:00.999990342Z"}, {}),
        ({"recordedtime": "2026-01-01T00:00:00.999990342Z"}, {}),
    ],
)
def test_what_it_is_called_where_it_stands(
    attributes: dict[str, str | int], found: dict[str, list[str]]
) -> None:
    """In subject, or named so, it is taken for one; elsewhere it is suspected."""
    assert numbers(Event("1", "urn:nld:x.y", "t", attributes)) == found


@pytest.mark.parametrize(
    ("id_", "source", "found"),
    [
        ("999990342", "/s", {bsn.SUSPECTED: ["id"]}),
        ("1", "urn:nld:bsn:999990342", {bsn.NAMED: ["source"]}),
        ("1", "urn:nld:rsin:999990342", {bsn.SUSPECTED: ["source"]}),
        ("1", "urn:nld:oin:00000001999990342000:x", {}),
    ],
)
def test_id_and_source_are_looked_at(id_: str, source: str, found: dict[str, list[str]]) -> None:
    """They are in every log."""
    assert numbers(Event(id_, source, "t")) == found


def test_an_allowed_attribute_is_left_alone() -> None:
    """An RSIN passes the same test."""
    event = Event("1", "/s", "t", {"bronorganisatie": "999990342", "zaaknr": "999990342"})
    assert numbers(event, "bronorganisatie") == {bsn.SUSPECTED: ["zaaknr"]}
