"""The schemas of the OpenAPI document: from the models where there is one, else written here."""

from typing import Final

from pydantic.json_schema import models_json_schema

from bus.api.catalogue_schemas import TYPES, WARNED
from bus.api.delivery_schemas import STATE, delivery_schemas
from bus.api.pull_schemas import pull_schemas
from bus.api.shapes import ANY_OBJECT as _ANY_OBJECT
from bus.api.shapes import NUMBER as _NUMBER
from bus.api.shapes import REF, Schema
from bus.api.shapes import SECONDS as _SECONDS
from bus.api.shapes import TEXT as _TEXT
from bus.api.shapes import TIME as _TIME
from bus.api.shapes import list_of as _list
from bus.api.shapes import object_of as _object
from bus.api.shapes import ref as _ref
from bus.api.words import WORDS
from bus.catalogue import DomainRequest, EventTypeRequest
from bus.match import cesql
from bus.subscription import Backtest, Rotation, Subscription, SubscriptionRequest

_FILLED: Final = {"type": "string", "minLength": 1}
_REFERENCE: Final = {**_FILLED, "format": "uri-reference"}
_START: Final = {"anyOf": [{"enum": ["latest", "earliest"]}, _TIME], "default": "latest"}


def schemas() -> dict[str, Schema]:
    """Give every schema by its name."""
    everything = {**_from_models(), **_written(), **delivery_schemas(), **pull_schemas()}
    return {name: _dutch(schema, name) for name, schema in sorted(everything.items())}


def _from_models() -> dict[str, Schema]:
    _, found = models_json_schema(
        [
            (SubscriptionRequest, "validation"),
            (Subscription, "serialization"),
            (Rotation, "validation"),
            (DomainRequest, "validation"),
            (Backtest, "validation"),
            (EventTypeRequest, "validation"),
        ],
        ref_template=REF + "{model}",
    )
    models: dict[str, Schema] = found["$defs"]
    for name in ("Subscription", "SubscriptionRequest", "Backtest"):
        models[name]["properties"]["filters"]["items"] = _ref("Filter")
    for name in ("Subscription", "SubscriptionRequest"):
        models[name]["properties"]["start"] = _START
    for name in ("from", "to"):
        models["Backtest"]["properties"][name] = _TIME
    # What is answered may grow; the secret is in one answer only.
    del models["Subscription"]["additionalProperties"], models["Signing"]["additionalProperties"]
    models["Signing"]["properties"]["secret"] = _TEXT
    models["Subscription"]["properties"] |= STATE
    return models


def _written() -> dict[str, Schema]:
    place = {"id": _TEXT, "source": _TEXT, "topic": _TEXT, "partition": _NUMBER, "offset": _NUMBER}
    lag = {"lagEvents": _NUMBER, "lagSeconds": _SECONDS}
    refused = {"id": _TEXT, "source": _TEXT, "status": _NUMBER, "code": _TEXT, "detail": _TEXT}
    return {
        **_events(),
        **_rehearsals(),
        "Place": _object({**place, **WARNED}, *place),
        "Published": {"oneOf": [_ref("Place"), _list("Place")]},
        "PartlyPublished": _object(
            {
                "items": {
                    "type": "array",
                    "items": _object({**place, **refused, **WARNED}, "id", "source"),
                }
            }
        ),
        "SubscriptionPatch": {"type": "object"},
        "SubscriptionList": _object(
            {**_list("Subscription")["properties"], "next": _TEXT}, "items"
        ),
        "Domain": _object(
            {
                **dict.fromkeys(("name", "description", "topic", "organisation"), _TEXT),
                "keyAttribute": _TEXT,
                "retentionDays": _NUMBER,
                "partitions": _NUMBER,
                "unknownTypes": _TEXT,
                "profile": _ref("Policy"),
            },
            "name",
            "topic",
            "profile",
        ),
        "DomainList": _list("Domain"),
        **TYPES,
        "DomainPatch": {"type": "object"},
        "DomainRevision": _object(
            {
                "revision": _NUMBER,
                **dict.fromkeys(("organisation", "description", "unknownTypes"), _TEXT),
                "retentionDays": _NUMBER,
                "profile": _ref("Policy"),
                "at": _TIME,
            }
        ),
        "DomainRevisionList": _list("DomainRevision"),
        "Topic": _object(
            {
                "topic": _TEXT,
                "domain": _TEXT,
                "eventsPerSecond": _SECONDS,
                **lag,
                "invalidRecords": _NUMBER,
                "partitions": {"type": "array", "items": _ref("TopicPartition")},
                "findings": {"type": "array", "items": _ref("Finding")},
            }
        ),
        "Finding": _object(
            {**dict.fromkeys(("source", "rule", "verdict"), _TEXT), "count": _NUMBER}
        ),
        "TopicPartition": _object(
            {
                "partition": _NUMBER,
                "endOffset": _NUMBER,
                "eventsPerSecond": _SECONDS,
                "position": _NUMBER,
                **lag,
                "owner": {"type": ["string", "null"]},
            }
        ),
        "TopicList": _list("Topic"),
        **dict.fromkeys(("OpenApi", "AsyncApi", "Registry"), _ANY_OBJECT),
        **_problem(),
    }


