"""The official test vectors for types and timestamps, where they are at hand."""

import json
from urllib.parse import quote

import pytest

from bus.codec import http, kafka
from bus.codec import json as codec
from bus.codec.checked import checked
from bus.event import Event, InvalidEvent, check, parse_base64, parse_integer
from tests.vectors import Case, args, cases, load

LEAST = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


def sound(**attributes: object) -> bool:
    """Say whether an event with these attributes is valid."""
    return not check({**LEAST, **attributes}, str)


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


def decoded(case: Case, form: str) -> Event | list[Event]:
    """Read an event with the attribute of a case, in one of the forms."""
    text = str(case.value).lower() if isinstance(case.value, bool) else str(case.value)
    context = {**LEAST, case.name: case.value}
    match form:
        case "json":
            return codec.decode(json.dumps(context).encode())
        case "http":
            encoded = quote(text.encode("utf-8", "surrogatepass"), safe="")
            headers = {**LEAST, case.name: encoded}
            return http.decode([(f"ce-{n}".encode(), v.encode()) for n, v in headers.items()], b"")
        case _:
            values = {**LEAST, case.name: text}
            record = [(f"ce_{n}", v.encode("utf-8", "surrogatepass")) for n, v in values.items()]
            return kafka.decode(record, None)


@pytest.mark.parametrize("form", ["json", "http", "kafka"])
def test_every_case_in_every_form(form: str) -> None:
    """What the vectors call valid is read unchanged from each form; what they do not is refused."""
    for case in cases():
        if form == "json" and case.name == "data":
            continue  # there it is no attribute but the data
        if not case.sound:
            with pytest.raises(InvalidEvent):
                decoded(case, form)
            continue
        event = decoded(case, form)
        assert isinstance(event, Event)
        value = event.get(case.name)
        assert value == case.value or str(case.value).lower() == value, case
