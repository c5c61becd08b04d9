"""Events made by hand."""

import pytest

from bus.codec.checked import checked
from bus.event import Event, InvalidEvent


def test_a_sound_event_is_given_back() -> None:
    """What is valid passes as it is."""
    event = Event("1", "/s", "t", {"count": 7}, "application/json", b"{}")
    assert checked(event) is event


@pytest.mark.parametrize(
    ("event", "found"),
    [
        (Event("", "a b", "t"), {"/id": "empty", "/source": "not-a-uri-reference"}),
        (Event("1", "/s", "t", {"id": "2"}), {"/id": "misplaced"}),
        (Event("1", "/s", "t", {"specversion": "1.0"}), {"/specversion": "misplaced"}),
        (Event("1", "/s", "t", {"datacontenttype": "a/b"}), {"/datacontenttype": "misplaced"}),
        (Event("1", "/s", "t", {"data": "x"}), {"/data": "bad-name"}),
        (Event("1", "/s", "t", {"subject": "\ud800"}), {"/subject": "forbidden-character"}),
        (Event("1", "/s", "t", {"count": 2**40}), {"/count": "out-of-range"}),
        (Event("1", "/s", "t", {}, "application/json", b"{"), {"/data": "not-json"}),
        (Event("1", "/s", "t", {}, "application/json", b""), {"/data": "not-json"}),
    ],
)
def test_what_cannot_be_sent_is_refused(event: Event, found: dict[str, str]) -> None:
    """Faults are named as in the JSON format."""
    with pytest.raises(InvalidEvent) as caught:
        checked(event)
    assert {fault.where: fault.code for fault in caught.value.faults} == found
