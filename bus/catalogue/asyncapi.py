"""The AsyncAPI 3.1 document: every domain and event type, in the log and as it is delivered."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from bus.catalogue.domain import Domain, Domains
from bus.catalogue.embedding import embedded
from bus.catalogue.event_type import EventType, EventTypes

Json = dict[str, Any]

_ABOUT: Final = (
    "Registers publiceren CloudEvents 1.0 via HTTP; componenten krijgen ze op hun eigen adres"
    " (webhook), ondertekend volgens Standard Webhooks, per sleutel op volgorde en minstens één"
    " keer. Het log zelf is Kafka, met per domein één topic."
)
_ANY: Final = "CloudEvent"
_ENVELOPE: Final = {
    "id": "Kenmerk van de gebeurtenis, uniek binnen de bron.",
    "source": "De bron, bij voorkeur urn:nld:oin:… .",
    "type": "Soort gebeurtenis.",
    "specversion": "Versie van CloudEvents.",
}
_OPTIONAL: Final = {
    "time": "Moment, zoals de soort het beschrijft.",
    "subject": "Waar de gebeurtenis over gaat.",
    "dataref": "Waar de gegevens bij de bron te bevragen zijn.",
    "dataschema": "Schema van de data.",
    "partitionkey": "Gebeurtenissen met dezelfde waarde blijven op volgorde.",
    "datacontenttype": "Mediatype van de data.",
}
_WEBHOOK_HEADERS: Final = {
    "webhook-id": "Kenmerk van de aflevering; bij herhaling hetzelfde.",
    "webhook-timestamp": "Moment van deze poging, in seconden sinds 1970.",
    "webhook-signature": "Handtekening volgens Standard Webhooks.",
}


def asyncapi(
    domains: Domains,
    types: EventTypes,
    *,
    public_url: str,
    version: str,
    contact: Mapping[str, str],
) -> Json:
    """Give the document; every $ref in it leads to a place in it."""
    by_domain = {
        domain: sorted((each for each in types if each.domain == domain.name), key=_name)
        for domain in sorted(domains, key=lambda domain: domain.name)
    }
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Gemeentebus",
            "version": version,
            "description": _ABOUT,
            "contact": dict(contact),
            "license": {"name": "EUPL-1.2"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(public_url),
        "channels": _channels(by_domain),
        "operations": _operations(by_domain),
        "components": {
            "messages": _messages(by_domain),
            "schemas": _schemas(by_domain),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _name(each: EventType) -> str:
    return each.type


ByDomain = Mapping[Domain, list[EventType]]


def _servers(public_url: str) -> Json:
    parts = urlsplit(public_url)
    return {
        "api": {
            "host": parts.netloc,
            "pathname": f"{parts.path}/v1",
            "protocol": parts.scheme,
            "security": [_ref("components", "securitySchemes", "bearer")],
        },
        "log": {
            "host": "{bootstrap}",
            "protocol": "kafka",
            "description": "Het log; alleen binnen de eigen omgeving.",
            "variables": {"bootstrap": {"description": "Op te vragen bij de beheerder."}},
        },
    }


def _channels(by_domain: ByDomain) -> Json:
    whole = [_message(each.type, "http") for types in by_domain.values() for each in types]
    http = {each: _ref("components", "messages", each) for each in [*whole, _message(_ANY, "http")]}
    return {
        "publish": {
            "address": "/events",
            "title": "Publiceren",
            "description": "Een gebeurtenis, structured; binary mode en batches gaan ook.",
            "servers": [_ref("servers", "api")],
            "messages": http,
        },
        "webhook": {
            "address": None,
            "title": "Afleveren",
            "description": "De sink van een abonnement: een eigen adres van de component.",
            "messages": http,
        },
        **{f"log.{domain.name}": _topic(domain, types) for domain, types in by_domain.items()},
    }


def _topic(domain: Domain, types: Iterable[EventType]) -> Json:
    names = [each.type for each in types]
    if domain.unknown_types == "accept":
        names.append(_ANY)
    return {
        "address": domain.topic,
        "title": domain.name,
        "description": domain.description or f"Domein {domain.name}.",
        "servers": [_ref("servers", "log")],
        "messages": {
            each: _ref("components", "messages", each)
            for each in (_message(name, "kafka") for name in names)
        },
        "bindings": {
            "kafka": {
                "topic": domain.topic,
                "partitions": domain.partitions,
                "topicConfiguration": {"retention.ms": domain.retention_days * 86_400_000},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations(by_domain: ByDomain) -> Json:
    post = {"http": {"method": "POST", "bindingVersion": "0.3.0"}}
    return {
        "publishEvent": {
            "action": "receive",
            "title": "Publiceer een gebeurtenis",
            "channel": _ref("channels", "publish"),
            "bindings": post,
        },
        "deliverEvent": {
            "action": "send",
            "title": "Lever een gebeurtenis af",
            "channel": _ref("channels", "webhook"),
            "bindings": post,
        },
        **{
            f"log.{domain.name}": {
                "action": "send",
                "title": f"Neem op in het log van {domain.name}",
                "channel": _ref("channels", f"log.{domain.name}"),
            }
            for domain in by_domain
        },
    }


def _messages(by_domain: ByDomain) -> Json:
    found: Json = {
        _message(_ANY, "http"): _http(_ANY, {"$ref": "#/components/schemas/CloudEvent"}),
        _message(_ANY, "kafka"): _kafka(_ANY, _attributes("ce_", {"type": "string"}), None),
    }
    for domain, types in by_domain.items():
        for each in types:
            type_ = {"const": each.type, "type": "string"}
            payload: Json = {
                "allOf": [
                    {"$ref": "#/components/schemas/CloudEvent"},
                    {"type": "object", "properties": {"type": type_}},
                ]
            }
            data = None
            if each.latest is not None:
                data = {"$ref": f"#/components/schemas/{each.type}"}
                payload["allOf"][1]["properties"]["data"] = data
            about = _about(domain, each)
            found[_message(each.type, "http")] = {**_http(each.type, payload), **about}
            headers = _attributes("ce_", type_)
            found[_message(each.type, "kafka")] = {**_kafka(each.type, headers, data), **about}
    return found


def _about(domain: Domain, each: EventType) -> Json:
    poor = "informatiearm: de gegevens zijn bij de bron te bevragen"
    kind = poor if each.information == "poor" else "informatierijk: de gegevens gaan mee"
    about: Json = {
        "summary": each.description,
        "description": f"`time`: {each.time_meaning}\n\nDeze soort is {kind}.",
        "tags": [{"name": domain.name}],
        "x-organisation": domain.organisation,
    }
    if each.documentation is not None:
        about["externalDocs"] = {"url": each.documentation}
    if each.deprecation is not None:
        about["deprecated"] = True
    return about


def _http(name: str, payload: Json) -> Json:
    return {
        "name": name,
        "title": name,
        "contentType": "application/cloudevents+json",
        "headers": {
            "type": "object",
            "properties": {
                header: {"type": "string", "description": text}
                for header, text in _WEBHOOK_HEADERS.items()
            },
        },
        "payload": payload,
    }


def _kafka(name: str, headers: Json, data: Json | None) -> Json:
    key = {"type": "string", "description": "Wat de volgorde bepaalt."}
    return {
        "name": name,
        "title": name,
        "contentType": "application/json",
        "headers": headers,
        **({} if data is None else {"payload": data}),
        "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
    }


def _schemas(by_domain: ByDomain) -> Json:
    found: Json = {_ANY: _attributes("", {"type": "string"})}
    found[_ANY]["properties"]["data"] = {"description": "De gegevens."}
    for types in by_domain.values():
        for each in types:
            if each.latest is not None:
                at = f"#/components/schemas/{each.type}"
                found[each.type] = embedded(each.latest.schema, at)
    return found


def _attributes(prefix: str, type_: Json) -> Json:
    """Give the schema of the context attributes; in headers their names have a prefix."""
    properties: Json = {
        prefix + name: {"type": "string", "description": text}
        for name, text in {**_ENVELOPE, **_OPTIONAL}.items()
    }
    properties[f"{prefix}specversion"] |= {"const": "1.0"}
    properties[f"{prefix}type"] |= type_
    if prefix:  # in Kafka the media type has the header that it has everywhere
        properties["content-type"] = properties.pop(f"{prefix}datacontenttype")
    return {
        "type": "object",
        "properties": properties,
        "required": [prefix + name for name in _ENVELOPE],
    }


def _message(type_: str, binding: str) -> str:
    return f"{type_}.{binding}"


def _ref(*steps: str) -> Json:
    return {"$ref": "#/" + "/".join(steps)}
