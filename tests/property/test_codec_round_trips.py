"""Any valid event survives every form, unchanged."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.codec import http, json, kafka
from bus.codec.checked import checked
from bus.codec.http import header_text, header_value
from bus.codec.media import Mode, mode_of
from bus.codec.sdk import from_sdk, to_sdk
from bus.event import Event
from tests.property.valid_events import exactly, in_headers, trimmed, valid_events

often = settings(max_examples=150, deadline=None)


def arrive(message: http.Message) -> Event | list[Event]:
    """Read a message as it arrives at a server."""
    headers, body = message
    return http.decode(
        [(name.encode("ascii"), value.encode("ascii")) for name, value in headers], body
    )


@often
@given(valid_events())
def test_what_is_drawn_is_valid(event: Event) -> None:
    """The rules let every event pass that the properties below are about."""
    checked(event)


@often
@given(valid_events())
def test_an_event_survives_json(event: Event) -> None:
    """Every attribute with its type, and the payload to the byte."""
    assert exactly(json.decode(json.encode(event))) == exactly(event)


@often
@given(st.lists(valid_events(), max_size=4))
def test_events_survive_a_batch(events: list[Event]) -> None:
    """In their order, none mixed with another, also through HTTP."""
    assert list(map(exactly, json.decode_batch(json.encode_batch(events)))) == list(
        map(exactly, events)
    )
    arrived = arrive(http.encode_batch(events))
    assert isinstance(arrived, list)
    assert list(map(exactly, arrived)) == list(map(exactly, events))


@often
@given(valid_events())
def test_an_event_survives_structured_http(event: Event) -> None:
    """As in JSON."""
    arrived = arrive(http.encode_structured(event))
    assert isinstance(arrived, Event)
    assert exactly(arrived) == exactly(event)


@often
@given(valid_events())
def test_an_event_survives_binary_http(event: Event) -> None:
    """All but the types of attributes (they become strings), and empty data becomes none."""
    arrived = arrive(http.encode_binary(event))
    assert isinstance(arrived, Event)
    binary = mode_of(event.datacontenttype) is Mode.BINARY
    assert exactly(arrived) == exactly(in_headers(event) if binary else event)


@often
@given(valid_events(), st.sampled_from([b"", b" ", b"\r\n\t "]))
def test_an_event_survives_binary_kafka(event: Event, around: bytes) -> None:
    """Every attribute with its type, and the payload to the byte, spaces around JSON included."""
    if (
        event.data is not None
        and event.data != b""
        and mode_of(event.datacontenttype) is Mode.BINARY
    ):
        event = Event(
            event.id,
            event.source,
            event.type,
            event.attributes,
            event.datacontenttype,
            around + event.data,
        )
    headers, value = kafka.encode(event)
    assert exactly(kafka.decode(headers, value)) == exactly(event)
    assert exactly(json.decode(json.encode(event))) == exactly(trimmed(event))
    assert kafka.type_of(headers, value) == event.type


@often
@given(valid_events())
def test_an_event_survives_structured_kafka(event: Event) -> None:
    """As in JSON."""
    headers, value = kafka.encode_structured(event)
    assert exactly(kafka.decode(headers, value)) == exactly(event)
    assert kafka.type_of(headers, value) == event.type


@often
@given(valid_events())
def test_an_event_survives_the_whole_way(event: Event) -> None:
    """From a publisher's body through the log to a subscriber's body: not one byte differs."""
    arrived = arrive(http.encode_structured(event))
    assert isinstance(arrived, Event)
    delivered = json.encode(kafka.decode(*kafka.encode(arrived)))
    assert delivered == json.encode(event)


FORMS: dict[str, tuple[Callable[[Event], Event | list[Event]], Callable[[Event], Event]]] = {
    "JSON": (lambda event: json.decode(json.encode(event)), trimmed),
    "HTTP structured": (lambda event: arrive(http.encode_structured(event)), trimmed),
    "HTTP binary": (
        lambda event: arrive(http.encode_binary(event)),
        lambda event: in_headers(event) if is_binary(event) else trimmed(event),
    ),
    "Kafka binary": (
        lambda event: kafka.decode(*kafka.encode(event)),
        lambda event: event if is_binary(event) else trimmed(event),
    ),
    "Kafka structured": (lambda event: kafka.decode(*kafka.encode_structured(event)), trimmed),
}
"""Each form: writing and reading it, and all that it may do to an event."""


def is_binary(event: Event) -> bool:
    """Say whether an event has a binary form: one about a CloudEvent has not."""
    return mode_of(event.datacontenttype) is Mode.BINARY


@often
@given(valid_events(), st.lists(st.sampled_from(sorted(FORMS)), min_size=2, max_size=6))
def test_an_event_survives_any_way_through_the_forms(event: Event, way: list[str]) -> None:
    """In whatever order forms follow each other: only what a form cannot carry is lost, once."""
    expected: Event = event
    arrived: Event | list[Event] = event
    for name in way:
        through, carried = FORMS[name]
        assert isinstance(arrived, Event)
        arrived, expected = through(arrived), carried(expected)
    assert isinstance(arrived, Event)
    assert exactly(arrived) == exactly(expected)


@often
@given(valid_events())
def test_the_sdks_type_keeps_the_attributes(event: Event) -> None:
    """To the SDK and back: every attribute but the text of the time, if its year is Python's."""
    back = from_sdk(to_sdk(event))
    assert {**back.attributes, "time": ""} == {**event.attributes, "time": ""}
    assert (back.id, back.source, back.type) == (event.id, event.source, event.type)
    assert ("time" in back.attributes) == ("time" in event.attributes)


@often
@given(st.text())
def test_a_header_value_comes_back(text: str) -> None:
    """Any text survives a header of HTTP."""
    value = header_value(text)
    assert header_text(value) == text
    assert all("!" <= character <= "~" for character in value)
