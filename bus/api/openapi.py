"""/v1/openapi.json: the OpenAPI 3.1 document, made from the table of operations."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson

from bus.api.house import Contact
from bus.api.operation import Content, Operation, Outcome
from bus.api.problem import CONTENT_TYPE
from bus.api.schemas import REF, schemas

BASE = "/v1"
_PARAMETER = re.compile(r"\{([a-z]+)\}")

_ABOUT = (
    "De Gemeentebus brengt gebeurtenissen van registers naar componenten: in volgorde, minstens één"
    " keer, en alleen naar wie ze mag lezen. Gebeurtenissen zijn CloudEvents 1.0; foutmeldingen"
    " zijn `application/problem+json` en noemen elke fout."
)
_PATH = {
    "id": "Kenmerk van het abonnement.",
    "name": "Naam van het domein.",
    "topic": "Naam van het topic.",
}
_EVERY_ANSWER = {
    "API-Version": {
        "description": "Volledige versie van deze API.",
        "schema": {"type": "string"},
    }
}
_ERRORS = {
    400: "Ongeldige invoer; elke fout wordt genoemd.",
    401: "Geen, een onbekend of een verlopen token.",
    403: "Dit mag niet met dit token.",
    404: "Niet gevonden.",
    409: "In strijd met wat er al is.",
    412: "Intussen gewijzigd.",
    413: "Te groot.",
    415: "Verkeerd mediatype.",
    503: "Log of opslag is even weg; probeer het opnieuw.",
}


def build(
    operations: Sequence[Operation], *, version: str, public_url: str, contact: Contact
) -> bytes:
    """Write the document for these operations, all of them below `/v1`."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = paths.setdefault(operation.path.removeprefix(BASE), {})
        path[operation.method.lower()] = _operation(operation)
    tags = dict.fromkeys(operation.tag for operation in operations)
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": _info(version, contact),
            "servers": [{"url": public_url + BASE}],
            "tags": [{"name": tag} for tag in tags],
            "paths": paths,
            "components": {
                "schemas": schemas(),
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _info(version: str, contact: Contact) -> dict[str, Any]:
    return {
        "title": "Gemeentebus",
        "description": _ABOUT,
        "version": version,
        "contact": {
            "name": "Beheer van de Gemeentebus",
            "email": contact.email,
            "url": contact.url,
        },
        "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": _description(operation),
        "security": [] if operation.roles is None else [{"bearer": []}],
        "parameters": _parameters(operation),
        "responses": {
            **{str(s): _outcome(outcome) for s, outcome in operation.outcomes.items()},
            **{str(status): _error(status) for status in _errors(operation)},
        },
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _bodies(operation.body)}
    return described


def _description(operation: Operation) -> str:
    if operation.roles is None:
        return f"{operation.description} Zonder token.".strip()
    roles = " of ".join(sorted(operation.roles))
    return f"{operation.description} Vraagt een token met de rol {roles}.".strip()


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    text = {"type": "string"}
    path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH[name],
            "schema": text,
        }
        for name in _PARAMETER.findall(operation.path)
    ]
    query = [
        {"name": p.name, "in": "query", "description": p.description, "schema": p.schema}
        for p in operation.parameters
    ]
    return path + query


def _errors(operation: Operation) -> list[int]:
    """Give the errors an operation can answer with, from what its row says."""
    found = {*operation.errors}
    if operation.roles is not None:
        found |= {401, 403, 503}
    if operation.body is not None:
        found |= {400, 413, 415}
    if operation.parameters:
        found.add(400)
    if "{" in operation.path:
        found.add(404)
    return sorted(found)


def _outcome(outcome: Outcome) -> dict[str, Any]:
    headers: Mapping[str, Any] = {
        name: {"description": text, "schema": {"type": "string"}}
        for name, text in outcome.headers.items()
    }
    described = {"description": outcome.description, "headers": {**_EVERY_ANSWER, **headers}}
    if outcome.content is not None:
        described["content"] = _bodies(outcome.content)
    return described


def _bodies(content: Content) -> dict[str, Any]:
    one = {"$ref": REF + content.schema}
    return {media_type: {"schema": _schema(media_type, one)} for media_type in content.media_types}


def _schema(media_type: str, one: dict[str, Any]) -> dict[str, Any]:
    if "batch" in media_type:
        return {"type": "array", "items": one}
    return {} if media_type == "*/*" else one  # in binary mode the body is data of any kind


def _error(status: int) -> dict[str, Any]:
    schema = {"schema": {"$ref": f"{REF}Problem"}}
    text = _ERRORS.get(status, HTTPStatus(status).phrase)
    return {"description": text, "headers": _EVERY_ANSWER, "content": {CONTENT_TYPE: schema}}
