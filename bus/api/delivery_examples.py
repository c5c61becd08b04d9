"""Examples of what became of events, for the OpenAPI document, by the name of their schema."""

from typing import Any, Final

_TOPIC: Final = "gemeentebus.nl.vng.zaken"
_EVENT: Final[dict[str, Any]] = {
    "eventId": "4f9c3a2e-1111-4222-8333-444455556666",
    "source": "urn:nld:oin:00000001823288444000:systeem:zaken",
    "type": "nl.vng.zaken.zaak-gewijzigd",
}
_PLACE: Final = {"topic": _TOPIC, "partition": 3, "offset": 1742}
_LETTER: Final[dict[str, Any]] = {
    "id": "17",
    **_EVENT,
    **_PLACE,
    "reason": "refused",
    "lastOutcome": "refused 422",
    "attempts": 1,
    "firstAt": "2026-11-23T19:13:05Z",
    "lastAt": "2026-11-23T19:13:05Z",
    "buriedAt": "2026-11-23T19:13:05.5Z",
}
_ATTEMPT: Final[dict[str, Any]] = {
    **_EVENT,
    **_PLACE,
    "attempt": 2,
    "outcome": "temporary 503",
    "at": "2026-11-23T19:13:10Z",
}
_INVALID: Final[dict[str, Any]] = {
    "partition": 3,
    "offset": 1741,
    "reason": "ce_id: required",
    "foundAt": "2026-11-23T19:13:05Z",
}

DELIVERY_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "LettersRequest": {
        "dezeTwee": {"ids": ["17", "18"]},
        "vanEenSoort": {"filter": {"type": _EVENT["type"], "before": "2026-11-24T00:00:00Z"}},
        "alle": {"all": True},
    },
    "ReplayRequest": {
        "tussenTweeTijden": {"from": "2026-11-23T00:00:00Z", "until": "2026-11-23T12:00:00Z"},
        "vanafHetBegin": {"from": "earliest"},
        "vanafEenPlaats": {"from": {_TOPIC: {"3": 1700}}},
    },
    "Count": {"twee": {"count": 2}},
    "Replay": {
        "eenPartitie": {
            "offsets": 42,
            "partitions": [{"topic": _TOPIC, "partition": 3, "fromOffset": 1700}],
        }
    },
    "DeadLetter": {
        "metGebeurtenis": {
            **_LETTER,
            "event": {
                "specversion": "1.0",
                "id": _EVENT["eventId"],
                "source": _EVENT["source"],
                "type": _EVENT["type"],
                "partitionkey": "zaak-2026-0001234",
            },
        }
    },
    "DeadLetterList": {"pagina": {"items": [_LETTER]}},
    "Attempt": {"poging": _ATTEMPT},
    "AttemptList": {"pagina": {"items": [_ATTEMPT]}},
    "InvalidRecord": {"record": _INVALID},
    "InvalidRecordList": {"pagina": {"items": [_INVALID]}},
}
"""Each schema that a body has, with its examples by name."""
