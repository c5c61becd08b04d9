"""What makes the attributes of an event valid."""

import pytest

from bus.event import check, parse_base64, parse_integer

SOUND: dict[str, object] = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


def faults(**attributes: object) -> dict[str, str]:
    """Give the faults of an otherwise sound event as place: code."""
    context = {k: v for k, v in {**SOUND, **attributes}.items() if v is not None}
    return {fault.where: fault.code for fault in check(context, "@{}".format)}


def test_the_least_event_is_sound() -> None:
    """The four required attributes are enough."""
    assert faults() == {}


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_a_required_attribute_is_missed(name: str) -> None:
    """Without one of the four there is no event."""
    assert faults(**{name: None}) == {f"@{name}": "required"}


@pytest.mark.parametrize(
    "name",
    [
        *("id", "source", "type", "subject", "dataschema", "datacontenttype", "partitionkey"),
        *("sequence", "traceparent", "dataref", "severitytext", "correlationid"),
    ],
)
def test_an_attribute_that_must_say_something_is_not_empty(name: str) -> None:
    """An empty string is refused where the standard or the extension asks for more."""
    assert faults(**{name: ""}) == {f"@{name}": "empty"}


def test_another_attribute_may_be_empty() -> None:
    """An empty String is a value like any other."""
    assert faults(tracestate="", anything="") == {}


def test_every_fault_is_listed() -> None:
    """One answer names all that is wrong, not the first thing."""
    assert faults(id=None, source="", type=7, time="now", Wrong="x", big=2**31, rate=1.5) == {
        "@id": "required",
        "@source": "empty",
        "@type": "not-a-string",
        "@time": "not-a-timestamp",
        "@Wrong": "bad-name",
        "@big": "out-of-range",
        "@rate": "not-an-attribute",
    }


@pytest.mark.parametrize("version", ["", "1", "1.0.0", "1.1", "0.3", " 1.0", "1.0\n"])
def test_only_specversion_1_0_is_known(version: str) -> None:
    """Another version may have other rules, so it is refused."""
    assert set(faults(specversion=version)) == {"@specversion"}


@pytest.mark.parametrize(
    "name",
    ["", "UPPER", "with-dash", "with_underscore", "é", "²", "a b", "abc\n", "data", "data_base64"],
)
def test_a_name_has_only_small_letters_and_digits(name: str) -> None:
    """Other names cannot be carried by every binding."""
    assert faults(**{name: "x"}) == {f"@{name}": "bad-name"}


def test_a_name_may_be_long_or_all_digits() -> None:
    """Twenty characters is advice, and so is a letter first."""
    assert faults(**{"x" * 67: "x", "1": "x"}) == {}


@pytest.mark.parametrize(
    "character",
    [
        *("\x00", "\t", "\n", "\x1f", "\x7f", "\x80", "\x9f"),
        *("\ud800", "\udbff", "\udc00", "\udfff"),
        *("\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff"),
    ],
)
def test_a_string_has_no_forbidden_character(character: str) -> None:
    """Control characters, lone surrogates and noncharacters are refused, in any attribute."""
    assert faults(subject=f"a{character}b") == {"@subject": "forbidden-character"}
    assert faults(anything=character) == {"@anything": "forbidden-character"}


@pytest.mark.parametrize(
    "text", [" ", '"', "\\", "%", "é", "\xa0", "\u200b", "\u2028", "\ufffd", "😀", "\ue000", "🏳️‍🌈"]
)
def test_a_string_has_any_other_character(text: str) -> None:
    """What is odd but allowed passes."""
    assert faults(subject=text) == {}


@pytest.mark.parametrize("value", [-(2**31), -1, 0, 2**31 - 1, True, False])
def test_an_extension_may_be_an_integer_or_a_boolean(value: object) -> None:
    """Integers have 32 bits."""
    assert faults(count=value) == {}


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 10**30])
def test_a_larger_integer_is_refused(value: int) -> None:
    """Integers have no more than 32 bits."""
    assert faults(count=value) == {"@count": "out-of-range"}


