"""The part of the examples in the OpenAPI document that is the catalogue's."""

from typing import Any, Final

_TYPE: Final = "nl.vng.zaken.zaak-gewijzigd"
_SAID: Final[dict[str, Any]] = {
    "type": _TYPE,
    "domain": "nl.vng.zaken",
    "description": "Gegevens van een zaak zijn gewijzigd; welke, is bij de bron te zien.",
    "timeMeaning": "Moment waarop het zaaksysteem de wijziging heeft vastgelegd.",
    "information": "poor",
    "schemaCheck": "enforce",
    "compatibility": "backward",
}
_VERSION: Final[dict[str, Any]] = {
    "version": 1,
    "dataschema": f"https://bus.example.nl/v1/event-types/{_TYPE}/schemas/1",
    "draft": "2020-12",
    "createdAt": "2026-11-23T09:00:00Z",
}
_SHOWN: Final[dict[str, Any]] = {
    **_SAID,
    "organisation": "00000001823288444000",
    "retentionDays": 14,
    "schemas": [_VERSION],
}
_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"zaak": {"type": "string", "format": "uri"}},
    "required": ["zaak"],
    "additionalProperties": False,
}

CATALOGUE_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "EventTypeRequest": {
        "informatiearm": _SAID,
        "vervallen": {
            **_SAID,
            "deprecation": {
                "since": "2026-11-23",
                "sunset": "2027-06-01",
                "replacedBy": "nl.zaken.zaak-gewijzigd",
            },
        },
    },
    "EventType": {"soort": _SHOWN},
    "EventTypeList": {"soorten": {"items": [_SHOWN]}},
    "SchemaVersion": {"versie": _VERSION},
    "SchemaVersionList": {"versies": {"items": [_VERSION]}},
    "JsonSchema": {"schema": _SCHEMA},
    "AsyncApi": {"begin": {"asyncapi": "3.1.0", "info": {"title": "Gemeentebus"}}},
    "Registry": {"begin": {"specversion": "1.0-rc4", "registryid": "gemeentebus", "xid": "/"}},
}
