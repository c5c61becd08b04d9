"""The schemas of what became of events: replays, dead letters, attempts, invalid records."""

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from bus.subscription import LettersRequest, ReplayRequest

Schema = dict[str, Any]

_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer"}
_TIME: Final = {"type": "string", "format": "date-time"}
_PLACE: Final = {"topic": _TEXT, "partition": _NUMBER, "offset": _NUMBER}
_EVENT: Final = {"eventId": _TEXT, "source": _TEXT, "type": _TEXT}

_FROM: Final = {
    "anyOf": [
        {"enum": ["earliest"]},
        _TIME,
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "object", "additionalProperties": _NUMBER},
        },
    ]
}

STATE: Final = {
    "state": {"enum": ["active", "paused", "disabled"]},
    "stateReason": _TEXT,
    "stateSince": _TIME,
}
"""What is shown of a subscription besides its terms."""


def delivery_schemas() -> dict[str, Schema]:
    """Give them by name."""
    letter = {
        "id": _TEXT,
        **_EVENT,
        **_PLACE,
        "reason": _TEXT,
        "lastOutcome": _TEXT,
        "attempts": _NUMBER,
        "firstAt": _TIME,
        "lastAt": _TIME,
        "buriedAt": _TIME,
        "purgedAt": _TIME,
        "event": {"$ref": "#/components/schemas/CloudEvent"},
    }
    attempt = {**_EVENT, **_PLACE, "attempt": _NUMBER, "outcome": _TEXT, "at": _TIME}
    stretch = {
        "topic": _TEXT,
        "partition": _NUMBER,
        "fromOffset": _NUMBER,
        "untilOffset": _NUMBER,
    }
    invalid = {"partition": _NUMBER, "offset": _NUMBER, "reason": _TEXT, "foundAt": _TIME}
    return {
        **_asked(),
        "Count": _object({"count": _NUMBER}, "count"),
        "Replay": _object(
            {
                "offsets": _NUMBER,
                "partitions": _array(_object(stretch, "topic", "partition", "fromOffset")),
            },
            "offsets",
            "partitions",
        ),
        "DeadLetter": _object(
            letter, "id", "topic", "partition", "offset", "reason", "attempts", "buriedAt"
        ),
        "DeadLetterList": _page("DeadLetter"),
        "Attempt": _object(attempt, *attempt),
        "AttemptList": _page("Attempt"),
        "InvalidRecord": _object(invalid, *invalid),
        "InvalidRecordList": _page("InvalidRecord"),
    }


def _asked() -> dict[str, Schema]:
    """Give what clients ask for, from its models."""
    _, found = models_json_schema(
        [(LettersRequest, "validation"), (ReplayRequest, "validation")],
        ref_template="#/components/schemas/{model}",
    )
    models: dict[str, Schema] = found["$defs"]
    models["ReplayRequest"]["properties"] |= {"from": _FROM, "until": _TIME}
    models["LetterFilter"]["properties"]["before"] = _TIME
    return models


def _page(name: str) -> Schema:
    items = _array({"$ref": f"#/components/schemas/{name}"})
    return _object({"items": items, "next": _TEXT}, "items")


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _object(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": dict(properties), "required": list(required)}
