"""What the schemas of the OpenAPI document are made of."""

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]

REF: Final = "#/components/schemas/"

TEXT: Final = {"type": "string"}
NUMBER: Final = {"type": "integer"}
SECONDS: Final = {"type": "number"}
TIME: Final = {"type": "string", "format": "date-time"}
ANY_OBJECT: Final = {"type": "object"}


def object_of(properties: Mapping[str, Schema], *required: str) -> Schema:
    """Give an object of which these members, or all, are always there."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required or properties),
    }


def list_of(name: str) -> Schema:
    """Give an object whose items are of this schema."""
    return object_of({"items": {"type": "array", "items": ref(name)}})


def ref(name: str) -> Schema:
    """Give a reference to a schema of the document."""
    return {"$ref": REF + name}
