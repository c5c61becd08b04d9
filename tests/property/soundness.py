"""What holds for whatever comes in: it is refused, or it is an event that every form carries."""

from collections.abc import Callable

from bus.codec import json, kafka
from bus.codec.checked import checked
from bus.codec.http import UnsupportedContentType
from bus.event import Event, InvalidEvent
from tests.property.valid_events import exactly, trimmed


def is_sound(event: Event) -> None:
    """Assert that an event is valid, and the same after the log and after an envelope."""
    checked(event)
    assert exactly(kafka.decode(*kafka.encode(event))) == exactly(event)
    assert exactly(json.decode(json.encode(event))) == exactly(trimmed(event))


def decoded(decode: Callable[[], Event | list[Event]]) -> list[Event]:
    """Assert that decoding refuses, or gives only sound events: these."""
    try:
        got = decode()
    except InvalidEvent as invalid:
        assert invalid.faults  # noqa: PT017 - refusal is one of two outcomes
        return []
    except UnsupportedContentType:
        return []
    events = got if isinstance(got, list) else [got]
    for event in events:
        is_sound(event)
    return events
