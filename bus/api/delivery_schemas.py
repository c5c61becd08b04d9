"""The schemas of how subscriptions are doing, and of what became of events."""

from typing import Any, Final, get_args

from pydantic.json_schema import models_json_schema

from bus.api.fate import Fate
from bus.observe.verdicts import Verdict
from bus.subscription import LettersRequest, ReplayRequest

Schema = dict[str, Any]

_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer"}
_TIME: Final = {"type": "string", "format": "date-time"}
_PLACE: Final = {"topic": _TEXT, "partition": _NUMBER, "offset": _NUMBER}
_EVENT: Final = {"eventId": _TEXT, "source": _TEXT, "type": _TEXT}

_VERDICT: Final = {"enum": list(get_args(Verdict))}
_FATE: Final = {"enum": list(get_args(Fate))}
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
    return {**_asked(), **_status(), **_became()}


def _status() -> dict[str, Schema]:
    """Give how a subscription is doing."""
    lag = {"lagEvents": _NUMBER, "lagSeconds": {"type": "number"}}
    gap = {
        "topic": _TEXT,
        "partition": _NUMBER,
        "fromOffset": _NUMBER,
        "untilOffset": _NUMBER,
        "reason": {"enum": ["retention", "damaged", "recreated"]},
        "foundAt": _TIME,
    }
    outcome = {"outcome": _TEXT, "at": _TIME}
    whole = {
        "id": _TEXT,
        "organisation": _TEXT,
        "state": STATE["state"],
        "stateSince": _TIME,
        "verdict": _VERDICT,
        **lag,
        "parked": _NUMBER,
        "deadLetters": _NUMBER,
        "replaying": {"type": "boolean"},
        "redriving": _NUMBER,
        "gapCount": _NUMBER,
        "gaps": _array({"$ref": "#/components/schemas/Gap"}),
        "lastOutcomes": _array({"$ref": "#/components/schemas/LastOutcome"}),
        "createdAt": _TIME,
        "updatedAt": _TIME,
        "partitions": _array({"$ref": "#/components/schemas/PartitionStatus"}),
    }
    partition = {
        "topic": _TEXT,
        "partition": _NUMBER,
        "state": _TEXT,
        "verdict": _VERDICT,
        "position": _NUMBER,
        "endOffset": _NUMBER,
        **lag,
        "savedAt": _TIME,
    }
    trouble = {
        "failingSince": _TIME,
        "lastOutcome": _TEXT,
        "open": _NUMBER,
        "secondsToLoss": _NUMBER,
    }
    more = {"stateReason": _TEXT, "secondsToLoss": _NUMBER}
    return {
        "Status": _object({**whole, **more}, *whole),
        "PartitionStatus": _object({**partition, **trouble}, *partition),
        "Gap": _object(gap, *gap),
        "LastOutcome": _object(outcome, *outcome),
    }


def _became() -> dict[str, Schema]:
    """Give what became of events."""
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
        "formerLog": {"const": True},
        "event": {"$ref": "#/components/schemas/CloudEvent"},
        "withheld": {"const": True},
    }
    attempt = {**_PLACE, "attempt": _NUMBER, "outcome": _TEXT, "at": _TIME}
    tried = {**_EVENT, "withheld": {"const": True}}
    stretch = {
        "topic": _TEXT,
        "partition": _NUMBER,
        "fromOffset": _NUMBER,
        "untilOffset": _NUMBER,
    }
    invalid = {"partition": _NUMBER, "offset": _NUMBER, "reason": _TEXT, "foundAt": _TIME}
    delivery = {
        "subscription": _TEXT,
        "organisation": _TEXT,
        "outcome": _FATE,
        "attempts": _NUMBER,
        "at": _TIME,
        "after": _TIME,
        "before": _TIME,
        "dueAt": _TIME,
        "lastOutcome": _TEXT,
        "reason": _TEXT,
        "deadLetter": _TEXT,
    }
    event = {
        "source": _TEXT,
        "id": _TEXT,
        "type": _TEXT,
        **_PLACE,
        "loggedAt": _TIME,
        "deliveries": _array({"$ref": "#/components/schemas/Delivery"}),
    }
    return {
        "Deliveries": _object({**event, "again": _array(_object(_PLACE))}, *event),
        "Delivery": _object(delivery, "subscription", "organisation", "outcome"),
        "Purged": _object({"count": _NUMBER, "more": {"const": True}}, "count"),
        "Redriven": _object({"count": _NUMBER, "skipped": _NUMBER}, "count", "skipped"),
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
        "Attempt": _object({**tried, **attempt}, *attempt),
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
