"""The JSON format and the JSON batch format."""

import json
from typing import Any

import pytest

from bus.codec.json import decode, decode_batch, encode, encode_batch
from bus.event import Event, InvalidEvent

LEAST: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
HEAD = b'{"specversion":"1.0","id":"1","source":"/s","type":"t"'


def body(**members: object) -> bytes:
    """Write an event as JSON, as a program of Python would."""
    return json.dumps({**LEAST, **members}).encode()


def faults(text: bytes) -> dict[str, str]:
    """Give the faults in a body as place: code."""
    with pytest.raises(InvalidEvent) as caught:
        decode(text)
    return {fault.where: fault.code for fault in caught.value.faults}


def test_an_event_is_read() -> None:
    """Attributes are values, the payload is the bytes of its text."""
    event = decode(body(subject="s", count=-7, urgent=True, data={"a": [1, 2]}))
    assert event == Event(
        id="1",
        source="/s",
        type="t",
        attributes={"subject": "s", "count": -7, "urgent": True},
        datacontenttype="application/json",
        data=b'{"a": [1, 2]}',
    )


def test_null_is_absent_but_null_data_is_a_payload() -> None:
    """A member without value is no attribute; only data has a null of its own."""
    event = decode(body(subject=None, time=None, data_base64=None, data=None))
    assert event.attributes == {}
    assert event.data == b"null"
    assert decode(body(datacontenttype=None)).datacontenttype is None
    assert faults(body(id=None)) == {"/id": "required"}


@pytest.mark.parametrize(
    "text",
    [
        b"12345678901234567890123",
        b"1.10",
        b"-0.0e+5",
        b"1e999",
        b'{"a":1,"a":2}',
        b'{ "a" :\t[ ] , "b":\r\n{}}',
        b'"I\'m just a \\u00e9 string"',
        '"é \U0001f600"'.encode(),
        b"null",
        b"false",
        b'""',
        b'"\\/\\ud83d\\ude00"',
    ],
)
def test_json_data_is_carried_as_the_text_it_came_in(text: bytes) -> None:
    """Big numbers, repeated members, spaces and escapes survive, and a string keeps its quotes."""
    event = decode(HEAD + b', "data" : \n' + text + b" }")
    assert event.data == text
    assert event.datacontenttype == "application/json"
    assert encode(event).endswith(b'"data":' + text + b"}")
    assert decode(encode(event)) == event


@pytest.mark.parametrize(
    ("datacontenttype", "member", "data"),
    [
        ("text/plain", {"data": "é"}, "é".encode()),
        ("text/plain; charset=UTF-8", {"data": ""}, b""),
        ("text/plain;charset=us-ascii", {"data": "é"}, "é".encode()),
        ("application/xml", {"data": "<é/>"}, "<é/>".encode()),
        ("image/svg+xml", {"data": "<svg/>"}, b"<svg/>"),
        ("text/plain; charset=iso-8859-1", {"data_base64": "6Q=="}, b"\xe9"),
        ("text/plain", {"data_base64": "6Q=="}, b"\xe9"),
        ("application/octet-stream", {"data_base64": "AAE="}, b"\x00\x01"),
        ("application/pdf", {"data_base64": ""}, b""),
        (None, {"data_base64": "AAE="}, b"\x00\x01"),
        (None, {}, None),
        ("application/json", {}, None),
        ("image/X+JSON; a=b", {"data": {"a": 1}}, b'{"a": 1}'),
        ("APPLICATION/JSON", {"data": "x"}, b'"x"'),
    ],
)
def test_a_payload_is_what_its_media_type_says(
    datacontenttype: str | None, member: dict[str, object], data: bytes | None
) -> None:
    """JSON as JSON, text as a string, the rest as base64: read so, and written so again."""
    event = decode(body(datacontenttype=datacontenttype, **member))
    assert (event.datacontenttype, event.data) == (datacontenttype, data)
    written = json.loads(encode(event))
    written.setdefault("datacontenttype", None)
    assert written == {**LEAST, "datacontenttype": datacontenttype, **member}


def test_a_string_stands_for_bytes_in_its_charset() -> None:
    """Text in another character set becomes the bytes that the media type announces."""
    event = decode(body(datacontenttype="text/plain; charset=ISO-8859-1", data="é"))
    assert event.data == b"\xe9"
    assert json.loads(encode(event))["data_base64"] == "6Q=="
    event = decode(body(datacontenttype='text/plain; a=";charset=x"; charset="UTF-8"', data="é"))
    assert event.data == "é".encode()


