"""What a client may ask of a new domain."""

import pytest

from bus.catalogue import parse_domain
from bus.document import InvalidDocument


def faults(body: bytes) -> set[tuple[str, str]]:
    """Give where and why this body is refused."""
    with pytest.raises(InvalidDocument) as refusal:
        parse_domain(body)
    return {(fault.where, fault.code) for fault in refusal.value.faults}


def test_a_name_is_enough() -> None:
    """Retention is 14 days and there are 8 partitions unless the client says otherwise."""
    request = parse_domain(b'{"name": "nl.vng.zaken"}')
    assert (request.retention_days, request.partitions, request.key_attribute) == (14, 8, None)
    assert request.description == ""


def test_every_field_is_taken() -> None:
    """The names are camelCase."""
    request = parse_domain(
        b'{"name": "bag-2", "description": "Panden", "keyAttribute": "pand",'
        b' "retentionDays": 8, "partitions": 256}'
    )
    assert (request.name, request.description, request.key_attribute) == ("bag-2", "Panden", "pand")
    assert (request.retention_days, request.partitions) == (8, 256)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Bag",
        "bag_2",
        ".bag",
        "bag.",
        "a..b",
        "-bag",
        "bag-",
        "bag/2",
        "b g",
        "bag\\n",
        "é",
        "a" * 201,
    ],
)
def test_names_are_dot_separated_lower_case_labels(name: str) -> None:
    """What could not begin an event type, or not fit Kafka, is no name."""
    assert faults(f'{{"name": "{name}"}}'.encode()) & {
        ("/name", "not-a-domain-name"),
        ("/name", "control-character"),
    }


@pytest.mark.parametrize("name", ["nl.vng.gemeentebus", "nl.vng.gemeentebus.abonnement"])
def test_the_domain_of_the_bus_is_reserved(name: str) -> None:
    """Nobody takes its name, nor one that would take some of its events."""
    assert faults(f'{{"name": "{name}"}}'.encode()) == {("/name", "reserved")}


@pytest.mark.parametrize("name", ["nl.vng", "nl.vng.gemeentebussen"])
def test_names_around_it_are_free(name: str) -> None:
    """A broader one takes what is not the bus's."""
    assert parse_domain(f'{{"name": "{name}"}}'.encode()).name == name


def test_all_faults_are_named_at_once() -> None:
    """Each has its pointer and its code."""
    body = (
        b'{"description": 1, "keyAttribute": "Pand", "retentionDays": 7, "partitions": 257,'
        b' "retention_days": 14, "a/b~": 1}'
    )
    assert faults(body) == {
        ("/name", "required"),
        ("/description", "not-a-string"),
        ("/keyAttribute", "malformed"),
        ("/retentionDays", "out-of-range"),
        ("/partitions", "out-of-range"),
        ("/retention_days", "unknown-field"),
        ("/a~1b~0", "unknown-field"),
    }


def test_only_the_names_of_the_api_are_known() -> None:
    """The names that the code uses are not taken as well."""
    assert faults(b'{"name": "bag", "retention_days": 14}') == {
        ("/retention_days", "unknown-field")
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "not-json"), (b"{", "not-json"), (b"\xff", "not-json"), (b"[]", "not-an-object")],
)
def test_what_is_not_a_json_object_is_refused(body: bytes, code: str) -> None:
    """The fault lies with the whole body."""
    assert faults(body) == {("", code)}
