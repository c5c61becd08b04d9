"""The Event itself: what it carries, compares and shows."""

import pytest

from bus.event import Event, Fault, InvalidEvent, assemble, canonical

EVENT = Event(
    "7",
    "urn:nld:oin:1",
    "nl.example.moved",
    {"subject": "secret subject", "count": 7, "urgent": True},
    "application/json",
    b'"secret data"',
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "1.0"),
        ("id", "7"),
        ("source", "urn:nld:oin:1"),
        ("type", "nl.example.moved"),
        ("datacontenttype", "application/json"),
        ("subject", "secret subject"),
        ("count", 7),
        ("urgent", True),
        ("absent", None),
        ("data", None),
        ("attributes", None),
    ],
)
def test_an_attribute_is_found_by_its_name(name: str, value: object) -> None:
    """Every context attribute is found, wherever it is kept; the fields of the class are not."""
    assert EVENT.get(name) == value


def test_the_context_lists_every_attribute_once() -> None:
    """The context has the required attributes first, and datacontenttype only when there is one."""
    assert list(EVENT.context()) == [
        *("specversion", "id", "source", "type"),
        *("subject", "count", "urgent", "datacontenttype"),
    ]
    assert "datacontenttype" not in Event("1", "/s", "t").context()
    assert assemble(EVENT.context(), EVENT.data) == EVENT


def test_an_event_shows_neither_subject_nor_data() -> None:
    """What Python prints of an event, for instance in a traceback, may be logged."""
    shown = repr(EVENT) + repr(EVENT.__rich_repr__())
    assert "secret" not in shown
    assert "nl.example.moved" in shown


def test_events_are_equal_by_what_they_carry() -> None:
    """Two events with the same content are equal, other data makes another event."""
    assert Event("1", "/s", "t", {"a": "b"}) == Event("1", "/s", "t", {"a": "b"})
    assert Event("1", "/s", "t", data=b"") != Event("1", "/s", "t")


def test_an_event_cannot_be_changed_or_hashed() -> None:
    """A field cannot be set, and an event is no key: its attributes are a dict."""
    with pytest.raises(AttributeError):
        EVENT.id = "8"  # type: ignore[misc] # what is tested
    with pytest.raises(TypeError):
        hash(EVENT)


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (-7, "-7"), ("", "")]
)
def test_a_value_has_one_canonical_string(value: str | int | bool, text: str) -> None:  # noqa: FBT001 - a value
    """Booleans and integers are written as the standard writes them."""
    assert canonical(value) == text


def test_a_flood_of_faults_is_bounded() -> None:
    """Of very many faults the first are listed, and how many more there are."""
    invalid = InvalidEvent([Fault(f"/{n}", "required", "x") for n in range(5000)])
    assert len(invalid.faults) == InvalidEvent.most + 1
    assert invalid.faults[-1].code == "more-faults"
    assert "4800" in invalid.faults[-1].detail