def test_base64_of_json_is_json() -> None:
    """JSON that came as base64 goes out as JSON, by the rule for its media type."""
    event = decode(body(datacontenttype="application/json", data_base64="eyJhIjoxfQ=="))
    assert event.data == b'{"a":1}'
    assert encode(event).endswith(b'"data":{"a":1}}')


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"data": 1, "data_base64": "TQ=="}, {"/data_base64": "data-twice"}),
        ({"data": None, "data_base64": "TQ=="}, {"/data_base64": "data-twice"}),
        ({"data_base64": "!!!!"}, {"/data_base64": "not-base64"}),
        ({"data_base64": "TQ"}, {"/data_base64": "not-base64"}),
        ({"data_base64": "TQ==\n"}, {"/data_base64": "not-base64"}),
        ({"data_base64": 7}, {"/data_base64": "not-base64"}),
        ({"datacontenttype": "a/json", "data_base64": "eyI="}, {"/data_base64": "not-json"}),
        ({"datacontenttype": "a/json", "data_base64": ""}, {"/data_base64": "not-json"}),
        ({"datacontenttype": "text/plain", "data": {}}, {"/data": "not-a-string"}),
        ({"datacontenttype": "text/plain", "data": None}, {"/data": "not-a-string"}),
        ({"datacontenttype": "text/plain; charset=x", "data": "é"}, {"/data": "unknown-charset"}),
        (
            {"datacontenttype": "text/plain; charset=iso-8859-1", "data": "€"},
            {"/data": "not-in-charset"},
        ),
        ({"datacontenttype": 7, "data": "x"}, {"/datacontenttype": "not-a-string"}),
        ({"datacontenttype": "x", "data": "x"}, {"/datacontenttype": "not-a-media-type"}),
        ({"count": 1.0}, {"/count": "not-an-attribute"}),
        ({"count": 2**31}, {"/count": "out-of-range"}),
        ({"count": 10**40}, {"/count": "out-of-range"}),
        ({"list": [1]}, {"/list": "not-an-attribute"}),
        ({"id": 7}, {"/id": "not-a-string"}),
        ({"a/b~c": "x"}, {"/a~1b~0c": "bad-name"}),
        ({"": "x"}, {"/": "bad-name"}),
        ({"ID": "x"}, {"/ID": "bad-name"}),
        ({"specversion": 1.0}, {"/specversion": "not-a-string"}),
        ({"subject": "\ufffe"}, {"/subject": "forbidden-character"}),
        (
            {"id": "", "source": None, "time": "x", "data": 1, "data_base64": "x"},
            {
                "/id": "empty",
                "/source": "required",
                "/time": "not-a-timestamp",
                "/data_base64": "data-twice",
            },
        ),
    ],
)
def test_faults_are_named_with_their_place(
    members: dict[str, object], found: dict[str, str]
) -> None:
    """Every fault is listed with its JSON pointer."""
    assert faults(body(**members)) == found


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"1" * 5000, b"1e2", b"1.5"])
def test_a_number_that_is_no_integer_is_refused(number: bytes) -> None:
    """A number with a fraction or an exponent, or of any size, is a fault and no crash."""
    assert set(faults(HEAD + b',"count":' + number + b"}")) == {"/count"}
    assert set(faults(HEAD + b',"data_base64":' + number + b"}")) == {"/data_base64"}
    plain = HEAD + b',"datacontenttype":"text/plain","data":'
    assert faults(plain + number + b"}") == {"/data": "not-a-string"}


@pytest.mark.parametrize(
    ("name", "tail"),
    [
        ("id", b',"id":"1"}'),
        ("id", b',"id":"2"}'),
        ("id", b',"\\u0069d":"2"}'),
        ("subject", b',"subject":null,"subject":"x"}'),
        ("data", b',"data":1,"data":2}'),
        ("data_base64", b',"data_base64":"","data_base64":""}'),
    ],
)
def test_a_repeated_member_is_refused(name: str, tail: bytes) -> None:
    """Readers differ in which of two they take, so that an event could be two events."""
    assert faults(HEAD + tail) == {f"/{name}": "repeated"}


