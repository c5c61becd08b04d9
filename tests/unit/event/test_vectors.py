"""The official test vectors for types and timestamps, where they are at hand."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bus.codec.checked import checked
from bus.event import Event, InvalidEvent, check, parse_base64, parse_integer

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("GEMEENTEBUS_VECTORS", ROOT.parent / "shared" / "vectors"))


def load(name: str) -> dict[str, Any]:
    """Read a file of vectors, or skip the test."""
    file = FOLDER / "cloudevents" / name
    if not file.is_file():
        pytest.skip(f"no vectors in {FOLDER}: set GEMEENTEBUS_VECTORS to their folder")
    vectors: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return vectors


def sound(**attributes: object) -> bool:
    """Say whether an event with these attributes is valid."""
    context = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", **attributes}
    return not check(context, str)


def args(vectors: dict[str, Any], name: str) -> list[list[Any]]:
    """Give the arguments of each case of a vector."""
    return [case["args"] for case in vectors[name]]


def test_timestamps() -> None:
    """Every timestamp of the vectors is taken or refused as they say."""
    vectors = load("timestamps.json")
    assert [case for case in vectors["parse_ok"] if not sound(time=case["text"])] == []
    assert [case for case in vectors["parse_must_reject"] if sound(time=case["text"])] == []


def test_timestamps_among_the_types() -> None:
    """The timestamps of the type vectors, too."""
    vectors = load("attribute_types.json")
    assert all(sound(time=text) for (text,) in args(vectors, "TimestampTest.ParseAndFormat_Valid"))
    assert not any(sound(time=text) for (text,) in args(vectors, "TimestampTest.Parse_Invalid"))


def test_names() -> None:
    """Names of attributes; specversion is one, but not one that an extension may take."""
    names = load("attribute_types.json")["attribute_names"]
    assert all(sound(**{name: "1"}) for name in names["valid"])
    for name in names["invalid"]:
        with pytest.raises(InvalidEvent):
            checked(Event("1", "/s", "t", {name: "1.0"}))


def test_binary() -> None:
    """Base64, both ways of being wrong included."""
    vectors = load("attribute_types.json")
    for text, *values in args(vectors, "BinaryTypeTest.ParseAndFormat_Valid"):
        assert parse_base64(text) == bytes(values)
        assert sound(dssematerial=text)
    for (text,) in args(vectors, "BinaryTypeTest.Parse_Invalid"):
        assert parse_base64(text) is None
        assert not sound(dssematerial=text)


def test_booleans_and_integers() -> None:
    """The canonical strings of booleans and integers."""
    vectors = load("attribute_types.json")
    assert all(
        sound(deprecated=t) for t, _ in args(vectors, "BooleanTypeTest.ParseAndFormat_Valid")
    )
    assert not any(sound(deprecated=t) for (t,) in args(vectors, "BooleanTypeTest.Parse_Invalid"))
    for text, value in args(vectors, "IntegerTypeTest.ParseAndFormat_Valid"):
        assert parse_integer(text) == value
        assert sound(count=value)
    for (text,) in args(vectors, "IntegerTypeTest.Parse_Invalid"):
        assert parse_integer(text) is None


def test_strings() -> None:
    """Strings with and without forbidden characters and lone surrogates."""
    vectors = load("attribute_types.json")
    assert all(sound(text=text) for (text,) in args(vectors, "StringTypeTest.ParseAndFormat_Valid"))
    assert not any(
        sound(text=text) for (text,) in args(vectors, "StringTypeTest.InvalidCharacters")
    )
    for units in args(vectors, "StringTypeTest.InvalidSurrogates"):
        assert not sound(text="".join(map(chr, units)))


def test_uris() -> None:
    """URIs in dataschema; URI-references in source, which unlike the type may not be empty."""
    vectors = load("attribute_types.json")
    assert all(
        sound(dataschema=text) for (text,) in args(vectors, "UriTest.ParseAndFormat_Roundtrip")
    )
    assert not any(sound(dataschema=text) for (text,) in args(vectors, "UriTest.Parse_Invalid"))
    references = args(vectors, "UriReferenceTest.ParseFormatValidate_Valid")
    assert all(sound(source=text) for (text,) in references if text)