@pytest.mark.parametrize("value", [1.0, 1.5, float("inf"), [], {}, b"x"])
def test_nothing_else_is_an_attribute(value: object) -> None:
    """Fractions, arrays and objects have no type in CloudEvents."""
    assert faults(count=value) == {"@count": "not-an-attribute"}


@pytest.mark.parametrize("name", ["subject", "time", "dataschema", "datacontenttype", "type"])
def test_an_attribute_of_the_standard_is_a_string(name: str) -> None:
    """The standard's own attributes are all strings, so a number is a slip."""
    assert faults(**{name: 5}) == {f"@{name}": "not-a-string"}


@pytest.mark.parametrize(
    "source",
    [
        *("/", "a", "#f", "?q", "//host/path", "https://h/?q=v#f", "urn:nld:oin:1:systeem:x"),
        *("mailto:a@b.nl", "1-555-123-4567", "urn:x:%C3%A9", "/straße", "http://[::1]/", "a:b"),
    ],
)
def test_a_source_is_a_uri_reference(source: str) -> None:
    """Relative or absolute, also with text outside ASCII."""
    assert faults(source=source) == {}


@pytest.mark.parametrize(
    "source",
    ["a b", "a\xa0b", "%", "a%2", "a%zz", 'a"b', "<a>", "a\\b", "a^b", "a`b", "{a}", "a|b"],
)
def test_what_no_uri_has_is_refused(source: str) -> None:
    """Spaces, quotes and percent signs that encode nothing are in no URI."""
    assert faults(source=source) == {"@source": "not-a-uri-reference"}
    assert faults(dataschema=f"x:{source}") == {"@dataschema": "not-a-uri"}


@pytest.mark.parametrize("schema", ["/relative", "//host/path", "1a:b", "no-colon", ":b", "é:b"])
def test_a_schema_is_an_absolute_uri(schema: str) -> None:
    """A dataschema has its scheme."""
    assert faults(dataschema=schema) == {"@dataschema": "not-a-uri"}


@pytest.mark.parametrize(
    "time",
    [
        *("2026-11-23T19:13:05Z", "2026-11-23t19:13:05z", "2026-11-23T19:13:05.123456789123Z"),
        *("2024-02-29T00:00:00+14:00", "2000-02-29T23:59:59-00:00", "0001-01-01T00:00:00Z"),
        *("2026-12-31T23:59:59Z", "2016-12-31T23:59:60Z", "2017-01-01T00:59:60.5+01:00"),
        "2015-06-30T19:59:60-04:00",
    ],
)
def test_a_time_is_as_in_rfc_3339(time: str) -> None:
    """Any precision, small letters, and the leap seconds there have been."""
    assert faults(time=time) == {}


@pytest.mark.parametrize(
    "time",
    [
        *("", "now", "2026-11-23", "2026-11-23T19:13:05", "2026-11-23 19:13:05Z"),
        *("2026-11-23T19:13Z", "2026-11-23T19:13:05+01", "2026-11-23T19:13:05+0100"),
        *("2026-11-23T24:00:00Z", "2026-11-23T19:60:00Z", "2026-11-23T19:13:61Z"),
        *("2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-00-01T00:00:00Z"),
        *("2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z"),
        *("0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z"),
        *("2026-11-23T19:13:05.Z", "2026-11-23T19:13:05,5Z", "2026-11-23T19:13:05Z "),
        *("2026-11-23T19:13:05+14:01", "2026-11-23T19:13:05+15:00", "2026-11-23T19:13:05-00:60"),
        *("\uff12026-11-23T19:13:05Z", "2026-11-23T19:13:05+01:00:00", "2026-11-23T19:13:05ZZ"),
        *("2016-12-31T23:58:60Z", "2016-12-31T23:59:60+01:00", "2016-11-30T23:59:60Z"),
        *("2016-12-30T23:59:60Z", "9999-12-31T23:59:60-01:00", "2026-W48-1T19:13:05Z"),
    ],
)
def test_what_is_no_time_is_refused(time: str) -> None:
    """A date that is none, no offset, or another notation."""
    assert faults(time=time) == {"@time": "not-a-timestamp"}
    assert faults(recordedtime=time) == {"@recordedtime": "not-a-timestamp"}


