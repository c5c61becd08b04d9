"""The Kafka binding."""

import pytest

from bus.codec import kafka
from bus.codec.kafka import TYPES, decode, type_of
from bus.event import Event, InvalidEvent

LEAST: dict[str, bytes | None] = {
    "ce_specversion": b"1.0",
    "ce_type": b"t",
    "ce_source": b"/s",
    "ce_id": b"1",
}
JSON = b'{"specversion":"1.0","id":"1","source":"/s","type":"t"}'
STRUCTURED = b"application/cloudevents+json"


def headers(**more: bytes | None) -> list[tuple[str, bytes | None]]:
    """Give the headers of a sound record, and more; `_` stands for `-`."""
    names = {"content_type": "content-type", "types": TYPES}
    return list({**LEAST, **{names.get(k, k): v for k, v in more.items()}}.items())


def faults(record: list[tuple[str, bytes | None]], value: bytes | None = None) -> dict[str, str]:
    """Give the faults of a record as place: code."""
    with pytest.raises(InvalidEvent) as caught:
        decode(record, value)
    return {fault.where: fault.code for fault in caught.value.faults}


def test_a_binary_record_is_read() -> None:
    """Headers are UTF-8, not percent-encoded, and other headers are left alone."""
    record = headers(ce_subject="% é".encode(), content_type=b"text/plain", traceparent=b"\xff")
    event = decode([*record, ("other", None)], b"x")
    assert event == Event("1", "/s", "t", {"subject": "% é"}, "text/plain", b"x")


def test_no_value_is_no_data() -> None:
    """A tombstone is no data; an empty value is empty data, unless JSON is announced."""
    assert decode(headers(), None) == Event("1", "/s", "t")
    assert decode(headers(), b"").data == b""
    assert decode(headers(content_type=b"application/json"), b"").data is None


def test_the_content_type_may_be_repeated() -> None:
    """The SDK for JavaScript writes it as an attribute too; it is none, and says nothing else."""
    event = decode(headers(ce_datacontenttype=b"a/b", content_type=b"a/b"), b"x")
    assert event == Event("1", "/s", "t", {}, "a/b", b"x")


def test_a_header_without_value_is_absent() -> None:
    """Kafka allows a header to have none."""
    assert decode(headers(ce_subject=None, content_type=None), None) == Event("1", "/s", "t")
    assert faults(headers(ce_id=None)) == {"ce_id": "required"}


def test_a_structured_record_is_told_by_its_content_type() -> None:
    """The content type decides, also when the attributes are repeated in headers."""
    for content_type in (STRUCTURED, STRUCTURED + b"; charset=UTF-8", STRUCTURED.upper()):
        record = headers(ce_id=b"other", content_type=content_type)
        assert decode(record, JSON) == Event("1", "/s", "t")


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents",
        b"application/cloudevents+avro",
        b"application/cloudevents-batch+json",
        STRUCTURED + b"; charset=utf-16",
    ],
)
def test_another_format_is_refused(content_type: bytes) -> None:
    """There is no batch in Kafka, and no other format that we read."""
    assert faults(headers(content_type=content_type), b"[]") == {"content-type": "unknown-format"}


def test_a_structured_record_has_a_value() -> None:
    """A structured tombstone is no event; faults in the value have JSON pointers."""
    assert faults(headers(content_type=STRUCTURED)) == {"": "required"}
    assert faults(headers(content_type=STRUCTURED), b"") == {"": "not-json"}
    assert "/id" in faults(headers(content_type=STRUCTURED), b"{}")


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"ce_time": b"x", "ce_source": b""}, {"ce_time", "ce_source"}),
        ({"ce_id": b"\xff"}, {"ce_id"}),
        ({"content_type": b"\xff"}, {"content-type"}),
        ({"content_type": b"json"}, {"content-type"}),
        ({"ce_Upper": b"x"}, {"ce_Upper"}),
        ({"ce_": b"x"}, {"ce_"}),
        ({"ce_data": b"x"}, {"ce_data"}),
        ({"ce_datacontenttype": b"a/b"}, {"ce_datacontenttype"}),
        ({"ce_datacontenttype": b"a/b", "content_type": b"a/c"}, {"ce_datacontenttype"}),
        ({"ce_subject": b"\x00"}, {"ce_subject"}),
        ({"ce_count": b"x", "types": b"count=i"}, {TYPES}),
        ({"ce_count": b"01", "types": b"count=i"}, {TYPES}),
        ({"ce_count": b"9999999999", "types": b"count=i"}, {TYPES}),
        ({"ce_count": b"1", "types": b"count=b"}, {TYPES}),
        ({"ce_count": b"1", "types": b"count=x"}, {TYPES}),
        ({"ce_count": b"1", "types": b"count=i,count=i"}, {TYPES}),
        ({"types": b"count=i"}, {TYPES}),
        ({"types": b""}, {TYPES}),
        ({"types": b"\xff"}, {TYPES}),
        ({"ce_id": b"1", "types": b"id=i"}, {"ce_id"}),
    ],
)
def test_faults_are_named_with_their_header(more: dict[str, bytes | None], found: set[str]) -> None:
    """Every fault is listed with the name of its header."""
    assert set(faults(headers(**more))) == found


