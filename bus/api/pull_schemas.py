"""The schemas of fetching, and examples of them."""

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from bus.api.pull import AckRequest
from bus.api.shapes import TEXT, Schema, object_of, ref

_CURSOR: Final = "1LQ4Tgt0cXl1D5o0mCk2c3nicq1bKS0zOLMlPLVKyUjLUyUnMS04sSs3JUQIAcZUIQw"


def pull_schemas() -> dict[str, Schema]:
    """Give them by name."""
    _, found = models_json_schema([(AckRequest, "validation")])
    events: Schema = {"type": "array", "items": ref("CloudEvent")}
    return {
        **found["$defs"],
        "Acknowledged": object_of({"cursor": TEXT}),
        "EventStream": TEXT,
        "PulledEvents": object_of({"events": events, "cursor": TEXT}),
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
