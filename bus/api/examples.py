"""Examples of every request and answer, for the OpenAPI document, by the name of their schema."""

from typing import Any, Final

from bus.api.catalogue_examples import CATALOGUE_EXAMPLES
from bus.api.delivery_examples import DELIVERY_EXAMPLES
from bus.api.pull_schemas import pull_examples
from bus.api.shapes import REF

_OIN: Final = "00000001823288444000"
_SOURCE: Final = f"urn:nld:oin:{_OIN}:systeem:zaken"
_ID: Final = "6f1c2f0e-9d0b-4c0e-8a52-6f2f1a7a9b10"
_SINK: Final = "https://dossier.example.nl/events"

_EVENT: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "4f9c3a2e-1111-4222-8333-444455556666",
    "source": _SOURCE,
    "type": "nl.vng.zaken.zaak-gewijzigd",
    "time": "2026-11-23T19:13:05.123Z",
    "partitionkey": "zaak-2026-0001234",
    "dataref": "https://zaken.example.nl/zaken/api/v1/zaken/1234",
}
_DATA: Final = {"status": "in behandeling"}
_PLACE: Final = {
    "id": _EVENT["id"],
    "source": _SOURCE,
    "topic": "gemeentebus.nl.vng.zaken",
    "partition": 3,
    "offset": 1742,
}
_REQUEST: Final[dict[str, Any]] = {
    "sink": _SINK,
    "protocol": "HTTP",
    "types": ["nl.vng.zaken.zaak-gewijzigd"],
    "filters": [{"prefix": {"partitionkey": "zaak-2026-"}}],
}
_SUBSCRIPTION: Final[dict[str, Any]] = {
    **_REQUEST,
    "id": _ID,
    "organisation": _OIN,
    "config": {},
    "protocolsettings": {"headers": {}, "method": "POST"},
    "domains": [],
    "ordering": "key",
    "start": "latest",
    "delivery": {
        "mode": "structured",
        "maxbatch": 100,
        "concurrency": 16,
        "timeout": 30,
        "retry": {"schedule": [5, 60, 300, 1800, 7200, 18000, 36000], "jitter": 0.2},
    },
    "signing": {"scheme": "v1"},
    "state": "active",
    "stateSince": "2026-11-23T09:00:00Z",
    "consent": {"result": "granted", "at": "2026-11-23T09:00:00Z", "origin": "*", "rate": 6000},
}
_DOMAIN_REQUEST: Final[dict[str, Any]] = {
    "name": "nl.vng.zaken",
    "description": "Wat er met zaken gebeurt.",
    "retentionDays": 14,
    "partitions": 8,
}
_DOMAIN: Final[dict[str, Any]] = {
    **_DOMAIN_REQUEST,
    "topic": "gemeentebus.nl.vng.zaken",
    "organisation": _OIN,
    "unknownTypes": "accept",
    "profile": {"rules": {"time-in-future": "reject"}, "bsnAllow": ["bronorganisatie"]},
}
_WARNED: Final = {
    **_PLACE,
    "warnings": [
        {
            "in": "body",
            "location": {"pointer": "/partitionkey"},
            "code": "ordered-by-source",
            "detail": "give a partitionkey: without, all of a source waits in one line",
        }
    ],
}
_LAG: Final = {"lagEvents": 2, "lagSeconds": 0.4}
_TOPIC: Final[dict[str, Any]] = {
    "topic": "gemeentebus.nl.vng.zaken",
    "domain": "nl.vng.zaken",
    "eventsPerSecond": 12.5,
    **_LAG,
    "invalidRecords": 0,
    "partitions": [
        {
            "partition": 3,
            "endOffset": 1744,
            "eventsPerSecond": 12.5,
            "position": 1742,
            **_LAG,
            "owner": "dispatch-1",
        }
    ],
    "findings": [
        {"source": _SOURCE, "rule": "ordered-by-source", "verdict": "warn", "count": 12},
    ],
}

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "CloudEvent": {
        "informatiearm": _EVENT,
        "metData": {**_EVENT, "datacontenttype": "application/json", "data": _DATA},
    },
    "Published": {"plaats": _PLACE, "gewaarschuwd": _WARNED, "batch": {"items": [_PLACE]}},
    "PartlyPublished": {
        "deelsOpgenomen": {
            "items": [
                {**_PLACE, "status": 202},
                {
                    "id": "4f9c3a2e-1111-4222-8333-444455556667",
                    "source": _SOURCE,
                    "status": 503,
                    "code": "log-unavailable",
                    "detail": "The log is away; try again.",
                },
            ]
        }
    },
    "SubscriptionRequest": {
        "soorten": _REQUEST,
        "metToken": {
            "sink": _SINK,
            "protocol": "HTTP",
            "domains": ["nl.vng.zaken"],
            "delivery": {"concurrency": 4, "timeout": 10},
            "sinkcredential": {"credentialtype": "ACCESSTOKEN", "accesstoken": "3q2-7wAAAAA"},
        },
        "binaryEnOAuth2": {
            "sink": _SINK,
            "protocol": "HTTP",
            "delivery": {"mode": "binary", "rate": 50},
            "signing": {"scheme": "v1a"},
            "sinkcredential": {
                "credentialtype": "CLIENTCREDENTIALS",
                "clientid": "gemeentebus",
                "clientsecret": "3q2-7wAAAAA",
                "tokenendpoint": "https://dossier.example.nl/token",
                "scope": "notificaties",
            },
        },
    },
    "Rotation": {
        "metEenDag": {"grace": 86_400},
        "gelekt": {"grace": 0},
        "naarEd25519": {"scheme": "v1a"},
    },
    "SubscriptionPatch": {
        "andereSoorten": {"types": ["nl.vng.zaken.zaak-gewijzigd", "nl.vng.zaken.zaak-gemaakt"]},
        "zonderToken": {"sinkcredential": None},
    },
    "Subscription": {"abonnement": _SUBSCRIPTION},
    "SubscriptionList": {
        "pagina": {
            "items": [_SUBSCRIPTION],
            "next": "/v1/subscriptions?limit=1&after=MjAyNi0xMS0yM1QwOTowMDowMFo",
        }
    },
    "DomainRequest": {"domein": _DOMAIN_REQUEST},
    "Domain": {"domein": _DOMAIN},
    **CATALOGUE_EXAMPLES,
    "DomainPatch": {
        "strenger": {"profile": {"rules": {"time-in-future": "reject"}}},
        "bsnNaAfspraak": {
            "profile": {
                "rules": {"bsn-in-subject": "warn"},
                "bsnAgreement": "verwerkingsregister 2026-17",
            }
        },
    },
    "DomainRevisionList": {
        "versies": {
            "items": [
                {
                    "revision": 17,
                    "organisation": _OIN,
                    "description": _DOMAIN["description"],
                    "retentionDays": 14,
                    "unknownTypes": "accept",
                    "profile": _DOMAIN["profile"],
                    "at": "2026-11-23T09:00:00Z",
                }
            ]
        }
    },
    "DomainList": {"domeinen": {"items": [_DOMAIN]}},
    "Rehearsal": {"zaak": {"filters": _REQUEST["filters"], "event": _EVENT}},
    "Verdict": {
        "past": {"matches": True, "error": None, "warnings": []},
        "fout": {
            "matches": False,
            "error": {
                "in": "body",
                "location": {"pointer": "/filters/0/sql"},
                "code": "missing-attribute",
                "detail": "character 1: the event has no such attribute",
            },
            "warnings": [],
        },
    },
    "Backtest": {
        "week": {
            "types": _REQUEST["types"],
            "filters": _REQUEST["filters"],
            "from": "2026-11-16T00:00:00Z",
            "to": "2026-11-23T00:00:00Z",
            "budget": {"events": 100_000, "seconds": 5},
            "samples": 10,
        }
    },
    "BacktestResult": {
        "nietKlaar": {
            "done": False,
            "read": 100_000,
            "matched": 1,
            "invalid": 0,
            "remaining": 2_500,
            "byType": [{"type": _EVENT["type"], "matched": 1}],
            "samples": [
                {
                    **_PLACE,
                    "type": _EVENT["type"],
                    "time": _EVENT["time"],
                    "loggedAt": "2026-11-23T19:13:05.2Z",
                }
            ],
            "partitions": [
                {
                    "topic": "gemeentebus.nl.vng.zaken",
                    "partition": 3,
                    "position": 1_744,
                    "end": 4_244,
                }
            ],
            "gaps": [],
            "warnings": [],
            "next": "eyJ2IjoxfQ",
        }
    },
    "Topic": {"topic": _TOPIC},
    "TopicList": {"topics": {"items": [_TOPIC]}},
    **DELIVERY_EXAMPLES,
    **pull_examples(_EVENT),
    "OpenApi": {
        "begin": {"openapi": "3.1.0", "info": {"title": "Gemeentebus", "version": "1.0.0"}}
    },
}
"""Each schema that a body has, with its examples by name: a test asks for every one of them."""


def body(media_type: str, schema: str) -> dict[str, Any]:
    """Describe a body of this media type, with its examples; in batches and binary mode as well."""
    one: dict[str, Any] = {"$ref": REF + schema}
    if media_type == "*/*":  # binary mode: the attributes are in headers, data is of any kind
        return {"schema": {}, "examples": {"data": {"value": _DATA}}}
    examples = EXAMPLES.get(schema, {})  # none: a test of the description asks for them
    if "batch" in media_type:
        one = {"type": "array", "items": one}
        examples = {"batch": list(examples.values())}
    return {"schema": one, "examples": {name: {"value": each} for name, each in examples.items()}}
