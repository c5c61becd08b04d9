"""The rules of the NLGov API Design Rules 2.1 that a program can check in an OpenAPI document.

A rule gives the places that break it; with each stands how to break it, so that none is a check
that cannot fail. What takes a running server is in test_house_rules.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bus.api.problem import CONTENT_TYPE

Document = dict[str, Any]
Places = Iterator[str]

METHODS = {"get", "post", "put", "patch", "delete"}
_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"
)
_KEBAB = re.compile(r"(/([a-z][a-z0-9]*(-[a-z0-9]+)*|\{[^}]+\}))+(/_[a-z]+(-[a-z]+)*)?")
_CAMEL = re.compile(r"[a-z][a-z0-9]*([A-Z][a-z0-9]*)*")


@dataclass(frozen=True)
class Rule:
    """One rule, and a change of a sound document that breaks it."""

    name: str
    broken_in: Callable[[Document], Places]
    breaks: Callable[[Document], object]


def resolved(document: Document, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference within the document, if this is one."""
    if "$ref" not in value:
        return value
    found: Any = document
    for step in value["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return resolved(document, found)


def operations(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give each operation with its place."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def responses(document: Document, first: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give each response whose status begins with one of these digits, with its place."""
    for place, operation in operations(document):
        for status, response in operation["responses"].items():
            if status[0] in first:
                yield f"{place} {status}", resolved(document, response)


def properties(document: Document) -> Iterator[tuple[str, str, Any]]:
    """Give each property of each schema, as deep as they go: place, name, schema."""

    def below(place: str, schema: Any) -> Iterator[tuple[str, str, Any]]:  # noqa: ANN401 - any JSON
        if isinstance(schema, list):
            for each in schema:
                yield from below(place, each)
        elif isinstance(schema, dict):
            for name, each in schema.get("properties", {}).items():
                yield f"{place}.{name}", name, each
                yield from below(f"{place}.{name}", each)
            for name in ("items", "oneOf", "anyOf", "allOf", "additionalProperties"):
                yield from below(place, schema.get(name))

    for name, schema in document["components"]["schemas"].items():
        yield from below(name, schema)


def _openapi_3(document: Document) -> Places:
    if not re.fullmatch(r"3\.\d+\.\d+", document.get("openapi", "")):
        yield "openapi"


def _contact(document: Document) -> Places:
    contact = document["info"].get("contact", {})
    yield from (
        f"info.contact.{name}" for name in ("name", "email", "url") if not contact.get(name)
    )


def _semver(document: Document) -> Places:
    if not _SEMVER.fullmatch(document["info"]["version"]):
        yield "info.version"


def _uri_version(document: Document) -> Places:
    major = document["info"]["version"].partition(".")[0]
    yield from (s["url"] for s in document["servers"] if not s["url"].endswith(f"/v{major}"))


def _tls(document: Document) -> Places:
    for server in document["servers"]:
        if not re.match(r"https://|http://127\.0\.0\.1:", server["url"]):
            yield server["url"]


def _no_trailing_slash(document: Document) -> Places:
    yield from (path for path in document["paths"] if path.endswith("/"))


def _kebab_case(document: Document) -> Places:
    paths = (path for path in document["paths"] if not path.endswith(".json"))
    yield from (path for path in paths if not _KEBAB.fullmatch(path.rstrip("/")))


def _collections(document: Document) -> Places:
    """Ask that what is followed by the name of one is called as several."""
    for path in document["paths"]:
        for name in re.findall(r"/([a-z-]+)/\{", path):
            if not name.endswith("s"):
                yield f"{path}: {name}"


def _methods(document: Document) -> Places:
    for place, _ in operations(document):
        if place.partition(" ")[0] not in METHODS:
            yield place


def _query_keys(document: Document) -> Places:
    for place, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "query" and not _CAMEL.fullmatch(parameter["name"]):
                yield f"{place} {parameter['name']}"


def _version_header(document: Document) -> Places:
    for place, response in responses(document, "2345"):
        if "API-Version" not in response.get("headers", {}):
            yield place


def _problem_details(document: Document) -> Places:
    for place, response in responses(document, "45"):
        content = response.get("content", {})
        schema = resolved(document, content.get(CONTENT_TYPE, {}).get("schema", {}))
        if list(content) != [CONTENT_TYPE] or not {"status", "title", "detail"} <= {
            *schema.get("properties", {})
        }:
            yield place


def _invalid_input(document: Document) -> Places:
    for place, operation in operations(document):
        if "400" not in operation["responses"] or "422" in operation["responses"]:
            yield place


def _times(document: Document) -> Places:
    for place, _, schema in properties(document):
        if schema.get("format") in {"date-time-local", "time", "time-local"}:
            yield place


def _dates(document: Document) -> Places:
    for place, name, schema in properties(document):
        if re.search(r"(?:^d|[a-z]D|_d)at(e|um)$", name) and schema.get("format") != "date":
            yield place


def _status(document: Document) -> Document:
    schemas: Document = document["components"]["schemas"]["Status"]["properties"]
    return schemas


def _first(document: Document) -> Document:
    found: Document = next(iter(document["paths"].values()))
    return next(iter(found.values()))  # type: ignore[no-any-return] # JSON


def _move(document: Document, path: str) -> None:
    document["paths"][path] = document["paths"].pop("/domains/{name}")


RULES = (
    Rule("doc-openapi", _openapi_3, lambda d: d.update(openapi="2.0")),
    Rule("doc-openapi-contact", _contact, lambda d: d["info"]["contact"].pop("email")),
    Rule("semver", _semver, lambda d: d["info"].update(version="1.0")),
    Rule("uri-version", _uri_version, lambda d: d["servers"][0].update(url="https://x/v2")),
    Rule("transport/tls", _tls, lambda d: d["servers"][0].update(url="http://x.nl/v1")),
    Rule("no-trailing-slash", _no_trailing_slash, lambda d: _move(d, "/domains/")),
    Rule("path-segments-kebab-case", _kebab_case, lambda d: _move(d, "/eventTypes/{name}")),
    Rule("naming-collections", _collections, lambda d: _move(d, "/domain/{name}")),
    Rule("http-methods", _methods, lambda d: d["paths"].update({"/x": {"trace": {}}})),
    Rule(
        "query-keys-camel-case",
        _query_keys,
        lambda d: _first(d)["parameters"].append({"name": "page_size", "in": "query"}),
    ),
    Rule(
        "version-header",
        _version_header,
        lambda d: d["components"]["responses"]["Problem400"]["headers"].clear(),
    ),
    Rule(
        "error-handling/problem-details",
        _problem_details,
        lambda d: d["components"]["schemas"]["Problem"]["properties"].pop("title"),
    ),
    Rule(
        "error-handling/invalid-input", _invalid_input, lambda d: _first(d)["responses"].pop("400")
    ),
    Rule(
        "date-time/timezone", _times, lambda d: _status(d).update(at={"format": "date-time-local"})
    ),
    Rule(
        "date-time/date-omit-time-portion",
        _dates,
        lambda d: _status(d).update(startDate={"format": "date-time"}),
    ),
)
"""By their names below https://gitdocumentatie.logius.nl/publicatie/api/adr/2.1.0/#/core/."""
