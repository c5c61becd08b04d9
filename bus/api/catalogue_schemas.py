"""The part of the schemas of the OpenAPI document that is the catalogue's."""

from typing import Final

from bus.api.shapes import ANY_OBJECT, NUMBER, TEXT, TIME, Schema, list_of, object_of, ref

WARNED: Final[dict[str, Schema]] = {"warnings": {"type": "array", "items": ref("Fault")}}
"""What an answer to publishing may say besides."""

_SAID: Final = ("type", "domain", "description", "timeMeaning", "information", "schemaCheck")

TYPES: Final[dict[str, Schema]] = {
    "EventType": object_of(
        {
            **dict.fromkeys((*_SAID, "compatibility"), TEXT),
            **dict.fromkeys(("documentation", "organisation", "keyAttribute"), TEXT),
            "deprecation": ref("DeprecationRequest"),
            "retentionDays": NUMBER,
            "schemas": {"type": "array", "items": ref("SchemaVersion")},
        },
        *_SAID,
        "schemas",
    ),
    "EventTypeList": list_of("EventType"),
    "SchemaVersion": object_of(
        {"version": NUMBER, "dataschema": TEXT, "draft": TEXT, "createdAt": TIME}
    ),
    "SchemaVersionList": list_of("SchemaVersion"),
    "JsonSchema": ANY_OBJECT,
}
