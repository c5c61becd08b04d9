"""Damaged and made-up input: refused, or a valid event; never a crash."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.codec import http, json, kafka
from bus.event import Event, canonical, check
from bus.event.rules import _faults, _sound
from tests.property.soundness import decoded
from tests.property.valid_events import valid_events

often = settings(max_examples=200, deadline=None)


@st.composite
def damages(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Draw a damage of one byte: another, one more or one less."""
    where, byte = (
        draw(st.floats(0, 1)),
        draw(st.integers(0, 255) | st.sampled_from(b'",:{}[]\\ 1e%')),
    )
    kind = draw(st.sampled_from(["other", "more", "less"]))

    def damage(text: bytes) -> bytes:
        place = round(where * (len(text) - 1)) if text else 0
        new = b"" if kind == "less" else bytes([byte])
        return text[:place] + new + text[place + (kind != "more") :]

    return damage


def facts(event: Event) -> dict[str, object]:
    """Give all that an event says, by name; HTTP cannot tell empty data from none."""
    said: dict[str, object] = {name: canonical(v) for name, v in event.context().items()}
    if event.data:
        said["data"] = event.data
        said.pop("datacontenttype", None)  # goes with the data, which may imply it
    return said


def is_near(event: Event, sent: Event) -> None:
    """Assert that an event says what was sent but for one attribute, or its name, or the data."""
    got, was = facts(event), facts(sent)
    differing = {n for n in got.keys() | was.keys() if got.get(n) != was.get(n)}
    assert len(differing - {"datacontenttype"}) <= 2, differing


@often
@given(valid_events(), damages())
def test_a_damaged_body_is_refused_or_valid(event: Event, damage: Callable[[bytes], bytes]) -> None:
    """One damaged byte of JSON gives a refusal or a valid event: the same, or another."""
    body = damage(json.encode(event))
    for got in decoded(lambda: json.decode(body)):
        is_near(got, event)
    batch = damage(json.encode_batch([event, event]))
    for got in decoded(lambda: json.decode_batch(batch)):
        is_near(got, event)


@often
@given(valid_events(), damages(), st.data())
def test_a_damaged_record_is_refused_or_valid(
    event: Event, damage: Callable[[bytes], bytes], data: st.DataObject
) -> None:
    """So does one damaged byte of a record: of its value, of a header's value or of its name."""
    headers, value = data.draw(st.sampled_from([kafka.encode, kafka.encode_structured]))(event)
    record: list[tuple[str, bytes | None]] = list(headers)
    place = data.draw(st.integers(0, 2 * len(headers)))
    if place == 2 * len(headers):
        value = value and damage(value)
    else:
        name, text = headers[place // 2]
        damaged = damage(name.encode()).decode("latin-1")
        record[place // 2] = (damaged, text) if place % 2 else (name, damage(text))
    said = kafka.type_of(record, value)
    got = decoded(lambda: kafka.decode(record, value))
    assert said is None or all(each.type == said for each in got)
    for each in got:
        is_near(each, event)


@often
@given(valid_events(), damages(), st.data())
def test_a_damaged_message_is_refused_or_valid(
    event: Event, damage: Callable[[bytes], bytes], data: st.DataObject
) -> None:
    """So does one damaged byte of a message: of its body, of a header's value or of its name."""
    writers = [http.encode_binary, http.encode_structured]
    headers, body = data.draw(st.sampled_from(writers))(event)
    message = [(name.encode(), value.encode()) for name, value in headers]
    place = data.draw(st.integers(0, 2 * len(headers)))
    if place == 2 * len(headers):
        body = damage(body)
    else:
        name, value = message[place // 2]
        message[place // 2] = (damage(name), value) if place % 2 else (name, damage(value))
    for got in decoded(lambda: http.decode(message, body)):
        is_near(got, event)


@often
@given(st.binary(max_size=80) | st.text('{}[]",:\\01e-nulltrue "id"', max_size=60).map(str.encode))
def test_any_body_is_refused_or_valid(body: bytes) -> None:
    """Bytes of any kind are refused or are events."""
    decoded(lambda: json.decode(body))
    decoded(lambda: json.decode_batch(body))
    decoded(
        lambda: json.decode(b'{"specversion":"1.0","id":"1","source":"/","type":"t",' + body + b"}")
    )
    decoded(lambda: http.decode([(b"content-type", b"application/cloudevents+json")], body))


_NAMES = [
    "ce_id",
    "ce_source",
    "ce_type",
    "ce_specversion",
    "ce_time",
    "ce_a",
    "content-type",
    kafka.TYPES,
]
_VALUES = [
    b"1.0",
    b"/s",
    b"application/json",
    b"application/cloudevents+json",
    b"a=i",
    b"a=b,a=i",
    b"7",
    b"true",
]


@often
@given(
    st.lists(
        st.tuples(
            st.sampled_from(_NAMES) | st.text(max_size=8).map("ce_".__add__),
            st.none() | st.sampled_from(_VALUES) | st.binary(max_size=12),
        ),
        max_size=8,
    ),
    st.none() | st.binary(max_size=20) | st.just(b"{}"),
)
def test_any_headers_are_refused_or_valid(
    headers: list[tuple[str, bytes | None]], body: bytes | None
) -> None:
    """Headers of any kind are refused or are an event, in Kafka and in HTTP."""
    decoded(lambda: kafka.decode(headers, body))
    message = [
        (name.replace("_", "-").encode("utf-8", "replace"), value or b"") for name, value in headers
    ]
    decoded(lambda: http.decode(message, body or b""))


_CONTEXT_NAMES = ["id", "source", "type", "specversion", "time", "dataref", "a", "A", "", "data"]
_CONTEXT_VALUES = [
    *("1.0", "x", "", "a b", "\n", "\x7f", "\ud800", "é", "2026-01-01T00:00:00Z"),
    *(1, True, 1.5, None),
]
_CONTEXTS = st.dictionaries(
    st.sampled_from(_CONTEXT_NAMES) | st.text(max_size=3),
    st.sampled_from(_CONTEXT_VALUES) | st.text(max_size=5),
)


@often
@given(_CONTEXTS, st.booleans())
def test_the_quick_look_and_the_close_look_agree(context: dict[str, object], whole: bool) -> None:  # noqa: FBT001 - drawn
    """What passes at a glance has no fault; what has none, and no empty value or 0, passes so."""
    if whole:
        context = {"specversion": "1.0", "id": "1", "source": "/", "type": "t", **context}
    found = list(_faults(context, str))
    assert check(context, str) == found
    assert not (_sound(context) and found)
    if not found and all(context.values()):
        assert _sound(context)