@pytest.mark.parametrize(
    "text",
    [
        *("application/json", "APPLICATION/JSON", "text/plain;charset=utf-8", "a/b ; c=d;e=f"),
        *('text/plain; x="a b;\\"c"', "application/vnd.nl+json", "multipart/x; boundary=a", "a/b;"),
    ],
)
def test_a_media_type_is_as_in_rfc_2046(text: str) -> None:
    """Type, subtype and parameters."""
    assert faults(datacontenttype=text) == {}


@pytest.mark.parametrize(
    "text",
    ["json", "/json", "text/", "a/b/c", "a b/c", "a/b c", "a/b; c", 'a/b; c="d', "a/b;c= d", "é/b"],
)
def test_what_is_no_media_type_is_refused(text: str) -> None:
    """A type that no reader can split is refused."""
    assert faults(datacontenttype=text) == {"@datacontenttype": "not-a-media-type"}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("deprecated", [True, "true", "false"], ["TRUE", "yes", "", 1]),
        ("deprecationfrom", ["2026-01-01T00:00:00Z"], ["2026-01-01"]),
        ("deprecationmigration", ["https://h/x"], ["/x", 1]),
        ("severitynumber", [0, 17, "9"], [-1, "-1", "1.5", "x", ""]),
        ("sampledrate", [1, "30"], [0, "0", "+1"]),
        ("expirytime", ["2026-01-01T00:00:00Z"], ["tomorrow"]),
        ("dataref", ["/a", "https://h/a"], ["a b"]),
        ("dssematerial", ["", "TWE="], ["TWE", "!"]),
        ("sequencetype", ["Integer"], ["", 1]),
        ("dataregulation", ["GDPR", "GDPR, ISO-27001 ,AVG"], ["", "a b", "a,,b", 1]),
        ("bamtxid", ["x"], ["", 1]),
        ("bamptxcompleted", [True, "false"], ["ja", 1]),
        ("opcuastatus", [-5, "7"], ["x", 2**31, True]),
        ("authclaims", ["{}", ""], [1]),
        ("tracestate", ["", "a=b"], [True]),
        ("correlationid", ["x"], ["", 7]),
    ],
)
def test_documented_extensions_have_their_types(
    name: str, good: list[object], bad: list[object]
) -> None:
    """An extension that the standard documents is checked, native or as canonical string."""
    assert [faults(**{name: value}) for value in good] == [{}] * len(good)
    assert all(faults(**{name: value}) for value in bad)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0", 0), ("-1", -1), ("2147483647", 2147483647), ("-2147483648", -2147483648)),
        *(("", None), ("+1", None), (" 1", None), ("1 ", None), ("01", None), ("1.0", None)),
        *(("2147483648", None), ("-2147483649", None), ("٣", None), ("1_0", None), ("1\n", None)),
    ],
)
def test_integers_have_one_notation(text: str, value: int | None) -> None:
    """The canonical string of an Integer, and nothing else that Python would read."""
    assert parse_integer(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("", b""), ("TWFu", b"Man"), ("TWE=", b"Ma"), ("TQ==", b"M"), ("+/+/", b"\xfb\xff\xbf")),
        *(("x", None), ("TWFU=", None), ("==TQ", None), ("TWE", None), ("TWFu====", None)),
        *(("TQ==\n", None), ("TQ ==", None), ("-_-_", None), ("TQ==TQ==", None), ("é===", None)),
        ("====", None),
    ],
)
def test_base64_is_strict(text: str, value: bytes | None) -> None:
    """The standard alphabet, padded, nothing around it."""
    assert parse_base64(text) == value


def test_no_detail_repeats_a_value() -> None:
    """A fault says what is wrong without the value: it may be personal data."""
    context: dict[str, object] = dict.fromkeys(
        ("specversion", "id", "source", "type", "subject", "time"), "SECRET\x01"
    )
    context |= {"dataschema": "SECRET", "dataref": "SECRET <", "severitynumber": "SECRET"}
    found = check(context, "@{}".format)
    assert len(found) == len(context)
    assert not any("SECRET" in fault.detail + fault.where for fault in found)
