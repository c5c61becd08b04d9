"""A JSON Schema: what is taken for one, and what it says of data without repeating any."""

import json
from typing import Any

import pytest

from bus.catalogue import Schema, parse_schema
from bus.document import InvalidDocument

DRAFT_07 = "http://json-schema.org/draft-07/schema#"
PERSONAL = "999990342"


def refused(document: object) -> set[tuple[str, str]]:
    """Give where and why this is no schema of ours."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(InvalidDocument) as refusal:
        parse_schema(body)
    return {(fault.where, fault.code) for fault in refusal.value.faults}


def schema(**keywords: Any) -> Schema:  # noqa: ANN401 - keywords of JSON Schema
    """Give a schema of these keywords."""
    return parse_schema(json.dumps(keywords).encode())


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (b"", ("", "not-json")),
        (b"true", ("", "not-an-object")),
        ({"type": "tekst"}, ("/type", "not-a-schema")),
        ({"properties": {"a": {"minimum": "1"}}}, ("/properties/a/minimum", "not-a-schema")),
        ({"$schema": DRAFT_07, "not": {"type": 1}}, ("/not/type", "not-a-schema")),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, ("/$schema", "unknown-draft")),
        ({"$schema": 7}, ("/$schema", "unknown-draft")),
        ({"pattern": "("}, ("/pattern", "not-a-schema")),
        ({"pattern": "(?=a)b"}, ("/pattern", "not-a-schema")),
        ({"pattern": "(a)\\1"}, ("/pattern", "not-a-schema")),
        ({"$ref": "#/$defs/weg"}, ("", "not-a-schema")),
        ({"$ref": "https://elders.example/x.json"}, ("/$ref", "not-local")),
        ({"$ref": "file:///etc/passwd"}, ("/$ref", "not-local")),
        ({"items": [{"$ref": "andere.json"}]}, ("/items/0/$ref", "not-local")),
        ({"properties": {"$ref": {}}}, ("/properties/$ref", "not-local")),
        ({"enum": [{"$ref": "#"}]}, ("/enum/0/$ref", "not-local")),
        ({"$dynamicRef": "#x"}, ("/$dynamicRef", "not-local")),
        ({"$defs": {"a": {"$id": "https://x.example/"}}}, ("/$defs/a/$id", "not-local")),
        ({"$defs": {"a": {"$anchor": "a"}}}, ("/$defs/a/$anchor", "not-local")),
    ],
)  # fmt: skip
def test_what_is_no_schema(document: object, fault: tuple[str, str]) -> None:
    """Nothing unsound, of another draft, that points outside itself, or that can run for ever."""
    assert fault in refused(document)


def test_a_schema_keeps_its_text() -> None:
    """It is given back as it was sent; a property may have the name of a keyword."""
    text = ' {"properties": {"$id": {"type": "string"}, "enum": {"$ref": "#"}}, "type":"object"}'
    found = parse_schema(text.encode())
    assert (found.text, found.draft) == (text, "2020-12")
    assert found == Schema(text.replace(" ", ""))
    assert schema(**{"$schema": DRAFT_07}).draft == "draft-07"


def test_faults_are_named_with_their_place_in_the_data() -> None:
    """Each has a pointer and the keyword; a missing property is named where it should be."""
    strict = schema(
        properties={
            "a": {"type": "string", "pattern": "^[a-z]+$"},
            "b": {"type": "array", "items": {"maximum": 5}},
            "c": {"format": "date"},
            "d/e": {"enum": ["x"]},
        },
        required=["f"],
    )
    data = b'{"a": "A", "b": [1, 9], "c": "gisteren", "d/e": "y"}'
    assert {(fault.where, fault.code) for fault in strict.faults(data)} == {
        ("/a", "pattern"),
        ("/b/1", "maximum"),
        ("/c", "format"),
        ("/d~1e", "enum"),
        ("/f", "required"),
    }
    assert strict.faults(b'{"f": 1}') == []


def test_nothing_of_the_data_is_repeated() -> None:
    """Neither values nor names that the publisher chose: the fault stands above those."""
    strict = schema(
        properties={
            "a": {"type": "integer"},
            "b": {"const": "x"},
            "c": {"additionalProperties": {"type": "integer"}},
            "d": {"propertyNames": {"maxLength": 2}},
            "e": {"oneOf": [{"type": "integer"}, {"maxLength": 1}]},
            "f": {"patternProperties": {"^9": {"items": {"type": "integer"}}}},
            "g": {"not": {"type": "string"}},
            "h": {"dependentRequired": {"x": ["y"]}},
            "i": {"unevaluatedProperties": False},
            "j": {"contains": {"type": "integer"}},
        },
        additionalProperties=False,
    )
    held: dict[str, Any] = dict.fromkeys("abeg", PERSONAL)
    held |= {name: {PERSONAL: [PERSONAL]} for name in "cdfi"}
    held |= {"h": {"x": PERSONAL}, "j": [PERSONAL], PERSONAL: 1}
    faults = strict.faults(json.dumps(held).encode())
    assert PERSONAL not in repr(faults)
    assert {fault.where for fault in faults} == {"", "/h/y", *(f"/{name}" for name in "abcdefgij")}


def test_what_no_parser_holds_is_a_fault() -> None:
    """A number out of all bounds is JSON, but nobody can check it."""
    assert [fault.code for fault in schema(type="number").faults(b"1e999")] == ["not-readable"]


@pytest.mark.parametrize("levels", [255, 256, 512])
def test_deep_data_is_judged_like_any_other(levels: int) -> None:
    """All that the door lets in: what fits does, and what does not is a fault."""
    deep = b"[" * levels + b"]" * levels
    assert schema(type="array", items={"$ref": "#"}).faults(deep) == []
    (fault,) = schema(type="object").faults(deep)
    assert fault.where == ""
    assert fault.code in {"type", "does-not-fit"}


def test_at_most_so_many_faults() -> None:
    """A long list of wrong items makes no answer of many times its size."""
    faults = schema(items={"type": "string"}).faults(json.dumps([1] * 500).encode())
    assert len(faults) == 20
