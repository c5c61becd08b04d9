"""The OpenAPI document of the running server: sound, by the design rules, with true examples."""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

from bus.api.problem import CONTENT_TYPE
from consumers.sinks.outcome import Temporary, classify
from tests.contract.api.bus_under_test import BATCH, STRUCTURED, Bus
from tests.contract.api.design_rules import (
    RULES,
    Document,
    Rule,
    operations,
    properties,
    resolved,
    responses,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def document(bus: Bus) -> Document:
    """Give the document as anybody may read it."""
    reply = await bus.call("GET", "/v1/openapi.json", who=None)
    found: Document = reply.json
    return found


async def test_it_is_openapi_3_1(document: Document) -> None:
    """By the validator of the OpenAPI community: references, parameters and ids included."""
    assert [str(e) for e in OpenAPIV31SpecValidator(document).iter_errors()] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
async def test_a_design_rule(document: Document, rule: Rule) -> None:
    """The document keeps the rule; one that breaks it would be found out."""
    assert list(rule.broken_in(document)) == []
    broken = copy.deepcopy(document)
    rule.breaks(broken)
    assert list(rule.broken_in(broken)) != []


async def test_every_field_and_operation_is_described(document: Document) -> None:
    """Each property has a sentence, each operation a summary; ids are verbs in camelCase."""
    assert [
        place for place, _, schema in properties(document) if not schema.get("description")
    ] == []
    tags = {tag["name"] for tag in document["tags"]}
    for place, operation in [*operations(document), *_webhooks(document)]:
        assert operation["summary"], place
        assert operation["description"], place
        assert set(operation["tags"]) <= tags, place
        assert operation["operationId"].isalpha(), place
        assert operation["operationId"][0].islower(), place
        for parameter in operation["parameters"]:
            assert parameter["description"], place


async def test_every_body_has_examples_that_its_schema_takes(document: Document) -> None:
    """Of every request, every answer and every error."""
    bodies = list(_bodies(document))
    for place, body in bodies:
        assert body["examples"], place
        for name, example in body["examples"].items():
            assert _faults(document, body["schema"], example["value"]) == [], f"{place} {name}"
    assert len(bodies) > len(list(operations(document)))


async def test_an_example_that_is_wrong_would_be_found(document: Document) -> None:
    """Types, what is missing, what is too much, and formats are looked at."""
    event = {"$ref": "#/components/schemas/CloudEvent"}
    good = {"specversion": "1.0", "id": "1", "source": "/", "type": "t"}
    assert _faults(document, event, good) == []
    for change in ({"id": 7}, {"id": ""}, {"time": "today"}, {"specversion": "0.3"}, {"a": 1.5}):
        assert _faults(document, event, {**good, **change}) != [], change
    wish = {"$ref": "#/components/schemas/SubscriptionRequest"}
    assert _faults(document, wish, {"sink": "https://x", "protocol": "HTTP", "extra": 1}) != []


async def test_every_error_is_described_with_its_like(document: Document) -> None:
    """An example of an error is a problem of the same status."""
    for place, response in responses(document, "45"):
        (example,) = response["content"][CONTENT_TYPE]["examples"].values()
        assert str(example["value"]["status"]) == place.rpartition(" ")[2]


async def test_every_role_and_body_brings_its_errors(document: Document) -> None:
    """Who may be refused for a token or a body can read so."""
    for place, operation in operations(document):
        statuses = set(operation["responses"])
        assert statuses >= {"400", "500"}, place
        if operation["security"]:
            assert statuses >= {"401", "403", "503"}, place
        if "requestBody" in operation:
            assert statuses >= {"408", "413", "415"}, place


async def test_what_the_bus_does_with_each_answer_is_told(document: Document) -> None:
    """The description of the deliveries tells answers apart exactly as the sender does."""
    deliveries = [item["post"] for item in document["webhooks"].values() if "post" in item]
    assert len(deliveries) == 3
    meanings: dict[str, set[str]] = {}
    for told in (delivery["responses"] for delivery in deliveries):
        for status in range(200, 600):
            answer = told.get(str(status)) or told[f"{status // 100}XX"]
            outcome = classify(status, 7.0)
            meanings.setdefault(type(outcome).__name__, set()).add(answer["description"])
            waits = isinstance(outcome, Temporary)
            assert waits == ("Retry-After" in answer.get("headers", {})), status
    assert all(len(descriptions) == 1 for descriptions in meanings.values()), meanings
    assert len(set.union(*meanings.values())) == len(meanings)


async def test_examples_of_requests_are_taken(bus: Bus, document: Document) -> None:
    """What the document shows is what the server takes: each example, in each of its forms."""
    paths = document["paths"]
    events = paths["/events"]["post"]["requestBody"]["content"]
    for media_type in (STRUCTURED, BATCH):
        for name, example in events[media_type]["examples"].items():
            body = json.dumps(example["value"]).encode()
            headers = {"Content-Type": media_type}
            reply = await bus.call("POST", "/v1/events", body=body, headers=headers)
            assert reply.status == 202, f"{name}: {reply.text}"
    wishes = paths["/subscriptions"]["post"]["requestBody"]["content"]["application/json"]
    made = []
    for name, example in wishes["examples"].items():
        text = json.dumps(example["value"])
        wish = json.loads(text.replace("https://dossier.example.nl", "http://127.0.0.1:9"))
        made.append(await bus.call("POST", "/v1/subscriptions", json=wish))
        assert made[-1].status == 201, f"{name}: {made[-1].text}"
    path = made[-1].headers["Location"]
    patches = paths["/subscriptions/{id}"]["patch"]["requestBody"]["content"]["application/json"]
    for name, example in patches["examples"].items():
        reply = await bus.call("PATCH", path, json=example["value"])
        assert reply.status == 200, f"{name}: {reply.text}"
    for each in made:
        await bus.call("DELETE", each.headers["Location"])


async def test_examples_of_answers_are_like_the_answers(bus: Bus, document: Document) -> None:
    """They have the members that the server's own answers have."""
    shown = document["paths"]["/subscriptions"]["post"]["responses"]["201"]["content"]
    (example,) = shown["application/json"]["examples"].values()
    wish = {"sink": "http://127.0.0.1:9/e", "protocol": "HTTP", "filters": [], "types": []}
    made = await bus.call("POST", "/v1/subscriptions", json=wish)
    assert set(made.json) == set(example["value"])
    for path, place in (("/domains", "/v1/domains"), ("/topics", "/v1/topics")):
        content = document["paths"][path]["get"]["responses"]["200"]["content"]
        (example,) = content["application/json"]["examples"].values()
        (reply,) = (await bus.call("GET", place)).json["items"][:1]
        assert set(reply) <= set(example["value"]["items"][0]) | {"keyAttribute"}
    await bus.call("DELETE", made.headers["Location"])


def _webhooks(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, item in document["webhooks"].items():
        yield from ((f"{method} {name}", operation) for method, operation in item.items())


def _bodies(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for place, operation in [*operations(document), *_webhooks(document)]:
        for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{place} {media_type}", body
        for status, response in operation["responses"].items():
            for media_type, body in resolved(document, response).get("content", {}).items():
                yield f"{place} {status} {media_type}", body


def _faults(document: Document, schema: Mapping[str, Any], example: object) -> list[str]:
    whole = {**schema, "components": document["components"]}
    validator = Draft202012Validator(whole, format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(example)]
