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
_LAG: Final = {"lagEvents": 2, "lagSeconds": 0.4}
_STATUS: Final[dict[str, Any]] = {
    "id": "6f1c2f0e-9d0b-4c0e-8a52-6f2f1a7a9b10",
    "organisation": "00000001823288444000",
    "state": "active",
    "stateSince": "2026-11-23T09:00:00Z",
    "verdict": "ok",
    **_LAG,
    "secondsToLoss": 1209599,
    "parked": 1,
    "deadLetters": 3,
    "replaying": False,
    "redriving": 0,
    "gapCount": 1,
    "gaps": [
        {
            "topic": _TOPIC,
            "partition": 3,
            "fromOffset": 120,
            "untilOffset": 128,
            "reason": "retention",
            "foundAt": "2026-11-20T09:00:00Z",
        }
    ],
    "lastOutcomes": [{"outcome": "temporary 503", "at": "2026-11-23T19:13:05Z"}],
    "createdAt": "2026-11-23T09:00:00Z",
    "updatedAt": "2026-11-23T09:00:00Z",
    "partitions": [
        {
            "topic": _TOPIC,
            "partition": 3,
            "state": "catching-up",
            "verdict": "ok",
            "position": 1742,
            "endOffset": 1744,
            **_LAG,
            "secondsToLoss": 1209599,
            "open": 1,
            "savedAt": "2026-11-23T19:13:05.5Z",
        }
    ],
}


def _withheld(entry: dict[str, Any]) -> dict[str, Any]:
    """Give an entry as it is once its event may not be read any more."""
    kept = {name: value for name, value in entry.items() if name not in _EVENT}
    return {**kept, "offset": 1743, "withheld": True}


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
    "Status": {"haaltIn": _STATUS},
    "Deliveries": {
        "tweeAbonnementen": {
            "source": _EVENT["source"],
            "id": _EVENT["eventId"],
            "type": _EVENT["type"],
            **_PLACE,
            "loggedAt": "2026-11-23T19:13:05Z",
            "deliveries": [
                {
                    "subscription": "6f1c2f0e-9d0b-4c0e-8a52-6f2f1a7a9b10",
                    "organisation": "00000001823288444000",
                    "outcome": "delivered",
                    "attempts": 1,
                    "after": "2026-11-23T19:13:05Z",
                    "before": "2026-11-23T19:13:12Z",
                },
                {
                    "subscription": "0b6d5d6a-2a0e-4a4e-9df4-1d3c8a1f2e77",
                    "organisation": "00000003123456780000",
                    "outcome": "parked",
                    "attempts": 3,
                    "dueAt": "2026-11-23T19:43:05Z",
                    "lastOutcome": "temporary 503",
                },
            ],
        }
    },
    "Purged": {"twee": {"count": 2}, "heelVeel": {"count": 5000, "more": True}},
    "Redriven": {"tweeVanDrie": {"count": 2, "skipped": 1}},
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
    "DeadLetterList": {"pagina": {"items": [_LETTER, _withheld(_LETTER)]}},
    "Attempt": {"poging": _ATTEMPT},
    "AttemptList": {"pagina": {"items": [_ATTEMPT, _withheld(_ATTEMPT)]}},
    "InvalidRecord": {"record": _INVALID},
    "InvalidRecordList": {"pagina": {"items": [_INVALID]}},
}
"""Each schema that a body has, with its examples by name."""
