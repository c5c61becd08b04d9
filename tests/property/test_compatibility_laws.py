"""The law of compatibility: what a version is proven to take, it takes."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.catalogue import Schema, parse_schema
from bus.catalogue.compatibility import incompatibilities

NAMES = st.sampled_from(["a", "b", "ab"])
SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, -2.5, 2**53])
    | st.sampled_from(["", "a", "ab", "b", "2026-11-25", "é"])
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
KEYWORDS: dict[str, st.SearchStrategy[Any]] = {
    "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
    "enum": st.lists(SCALARS, min_size=1, max_size=3, unique_by=json.dumps),
    "const": VALUES,
    "minimum": st.integers(-2, 2),
    "exclusiveMaximum": st.integers(-2, 3),
    "multipleOf": st.sampled_from([1, 2, 0.5]),
    "minLength": st.integers(0, 2),
    "maxLength": st.integers(0, 2),
    "pattern": st.sampled_from(["a", "^a$", "^[ab]*$"]),
    "format": st.sampled_from(["date", "uri"]),
    "required": st.lists(NAMES, max_size=2, unique=True),
    "minProperties": st.integers(0, 2),
    "maxProperties": st.integers(0, 2),
    "minItems": st.integers(0, 2),
    "maxItems": st.integers(0, 2),
    "uniqueItems": st.booleans(),
}


def _with(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    below = inner | st.booleans()
    several = st.lists(below, min_size=1, max_size=2)
    nested: dict[str, st.SearchStrategy[Any]] = {
        "properties": st.dictionaries(NAMES, below, max_size=2),
        "patternProperties": st.dictionaries(st.sampled_from(["a", "^b"]), below, max_size=1),
        "additionalProperties": below,
        "propertyNames": below,
        "dependentSchemas": st.dictionaries(NAMES, below, max_size=1),
        "items": below,
        "prefixItems": several,
        "contains": below,
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "not": below,
        "if": below,
        "then": below,
        "else": below,
        "unevaluatedProperties": below,
    }
    return st.fixed_dictionaries({}, optional=KEYWORDS | nested).map(_few)


def _few(keywords: dict[str, Any]) -> dict[str, Any]:
    return dict(list(keywords.items())[:5])


SCHEMAS = st.recursive(st.fixed_dictionaries({}, optional=KEYWORDS).map(_few), _with, max_leaves=4)


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give a schema and another, or one that differs from it in one keyword."""
    last = draw(SCHEMAS)
    if draw(st.booleans()):
        return last, draw(SCHEMAS)
    changed = {**last, **_few(draw(SCHEMAS))}
    if changed and draw(st.booleans()):
        del changed[draw(st.sampled_from(sorted(changed)))]
    return last, changed


@settings(max_examples=400)
@given(neighbours(), st.lists(VALUES, min_size=1, max_size=8))
def test_what_is_proven_is_so(
    pair: tuple[dict[str, Any], dict[str, Any]], values: list[Any]
) -> None:
    """Data of the last version is good by one that is backward compatible; forward, the reverse."""
    last, new = (parse_schema(json.dumps(each).encode()) for each in pair)
    backward = not incompatibilities(last, new, "backward")
    forward = not incompatibilities(last, new, "forward")
    for value in values:
        data = json.dumps(value).encode()
        old, young = not last.faults(data), not new.faults(data)
        assert not (backward and old) or young, (pair, value)
        assert not (forward and young) or old, (pair, value)


@given(SCHEMAS)
def test_the_same_is_not_in_the_way(document: dict[str, Any]) -> None:
    """A schema is compatible with itself wherever that can be proven, and names no place then."""
    schema = Schema(json.dumps(document))
    assert {fault.where for fault in incompatibilities(schema, schema, "full")} <= {""}