def test_a_repeated_header_is_refused() -> None:
    """Kafka allows it, but an attribute is there once."""
    assert faults([*headers(), ("ce_id", b"1")]) == {"ce_id": "repeated"}


def test_announced_json_must_be_json() -> None:
    """A value that is not JSON would break the envelope it is delivered in."""
    for value in (b"{", b'1,"id":"evil"', b"\xff", b"[" * 100_000):
        assert set(faults(headers(content_type=b"application/json"), value)) == {""}


def test_a_binary_record_is_written() -> None:
    """UTF-8 headers, no percent-encoding, and a null value when there is no data."""
    event = Event("é", "/s", "t", {"subject": "% é"}, "text/plain", b"x")
    written, value = kafka.encode(event)
    assert dict(written) == {
        **LEAST,
        "ce_id": "é".encode(),
        "ce_subject": "% é".encode(),
        "content-type": b"text/plain",
    }
    assert value == b"x"
    assert kafka.encode(Event("1", "/s", "t")) == (list(LEAST.items()), None)
    assert kafka.encode(Event("1", "/s", "t", data=b""))[1] == b""


def test_the_types_of_attributes_survive() -> None:
    """An Integer and a Boolean come back as such, by a header that is no attribute."""
    event = Event("1", "/s", "t", {"a": 7, "b": True, "c": "7", "d": False, "e": -(2**31)})
    written, value = kafka.encode(event)
    assert dict(written)[TYPES] == b"a=i,b=b,d=b,e=i"
    back = decode(written, value)
    assert back == event
    assert [type(v) for v in back.attributes.values()] == [int, bool, str, bool, int]
    del written[-1]
    assert decode(written, value).attributes["a"] == "7"


def test_an_event_about_an_event_is_written_structured() -> None:
    """Its content type would say that the record is structured, so it is."""
    for datacontenttype in ("application/cloudevents+json", "application/cloudevents-x+json"):
        event = Event("1", "/s", "t", datacontenttype=datacontenttype, data=JSON)
        written, value = kafka.encode(event)
        assert (written, value) == kafka.encode_structured(event)
        assert decode(written, value) == event
        written.append(("more", b"of the caller"))
        assert len(kafka.encode(event)[0]) == 1


@pytest.mark.parametrize(
    ("record", "value", "found"),
    [
        (headers(), None, "t"),
        (headers(ce_type="é".encode()), None, "é"),
        (headers(content_type=b"application/json"), b"{", "t"),
        (headers(content_type=None), None, "t"),
        (headers(ce_type=b"other", content_type=STRUCTURED), JSON, "t"),
        (headers(content_type=STRUCTURED.upper() + b";x=y"), JSON, "t"),
        (headers(content_type=STRUCTURED), b'{"data":{"type":"x"},"\\u0074ype":"\\u00e9"}', "é"),
        (headers(content_type=STRUCTURED), b'{"type":7}', None),
        (headers(content_type=STRUCTURED), b'{"data":{"type":"x"}}', None),
        (headers(content_type=STRUCTURED), b'{"type":"\xff"}', None),
        (headers(content_type=STRUCTURED), b'{"type":"t","a":' + b"[" * 100_000, None),
        (headers(content_type=STRUCTURED), b"[]", None),
        (headers(content_type=STRUCTURED), b"", None),
        (headers(content_type=STRUCTURED), None, None),
        (headers(content_type=b"application/cloudevents+avro"), b"\x00", None),
        (headers(ce_type=None), None, None),
        (headers(ce_type=b"\xff"), None, None),
        ([], None, None),
    ],
)
def test_the_type_is_seen_without_decoding(
    record: list[tuple[str, bytes | None]], value: bytes | None, found: str | None
) -> None:
    """The type of a record of either form is at hand; of what is no event, decoding says why."""
    assert type_of(record, value) == found


@pytest.mark.parametrize(
    ("record", "value", "codes"),
    [
        ([], b"no event at all", ("required",)),
        (headers(ce_id=b"", ce_time=b"x", ce_source=b""), None, ("empty", "not-a-timestamp")),
        (headers(content_type=STRUCTURED), b"{", ("not-json",)),
        (headers(content_type=STRUCTURED), None, ("required",)),
        (headers(content_type=b"application/cloudevents+avro"), b"", ("unknown-format",)),
        (headers(**{"ce_" + "X" * 5_000: b"x"}), None, ("bad-name",)),
    ],
)
def test_why_a_record_is_no_event_is_said_in_few_words(
    record: list[tuple[str, bytes | None]], value: bytes | None, codes: tuple[str, ...]
) -> None:
    """The codes are fit for a log line: each once, from a closed set; places are bounded."""
    with pytest.raises(InvalidEvent) as caught:
        decode(record, value)
    assert caught.value.codes == codes
    assert all(len(fault.where) < 100 for fault in caught.value.faults)
