"""The official test vectors for types and timestamps, where they are at hand."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = Path(os.environ.get("GEMEENTEBUS_VECTORS", ROOT.parent / "shared" / "vectors"))


@dataclass(frozen=True)
class Case:
    """One attribute of an event, and whether it makes the event a valid one."""

    name: str
    value: str | int | bool
    sound: bool


def load(name: str) -> dict[str, Any]:
    """Read a file of vectors, or skip the test."""
    file = FOLDER / "cloudevents" / name
    if not file.is_file():
        pytest.skip(f"no vectors in {FOLDER}: set GEMEENTEBUS_VECTORS to their folder")
    vectors: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return vectors


def args(vectors: dict[str, Any], name: str) -> list[list[Any]]:
    """Give the arguments of each case of a vector."""
    return [case["args"] for case in vectors[name]]


def cases() -> Iterator[Case]:
    """Give every case of the vectors as an attribute that has the type in question."""
    timestamps, types = load("timestamps.json"), load("attribute_types.json")
    for name, sound in (("parse_ok", True), ("parse_must_reject", False)):
        yield from (Case("time", case["text"], sound) for case in timestamps[name])
    for name, sound in (("valid", True), ("invalid", False)):
        yield from (Case(text, "x", sound) for text in types["attribute_names"][name])
    for vector, name, sound in (
        ("TimestampTest.ParseAndFormat_Valid", "time", True),
        ("TimestampTest.Parse_Invalid", "time", False),
        ("BinaryTypeTest.ParseAndFormat_Valid", "dssematerial", True),
        ("BinaryTypeTest.Parse_Invalid", "dssematerial", False),
        ("BooleanTypeTest.ParseAndFormat_Valid", "deprecated", True),
        ("BooleanTypeTest.Parse_Invalid", "deprecated", False),
        ("IntegerTypeTest.ParseAndFormat_Valid", "count", True),
        ("IntegerTypeTest.Parse_Invalid", "severitynumber", False),
        ("StringTypeTest.ParseAndFormat_Valid", "text", True),
        ("StringTypeTest.InvalidCharacters", "text", False),
        ("UriTest.ParseAndFormat_Roundtrip", "dataschema", True),
        ("UriTest.Parse_Invalid", "dataschema", False),
    ):
        yield from (Case(name, text, sound) for text, *_ in args(types, vector))
    for _, value in args(types, "IntegerTypeTest.ParseAndFormat_Valid"):
        yield Case("count", value, sound=True)
    for _, truth in args(types, "BooleanTypeTest.ParseAndFormat_Valid"):
        yield Case("deprecated", truth, sound=True)
    for units in args(types, "StringTypeTest.InvalidSurrogates"):
        yield Case("text", "".join(map(chr, units)), sound=False)
    for (text,) in args(types, "UriReferenceTest.ParseFormatValidate_Valid"):
        yield Case("dataref", text, sound=bool(text))  # an attribute has at least one character
