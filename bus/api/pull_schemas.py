"""The schemas of fetching, and examples of them."""

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from bus.api.pull import AckRequest

_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer"}
_CURSOR: Final = "1LQ4Tgt0cXl1D5o0mCk2c3nicq1bKS0zOLMlPLVKyUjLUyUnMS04sSs3JUQIAcZUIQw"
_GAP: Final = {
    "topic": _TEXT,
    "partition": _NUMBER,
    "from": _NUMBER,
    "until": _NUMBER,
    "reason": {"enum": ["retention", "recreated"]},
    "foundAt": {"type": "string", "format": "date-time"},
}


def pull_schemas() -> dict[str, dict[str, Any]]:
    """Give them by name."""
    _, found = models_json_schema([(AckRequest, "validation")])
    events = {"type": "array", "items": {"$ref": "#/components/schemas/CloudEvent"}}
    return {
        **found["$defs"],
        "Acknowledged": _object({"cursor": _TEXT}),
        "EventStream": _TEXT,
        "Gap": _object(_GAP),
        "PulledEvents": _object({"events": events, "cursor": _TEXT}),
    }


def pull_examples(event: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give examples by the name of their schema."""
    return {
        "AckRequest": {"verder": {"cursor": _CURSOR}, "terug": {"cursor": _CURSOR, "rewind": True}},
        "Acknowledged": {"verzet": {"cursor": _CURSOR}},
        "EventStream": {"bericht": f"id: {_CURSOR}\ndata: {{…}}\n\n"},
        "PulledEvents": {
            "een": {"events": [event], "cursor": _CURSOR},
            "niets": {"events": [], "cursor": _CURSOR},
        },
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}
