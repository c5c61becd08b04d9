"""What a version of a schema may change, by the mode of its type; and what stands in the way."""

import json
from typing import Any

import pytest

from bus.catalogue import Schema
from bus.catalogue.compatibility import Mode, incompatibilities

OPEN: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string", "maxLength": 5}, "b": {"enum": ["x", "y"]}},
    "required": ["a"],
}
CLOSED = {**OPEN, "additionalProperties": False}
WITH_C = {**OPEN["properties"], "c": {"type": "string"}}
ONLY_A = {"a": OPEN["properties"]["a"]}
TREE = ("/$defs/tak/type", "not-proven")
DRAFT_07 = {"$schema": "http://json-schema.org/draft-07/schema#"}


def tree(**keywords: object) -> dict[str, Any]:
    """Give a schema of a tree, with more keywords for its nodes."""
    node = {"properties": {"boven": {"$ref": "#/$defs/tak"}}, **keywords}
    return {"$defs": {"tak": node}, "$ref": "#/$defs/tak"}


def found(last: object, new: object, mode: Mode) -> set[tuple[str, str]]:
    """Give what stands in the way."""
    faults = incompatibilities(Schema(json.dumps(last)), Schema(json.dumps(new)), mode)
    return {(fault.where, fault.code) for fault in faults}


def a(**keywords: object) -> dict[str, Any]:
    """Give the open schema with other keywords for its property a."""
    properties = {**OPEN["properties"], "a": {**OPEN["properties"]["a"], **keywords}}
    return {**OPEN, "properties": properties}


@pytest.mark.parametrize(
    ("last", "new", "backward", "forward"),
    [
        # words say nothing
        (OPEN, {**OPEN, "title": "x", "$comment": "y"}, None, None),
        (OPEN, a(description="x"), None, None),
        # an optional property: an open schema already allowed it, of any type
        (OPEN, {**OPEN, "properties": WITH_C}, ("/properties/c", "incompatible"), None),
        (CLOSED, {**CLOSED, "properties": WITH_C}, None, ("/properties/c", "not-proven")),
        (CLOSED, {**CLOSED, "properties": ONLY_A}, ("/properties/b", "not-proven"), None),
        (OPEN, {**OPEN, "properties": ONLY_A}, None, ("/properties/b", "incompatible")),
        # required or not
        (OPEN, {**OPEN, "required": ["a", "b"]}, ("/required", "incompatible"), None),
        (OPEN, {**OPEN, "required": []}, None, ("/required", "incompatible")),
        # narrower, wider
        (OPEN, a(maxLength=4), ("/properties/a/maxLength", "incompatible"), None),
        (OPEN, a(maxLength=6), None, ("/properties/a/maxLength", "incompatible")),
        (OPEN, a(format="date"), ("/properties/a/format", "incompatible"), None),
        (OPEN, a(type=["string", "null"]), None, ("/properties/a/type", "incompatible")),
        (
            {"enum": ["x"]},
            {"enum": ["x", "y"]},
            None,
            ("/enum", "incompatible"),
        ),
        ({"type": "integer"}, {"type": "number"}, None, ("/type", "not-proven")),
        (OPEN, CLOSED, ("/additionalProperties", "not-proven"), None),
        # said in other words
        ({"$ref": "#/$defs/x", "$defs": {"x": OPEN}}, OPEN, None, None),
        # what cannot be compared
        (OPEN, {**OPEN, **DRAFT_07}, ("/$schema", "not-proven"), ("/$schema", "not-proven")),
        (tree(), tree(type="object"), TREE, TREE),
    ],
)  # fmt: skip
def test_what_may_change(
    last: object,
    new: object,
    backward: tuple[str, str] | None,
    forward: tuple[str, str] | None,
) -> None:
    """Backward asks that old data is good by the new version, forward the reverse, full both."""
    back, forth = ({each} if each else set() for each in (backward, forward))
    assert found(last, new, "backward") == back
    assert found(last, new, "forward") == forth
    assert found(last, new, "full") == back | forth
    assert found(last, new, "none") == set()


def test_only_the_guilty_differences_are_named() -> None:
    """A difference that is fine by itself is not in the answer."""
    new = {**a(maxLength=4, description="x"), "required": []}
    assert found(OPEN, new, "backward") == {("/properties/a/maxLength", "incompatible")}


def test_differences_that_only_together_are_in_the_way() -> None:
    """Where none is guilty by itself, all are named."""
    last = {"type": "integer", "anyOf": [{"minimum": 0}, {"maximum": 10}]}
    new = {"type": "integer", "anyOf": [{"minimum": 6}, {"maximum": 4}]}
    assert {where for where, _ in found(last, new, "backward")} == {
        "/anyOf/0/minimum",
        "/anyOf/1/maximum",
    }