def _events() -> dict[str, Schema]:
    """Give what is specific to CloudEvents: the event and the filter dialects."""
    attributes: Schema = {"type": "object", "minProperties": 1, "additionalProperties": _TEXT}
    several: Schema = {"type": "array", "minItems": 1, "items": _ref("Filter")}
    dialects = dict.fromkeys(("exact", "prefix", "suffix"), attributes)
    dialects |= {"all": several, "any": several, "not": _ref("Filter")}
    dialects["sql"] = {"type": "string", "minLength": 1, "maxLength": cesql.LONGEST}
    return {
        "CloudEvent": {
            **_object(
                {
                    "specversion": {"const": "1.0"},
                    **dict.fromkeys(("id", "type", "subject", "partitionkey"), _FILLED),
                    **dict.fromkeys(("source", "dataref"), _REFERENCE),
                    "time": _TIME,
                    "dataschema": {"type": "string", "format": "uri"},
                    "datacontenttype": _FILLED,
                    "data": {},
                    "data_base64": {"type": "string", "contentEncoding": "base64"},
                },
                *("specversion", "id", "source", "type"),
            ),
            "additionalProperties": {"type": ["string", "integer", "boolean", "null"]},
        },
        "Filter": {
            "type": "object",
            "oneOf": [_object({name: operand}, name) for name, operand in dialects.items()],
        },
    }


def _rehearsals() -> dict[str, Schema]:
    """Give what dry runs of filters take and answer."""
    warnings: Schema = {"type": "array", "items": _ref("Fault")}
    place: dict[str, Schema] = {"topic": _TEXT, "partition": _NUMBER, "position": _NUMBER}
    stretches: Schema = {"type": "array", "items": _object({**place, "end": _NUMBER})}
    sample = {**dict.fromkeys(("id", "source", "type", "topic"), _TEXT), "partition": _NUMBER}
    shown = {**sample, "offset": _NUMBER, "loggedAt": _TIME}
    filters: Schema = {"type": "array", "items": _ref("Filter")}
    counts = dict.fromkeys(("read", "matched", "invalid", "remaining"), _NUMBER)
    result: dict[str, Schema] = {
        "done": {"type": "boolean"},
        **counts,
        "byType": {"type": "array", "items": _ref("TypeCount")},
        "samples": {"type": "array", "items": _ref("Sample")},
        **dict.fromkeys(("partitions", "gaps"), stretches),
        "warnings": warnings,
    }
    return {
        "Rehearsal": _object({"filters": filters, "event": _ref("CloudEvent")}),
        "Verdict": _object(
            {
                "matches": {"type": "boolean"},
                "error": {"oneOf": [_ref("Fault"), {"type": "null"}]},
                "warnings": warnings,
            }
        ),
        "Sample": _object({**shown, "time": _TIME}, *shown),
        "TypeCount": _object({"type": _TEXT, "matched": _NUMBER}),
        "BacktestResult": _object({**result, "next": _TEXT}, *result),
    }


def _problem() -> dict[str, Schema]:
    """Give the problem document (RFC 9457)."""
    texts = dict.fromkeys(("type", "title", "detail", "instance"), _TEXT)
    faults: Schema = {"type": "array", "items": _ref("Fault")}
    document: dict[str, Schema] = {**texts, "status": _NUMBER, "errors": faults}
    place: Schema = {"type": "object", "properties": {"pointer": _TEXT, "name": _TEXT}}
    fault = _object({"in": _TEXT, "location": place, "code": _TEXT, "detail": _TEXT})
    return {"Problem": _object(document), "Fault": fault}


def _dutch(schema: Schema, owner: str) -> Schema:
    """Give a copy without the models' own sentences, each property described in Dutch."""
    copy = {name: value for name, value in schema.items() if name not in {"title", "description"}}
    for name in ("oneOf", "anyOf"):
        if name in copy:
            copy[name] = [_dutch(each, owner) for each in copy[name]]
    if isinstance(copy.get("items"), dict):
        copy["items"] = _dutch(copy["items"], owner)
    if "properties" in copy:
        copy["properties"] = {
            name: {**_dutch(each, owner), **_described(owner, name)}
            for name, each in copy["properties"].items()
        }
    return copy


def _described(owner: str, name: str) -> Schema:
    words = WORDS.get(f"{owner}.{name}") or WORDS.get(name)
    return {"description": words} if words else {}
