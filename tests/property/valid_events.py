"""Any valid event, and what remains of one where a binding cannot carry all of it."""

import json
from datetime import datetime
from typing import Any

from hypothesis import note
from hypothesis import strategies as st

from bus.codec.media import Form, form_of
from bus.event import AttributeValue, Event, canonical

# Cc are the control characters, Cs the surrogates, Cn the noncharacters (and the unassigned).
_CHARACTERS = st.one_of(
    st.sampled_from("\"%\\ '/&+;=,\xa0é€\u2028😀\U0010fffd"),
    st.characters(exclude_categories=["Cc", "Cs", "Cn"]),
)
_TEXT = st.text(_CHARACTERS, max_size=20)
_FILLED = st.text(_CHARACTERS, min_size=1, max_size=20)
_URI_PART = st.lists(
    st.one_of(st.sampled_from("azAZ09-._~:/?#[]@!$&'()*+,;=é€"), st.just("%C3%A9"), st.just("%00")),
    max_size=15,
).map("".join)
_REFERENCE = st.one_of(
    st.sampled_from(["/", "urn:nld:oin:00000001823288444000:zaken", "https://h/p?q=1#f"]),
    _URI_PART.filter(bool),
)
_URI = st.builds("{}:{}".format, st.sampled_from(["https", "urn", "X-1.a+b"]), _URI_PART)


@st.composite
def _timestamps(draw: st.DrawFn) -> str:
    moment = draw(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001 - the offset is drawn apart
    fraction = draw(st.from_regex(r"(\.[0-9]{1,15})?", fullmatch=True, alphabet=".0123456789"))
    offset = draw(st.sampled_from(["Z", "z", "+00:00", "-00:00", "+14:00", "-13:59", "+01:30"]))
    return (
        moment.strftime(f"{moment.year:04}-%m-%d{draw(st.sampled_from('Tt'))}%H:%M:%S")
        + fraction
        + offset
    )


_INTEGER = st.integers(-(2**31), 2**31 - 1)
_KNOWN: dict[str, st.SearchStrategy[AttributeValue]] = {
    "subject": _FILLED,
    "time": _timestamps(),
    "dataschema": _URI,
    "partitionkey": _FILLED,
    "sequence": _FILLED,
    "traceparent": _FILLED,
    "tracestate": _TEXT,
    "dataref": _REFERENCE,
    "recordedtime": _timestamps(),
    "deprecated": st.sampled_from([True, False, "true", "false"]),
    "severitynumber": st.one_of(st.integers(0, 24), st.integers(0, 24).map(str)),
    "dssematerial": st.sampled_from(["", "TQ==", "TWFu"]),
}
_EXTENSIONS = st.dictionaries(
    st.text("abcxyz0189", min_size=1, max_size=25),
    st.one_of(_TEXT, _INTEGER, st.booleans()),
    max_size=4,
)

_JSON_TEXT = st.one_of(
    st.sampled_from(
        [
            "12345678901234567890123",
            '{"a":1,"a":2}',
            '{ "a" :\n[ ] }',
            "1.0e+400",
            '"\\u00e9\\/"',
            "-0",
        ]
    ),
    st.builds(
        json.dumps,
        st.recursive(
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(),
                st.floats(allow_nan=False, allow_infinity=False),
                _TEXT,
            ),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
            max_leaves=8,
        ),
        ensure_ascii=st.booleans(),
        indent=st.sampled_from([None, 1]),
    ),
).map(str.encode)

_PAYLOADS: st.SearchStrategy[tuple[str | None, bytes | None]] = st.one_of(
    st.tuples(st.none(), st.none() | st.binary(max_size=30)),
    st.tuples(
        st.sampled_from(
            [
                *("application/json", "APPLICATION/JSON; a=b", "x/y.z+json"),
                "application/cloudevents+json",
            ]
        ),
        st.none() | _JSON_TEXT,
    ),
    st.tuples(
        st.sampled_from(
            [
                *("text/plain", 'text/plain; charset="UTF-8"', "text/plain; charset=iso-8859-1"),
                *("application/xml", "text/csv;charset=utf-16", "application/octet-stream"),
            ]
        ),
        st.none() | st.binary(max_size=30) | _TEXT.map(str.encode),
    ),
)


@st.composite
def valid_events(draw: st.DrawFn) -> Event:
    """Draw any valid event; JSON has no spaces around it."""
    known = st.fixed_dictionaries({}, optional=_KNOWN)
    attributes = {**draw(_EXTENSIONS), **draw(known)}
    datacontenttype, data = draw(_PAYLOADS)
    event = Event(
        id=draw(_FILLED),
        source=draw(_REFERENCE),
        type=draw(_FILLED),
        attributes=attributes,
        datacontenttype=datacontenttype,
        data=data,
    )
    note(repr(exactly(event)))  # what an event shows of itself is not enough here
    return event


def exactly(event: Event) -> Any:  # noqa: ANN401 - only compared
    """Give what makes two events the same, the types of attributes included: 1 is not true."""
    attributes = {name: (type(value), value) for name, value in event.attributes.items()}
    return event.id, event.source, event.type, attributes, event.datacontenttype, event.data


def in_headers(event: Event) -> Event:
    """Give what a binary message of HTTP keeps: strings, and no data where data is empty."""
    return Event(
        id=event.id,
        source=event.source,
        type=event.type,
        attributes={name: canonical(value) for name, value in event.attributes.items()},
        datacontenttype=event.datacontenttype,
        data=event.data or None,
    )


def trimmed(event: Event) -> Event:
    """Give what a JSON envelope keeps: JSON without the spaces around it."""
    data = event.data
    if data is not None and form_of(event.datacontenttype) is Form.JSON:
        data = data.strip(b" \t\r\n")
    return Event(
        id=event.id,
        source=event.source,
        type=event.type,
        attributes=event.attributes,
        datacontenttype=event.datacontenttype,
        data=data,
    )
