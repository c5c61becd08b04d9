"""/v1/openapi.json: the OpenAPI 3.1 document, made from the table of operations."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from bus.api.examples import body
from bus.api.house import Contact
from bus.api.operation import Content, Operation, Outcome
from bus.api.refusals import REFUSALS
from bus.api.schemas import schemas
from bus.api.shapes import REF
from bus.api.webhooks import RECEIVE, webhooks

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
    "letter": "Kenmerk van het onbestelbare bericht.",
    "type": "Naam van de soort gebeurtenis.",
    "version": "Nummer van de versie van het schema.",
}
_EVERY_ANSWER = {"API-Version": {"$ref": "#/components/headers/API-Version"}}


def build(
    operations: Sequence[Operation], *, version: str, public_url: str, contact: Contact
) -> bytes:
    """Write the document for these operations, all of them below `/v1`."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = paths.setdefault(operation.path.removeprefix(BASE), {})
        path[operation.method.lower()] = _operation(operation)
    tags = dict.fromkeys([*(operation.tag for operation in operations), RECEIVE])
    problem = {"$ref": f"{REF}Problem"}
    answered = sorted({status for operation in operations for status in _errors(operation)})
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": _info(version, contact),
            "servers": [{"url": public_url + BASE}],
            "tags": [{"name": tag} for tag in tags],
            "paths": paths,
            "webhooks": webhooks(),
            "components": {
                "schemas": schemas(),
                "responses": {
                    f"Problem{status}": REFUSALS[status].described(_EVERY_ANSWER, problem)
                    for status in answered
                },
                "headers": {
                    "API-Version": {
                        "description": "Volledige versie van deze API.",
                        "schema": {"type": "string", "examples": [version]},
                    }
                },
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
            **{
                str(status): {"$ref": f"#/components/responses/Problem{status}"}
                for status in _errors(operation)
            },
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
    named = [
        {"name": p.name, "in": p.where, "description": p.description, "schema": p.schema}
        for p in operation.parameters
    ]
    return path + named


def _errors(operation: Operation) -> list[int]:
    """Give the errors an operation can answer with, from what its row says."""
    found = {*operation.errors, 400, 500}  # a query that is not known here is refused everywhere
    if operation.roles is not None:
        found |= {401, 403, 503}
    if operation.body is not None:
        found |= {408, 413, 415}
    if "{" in operation.path:
        found.add(404)
    return sorted(found)


def _outcome(outcome: Outcome) -> dict[str, Any]:
    headers: Mapping[str, Any] = {
        name: {"description": text, "schema": {"type": "string"}}
        for name, text in outcome.headers.items()
    }
    described: dict[str, Any] = {
        "description": outcome.description,
        "headers": {**_EVERY_ANSWER, **headers},
    }
    if outcome.content is not None:
        forms = [_bodies(content) for content in (outcome.content, *outcome.also)]
        described["content"] = {name: each for form in forms for name, each in form.items()}
    return described


def _bodies(content: Content) -> dict[str, Any]:
    return {media_type: body(media_type, content.schema) for media_type in content.media_types}