def test_an_escaped_name_is_the_same_name() -> None:
    """An escape in the name of a member, and spaces, are no repetition."""
    event = decode(b' {"specversion" : "1.0","\\u0069d":"1", "source":"/s" ,"type":"t" } ')
    assert event == Event("1", "/s", "t")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "not-json"),
        (b"{", "not-json"),
        (HEAD, "not-json"),
        (HEAD + b"}}", "not-json"),
        (HEAD + b",}", "not-json"),
        (b"\xef\xbb\xbf" + HEAD + b"}", "not-json"),
        (HEAD + b',"data":01}', "not-json"),
        (HEAD + b',"data":nul}', "not-json"),
        (HEAD + b',"data":NaN}', "not-json"),
        (HEAD + b',"data":"\n"}', "not-json"),
        (HEAD + b',"data":"\\x"}', "not-json"),
        (HEAD + b',"data":"\xff"}', "not-json"),
        (HEAD + b',"data":"\xed\xa0\x80"}', "not-json"),
        (HEAD + b',"data":"\\ud800 and more"}', "not-json"),
        (HEAD + b',"subject":"\\udc00 and more"}', "not-json"),
        ((HEAD + b"}").decode().encode("utf-16"), "not-json"),
        (b"[]", "not-an-object"),
        (b"null", "not-an-object"),
        (b'"x"', "not-an-object"),
        (HEAD + b',"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too-deep"),
        (HEAD + b',"data":' + b"[" * 100_000, "too-deep"),
        (HEAD + b',"subject":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}", "too-deep"),
    ],
)
def test_what_is_no_json_object_is_refused(text: bytes, code: str) -> None:
    """Malformed text, text not in UTF-8, and text too deep to parse: a fault, never a crash."""
    assert faults(text) == {"": code}


def test_depth_has_one_bound() -> None:
    """Data is taken up to 512 levels, brackets in strings not counted, also where data is huge."""
    brackets = b'"' + b"[" * 5000 + b'\\""'
    deepest = b"[" * 511 + b"{" + b'"a":' + brackets + b"}" + b"]" * 511
    assert decode(HEAD + b',"data":' + deepest + b"}").data == deepest
    assert faults(HEAD + b',"data":[' + deepest + b"]}") == {"/data": "too-deep"}
    wide = b"[" + b"[]," * 300_000 + b"[]]"
    assert decode(HEAD + b',"data":' + wide + b"}").data == wide


def test_no_fault_shows_a_value() -> None:
    """Neither text nor place of a fault repeats what an attribute or the data holds."""
    for text in (
        body(subject="SECRET\n", id="", time="SECRET", dataschema="SECRET", data="SECRET"),
        HEAD + b',"data":"SECRET',
        body(datacontenttype="text/plain", data=["SECRET"]),
        body(data_base64="SECRET"),
    ):
        with pytest.raises(InvalidEvent) as caught:
            decode(text)
        assert "SECRET" not in str(caught.value) + repr(caught.value.faults)


def test_a_batch_is_read_and_written() -> None:
    """A batch is an array of events, which may be empty."""
    events = [decode(body(id=str(number), data=number)) for number in range(3)]
    assert decode_batch(encode_batch(events)) == events
    assert decode_batch(b" [ ] ") == []
    assert encode_batch([]) == b"[]"


def test_a_batch_names_the_faults_of_every_item() -> None:
    """One answer names all, with the number of the item in the pointer."""
    items = [LEAST, {**LEAST, "id": ""}, 7, {**LEAST, "data": 1, "data_base64": ""}, {"a b": 1}]
    with pytest.raises(InvalidEvent) as caught:
        decode_batch(json.dumps(items).encode())
    assert {fault.where: fault.code for fault in caught.value.faults} == {
        "/1/id": "empty",
        "/2": "not-an-object",
        "/3/data_base64": "data-twice",
        "/4/a b": "bad-name",
        "/4/specversion": "required",
        "/4/id": "required",
        "/4/source": "required",
        "/4/type": "required",
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"{}", "not-an-array"),
        (HEAD + b"}", "not-an-array"),
        (b"[", "not-json"),
        (b"[{}", "not-json"),
        (b'["\xff"]', "not-json"),
        (b"[" * 100_000, "too-deep"),
    ],
)
def test_what_is_no_json_array_is_no_batch(text: bytes, code: str) -> None:
    """A batch that cannot be read is one fault of the whole body."""
    with pytest.raises(InvalidEvent) as caught:
        decode_batch(text)
    assert [(fault.where, fault.code) for fault in caught.value.faults] == [("", code)]


def test_a_body_of_faults_makes_a_bounded_answer() -> None:
    """Very many faults in one body are not all listed."""
    with pytest.raises(InvalidEvent) as caught:
        decode(body(**{f"A{number}": "x" for number in range(10_000)}))
    assert len(caught.value.faults) == InvalidEvent.most + 1
