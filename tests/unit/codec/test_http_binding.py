"""The HTTP binding."""

import pytest

from bus.codec import http
from bus.codec.http import UnsupportedContentType, decode, header_text, header_value
from bus.event import Event, InvalidEvent

LEAST = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
JSON = b'{"specversion":"1.0","id":"1","source":"/s","type":"t"}'
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def wire(headers: dict[str, str] | list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Give headers as a server does."""
    pairs = headers.items() if isinstance(headers, dict) else headers
    return [(name.encode(), value.encode("latin-1")) for name, value in pairs]


def faults(headers: dict[str, str] | list[tuple[str, str]], body: bytes = b"") -> dict[str, str]:
    """Give the faults of a message as place: code."""
    with pytest.raises(InvalidEvent) as caught:
        decode(wire(headers), body)
    return {fault.where: fault.code for fault in caught.value.faults}


def test_a_binary_message_is_read() -> None:
    """Attributes are in headers, the content type is the datacontenttype, the body is the data."""
    headers = {**LEAST, "ce-time": "2026-11-23T19:13:05Z", "ce-count": "7", "host": "h"}
    event = decode(wire({**headers, "content-type": "text/plain"}), b"\x00\xff")
    assert event == Event(
        *("1", "/s", "t", {"time": "2026-11-23T19:13:05Z", "count": "7"}),
        datacontenttype="text/plain",
        data=b"\x00\xff",
    )


def test_an_empty_body_is_no_data() -> None:
    """HTTP cannot say "no data" in another way."""
    assert decode(wire(LEAST), b"") == Event("1", "/s", "t")
    event = decode(wire({**LEAST, "content-type": "application/json"}), b"")
    assert event == Event("1", "/s", "t", datacontenttype="application/json")


@pytest.mark.parametrize(
    "content_type",
    [
        STRUCTURED,
        f"{STRUCTURED}; charset=UTF-8",
        f'{STRUCTURED};charset="utf-8"',
        STRUCTURED.upper(),
    ],
)
def test_a_structured_message_is_told_by_its_content_type(content_type: str) -> None:
    """The content type decides, also when the attributes are repeated in headers."""
    headers = {"content-type": content_type, **LEAST, "ce-id": "other", "ce-bad_name": "x"}
    assert decode(wire(headers), JSON) == Event("1", "/s", "t")


def test_a_batch_is_told_by_its_content_type() -> None:
    """A batch gives a list, also of one event or none."""
    headers = wire({"content-type": f"{BATCH}; charset=utf-8"})
    assert decode(headers, b"[" + JSON + b"]") == [Event("1", "/s", "t")]
    assert decode(headers, b"[]") == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/json"},
        {"content-type": "text/plain", "x-ce-id": "1"},
        {**LEAST, "content-type": "application/cloudevents"},
        {**LEAST, "content-type": "application/cloudevents+avro"},
        {**LEAST, "content-type": "application/cloudevents-batch+avro"},
        {**LEAST, "content-type": f"{STRUCTURED}; charset=iso-8859-1"},
        {**LEAST, "content-type": f"{BATCH}; charset=utf-16"},
    ],
)
def test_another_format_is_unsupported(headers: dict[str, str]) -> None:
    """Another format or charset of CloudEvents, and a message without any attribute, is refused."""
    with pytest.raises(UnsupportedContentType) as caught:
        decode(wire(headers), JSON)
    assert caught.value.content_type == headers.get("content-type")


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (
            {"ce-id": "1"},
            {"ce-specversion": "required", "ce-source": "required", "ce-type": "required"},
        ),
        ({**LEAST, "ce-id": ""}, {"ce-id": "empty"}),
        ({**LEAST, "ce-time": "x", "ce-source": "a b"}, {"ce-time", "ce-source"}),
        ({**LEAST, "content-type": "x"}, {"content-type": "not-a-media-type"}),
        ({**LEAST, "content-type": ""}, {"content-type": "empty"}),
        ({**LEAST, "content-type": "é/x"}, {"content-type": "bad-encoding"}),
        ({**LEAST, "ce-datacontenttype": "a/b"}, {"ce-datacontenttype": "misplaced"}),
        (
            {**LEAST, "ce-datacontenttype": "a/b", "content-type": "a/b"},
            {"ce-datacontenttype": "misplaced"},
        ),
        ({**LEAST, "ce-data": "x"}, {"ce-data": "bad-name"}),
        ({**LEAST, "ce-": "x"}, {"ce-": "bad-name"}),
        ({**LEAST, "ce-a-b": "x"}, {"ce-a-b": "bad-name"}),
        ({**LEAST, "ce-id": "%C0%A0"}, {"ce-id": "bad-encoding"}),
        ({**LEAST, "ce-subject": "%0A"}, {"ce-subject": "forbidden-character"}),
        ({**LEAST, "ce-subject": "\t"}, {"ce-subject": "forbidden-character"}),
        ([*LEAST.items(), ("ce-id", "1")], {"ce-id": "repeated"}),
        (
            [*LEAST.items(), ("content-type", "a/b"), ("content-type", STRUCTURED)],
            {"content-type": "repeated"},
        ),
    ],
)
def test_faults_are_named_with_their_header(
    headers: dict[str, str] | list[tuple[str, str]], found: dict[str, str] | set[str]
) -> None:
    """Every fault is listed with the name of its header."""
    listed = faults(headers)
    assert (listed if isinstance(found, dict) else set(listed)) == found


@pytest.mark.parametrize("body", [b"I'm just a string", b"{", b'"\xff"', b'{"a":1} {}', b" "])
def test_announced_json_must_be_json(body: bytes) -> None:
    """A body that is not what its content type says is refused: it has no structured form."""
    assert faults({**LEAST, "content-type": "application/json"}, body) == {"": "not-json"}
    event = decode(wire({**LEAST, "content-type": "text/plain"}), body)
    assert isinstance(event, Event)
    assert event.data == body


def test_announced_json_is_not_deeper_than_can_be_delivered() -> None:
    """The bound on depth is the same in every binding."""
    headers = {**LEAST, "content-type": "application/json"}
    assert faults(headers, b"[" * 100_000 + b"]" * 100_000) == {"": "too-deep"}
    assert faults(headers, b"[" * 600 + b"]" * 600) == {"": "too-deep"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        ("plain/text:~!#$&'()*+,-./;<=>?@[\\]^_`{|}", "plain/text:~!#$&'()*+,-./;<=>?@[\\]^_`{|}"),
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("%e2%82%ac", "€"),
        ("%41%42", "AB"),
        ("%2525", "%25"),
        ("a b", "a b"),
        ('"a b"', "a b"),
        ('"a\\"b\\\\c"', 'a"b\\c'),
        ('"%22"', '"'),
        ('""', ""),
        ('a"b', 'a"b'),
    ],
)
def test_a_header_value_is_decoded(value: str, text: str) -> None:
    """First the quotes, then one round of percent-decoding; what is needlessly encoded passes."""
    assert header_text(value) == text


@pytest.mark.parametrize(
    "value",
    [
        *("%C0%A0", "%c1%81", "%E0%80%80", "%F0%80%80%80", "%ED%A0%80", "%ED%BF%BF", "%80", "%FF"),
        *(
            "%E2%82",
            "%F4%90%80%80",
            "%",
            "100%",
            "%4",
            "%zz",
            "%+1",
            "% 1",
            '"open',
            '"a"b',
            '"\\"',
        ),
        "é",
    ],
)
def test_a_header_value_that_stands_for_nothing_is_refused(value: str) -> None:
    """Overlong forms, surrogates, cut sequences, stray percent signs and open quotes."""
    with pytest.raises(ValueError, match=r"ASCII|quoted|percent|codec"):
        header_text(value)


def test_a_header_that_is_not_even_text_is_a_fault() -> None:
    """Bytes that are no UTF-8 are a fault of that header only."""
    headers = [*wire(LEAST), (b"ce-subject", b"\xff"), (b"ce-other", "é".encode())]
    with pytest.raises(InvalidEvent) as caught:
        decode(headers, b"")
    assert [(f.where, f.code) for f in caught.value.faults] == [
        ("ce-subject", "bad-encoding"),
        ("ce-other", "bad-encoding"),
    ]


def test_a_header_value_is_encoded() -> None:
    """Space, quote, percent and all outside ASCII are encoded in capitals, nothing else."""
    assert header_value('Euro € 😀 "%"') == "Euro%20%E2%82%AC%20%F0%9F%98%80%20%22%25%22"
    assert [header_value(text) for text in ('"', "%", " ", "")] == ["%22", "%25", "%20", ""]
    plain = "".join(map(chr, {*range(0x21, 0x7F)} - {ord('"'), ord("%")}))
    assert header_value(plain) == plain


def test_a_binary_message_is_written() -> None:
    """Attributes as canonical strings, the datacontenttype as content-type only."""
    event = Event("é", "/s", "t", {"count": -7, "urgent": True}, 'a/b; c="% d"', b"x")
    headers, body = http.encode_binary(event)
    assert dict(headers) == {
        **LEAST,
        "ce-id": "%C3%A9",
        "ce-count": "-7",
        "ce-urgent": "true",
        "content-type": 'a/b; c="% d"',
    }
    assert body == b"x"
    back = decode(wire(headers), body)
    assert isinstance(back, Event)
    assert back.datacontenttype == event.datacontenttype
    assert http.encode_binary(Event("1", "/s", "t")) == (list(LEAST.items()), b"")


def test_an_event_about_an_event_has_no_binary_form() -> None:
    """Its content type would say that the message is structured, so it is."""
    event = Event("1", "/s", "t", datacontenttype=STRUCTURED, data=JSON)
    headers, body = http.encode_binary(event)
    assert (headers, body) == http.encode_structured(event)
    assert decode(wire(headers), body) == event


def test_no_fault_shows_a_value() -> None:
    """Neither text nor place of a fault repeats what a header holds."""
    names = ["ce-id", "ce-source", "ce-type", "ce-subject", "ce-time", "content-type"]
    for value in ("SECRET%", "SECRET%01", '"SECRET', "SECRET <"):
        with pytest.raises(InvalidEvent) as caught:
            decode(wire(dict.fromkeys(names, value)), b"SECRET")
        assert "SECRET" not in str(caught.value) + repr(caught.value.faults)
