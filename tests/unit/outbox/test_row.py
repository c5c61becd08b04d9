"""A row of the outbox becomes an event, or says what is wrong with it."""

from collections.abc import Mapping
from typing import Any

import pytest

from bus.event import Event, InvalidEvent
from producers.outbox.row import event_of

ROW: Mapping[str, Any] = {
    "id": 1,
    "event_id": "4f6fbc1d-5d4c-4b8e-8a53-0c1a3f0c9d0e",
    "source": "urn:nld:oin:1:zaken",
    "type": "nl.zaken.zaak-gewijzigd",
    "partitionkey": "7",
    "subject": None,
    "dataref": None,
    "time": "2026-05-01T12:00:00.000000Z",
    "datacontenttype": None,
    "data": None,
    "too_large": False,
    "extensions": None,
}


def test_a_row_of_a_watched_table_has_no_more_than_it_needs() -> None:
    """Empty columns are attributes that are not there."""
    assert event_of(ROW) == Event(
        "4f6fbc1d-5d4c-4b8e-8a53-0c1a3f0c9d0e",
        "urn:nld:oin:1:zaken",
        "nl.zaken.zaak-gewijzigd",
        attributes={"partitionkey": "7", "time": "2026-05-01T12:00:00.000000Z"},
    )


def test_a_full_row_keeps_every_value_and_its_type() -> None:
    """Extensions are integers, booleans and strings as they were; null is not there."""
    event = event_of(
        {
            **ROW,
            "subject": "s",
            "dataref": "https://zaken.example.nl/7",
            "datacontenttype": "application/json; charset=UTF-8",
            "data": b'{"bedrag": 1.50}',
            "extensions": '{"sequence": "3", "aantal": 3, "spoed": false, "leeg": null}',
        }
    )
    assert event.attributes == {
        "partitionkey": "7",
        "time": "2026-05-01T12:00:00.000000Z",
        "subject": "s",
        "dataref": "https://zaken.example.nl/7",
        "sequence": "3",
        "aantal": 3,
        "spoed": False,
    }
    assert event.attributes["spoed"] is False
    assert event.datacontenttype == "application/json; charset=UTF-8"
    assert event.data == b'{"bedrag": 1.50}'


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({"source": ""}, "source: empty"),
        ({"source": "geen uri"}, "source: not-a-uri-reference"),
        ({"type": ""}, "type: empty"),
        ({"partitionkey": ""}, "partitionkey: empty"),
        ({"partitionkey": "a\nb"}, "partitionkey: forbidden-character"),
        ({"subject": ""}, "subject: empty"),
        ({"dataref": "https://x/a b"}, "dataref: not-a-uri-reference"),
        ({"time": ""}, "time: not-a-timestamp"),
        ({"time": "10000-01-01T00:00:00.000000Z"}, "time: not-a-timestamp"),
        ({"datacontenttype": "json"}, "datacontenttype: not-a-media-type"),
        ({"datacontenttype": "application/json", "data": b"{"}, "data: not-json"),
        ({"too_large": True}, "data: too-large"),
        ({"extensions": "[1]"}, "extensions: not-an-object"),
        ({"extensions": '{"n": 1' + "0" * 400 + "}"}, "extensions: not-readable"),
        ({"extensions": '{"n": 1.5}'}, "n: not-an-attribute"),
        ({"extensions": '{"n": {}}'}, "n: not-an-attribute"),
        ({"extensions": '{"n": 3000000000}'}, "n: out-of-range"),
        ({"extensions": '{"Naam": "x"}'}, "Naam: bad-name"),
        ({"extensions": '{"dataschema": "los"}'}, "dataschema: not-a-uri"),
        *(
            ({"extensions": f'{{"{name}": "x"}}'}, f"{name}: has-a-column")
            for name in ("specversion", "id", "source", "type", "partitionkey", "subject", "data")
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_named_by_its_column(columns: dict[str, Any], fault: str) -> None:
    """And the fault never quotes the value."""
    with pytest.raises(InvalidEvent) as caught:
        event_of({**ROW, **columns})
    assert str(caught.value) == fault


def test_every_fault_is_named() -> None:
    """One look is enough to repair a row."""
    with pytest.raises(InvalidEvent) as caught:
        event_of({**ROW, "source": "", "extensions": '{"A": 1, "subject": 2}'})
    assert {fault.where for fault in caught.value.faults} == {"source", "A", "subject"}


def test_empty_data_where_json_is_announced_is_no_data() -> None:
    """No JSON text is empty."""
    assert event_of({**ROW, "datacontenttype": "application/json", "data": b""}).data is None
    assert event_of({**ROW, "data": b""}).data == b""
