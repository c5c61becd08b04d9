"""What a client may ask of a subscription, and how it hears what is wrong."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from bus.subscription import InvalidSubscription, RetryPolicy, Subscription, parse_request

LEAST: dict[str, Any] = {"sink": "https://zaken.example/events", "protocol": "HTTP"}
PRIVATE = "whsk_" + b64encode(bytes(32)).decode()
MISMATCHED = "whsk_" + b64encode(bytes(64)).decode()
SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"  # 24 bytes


def faults(**fields: object) -> set[tuple[str, str]]:
    """Give where and why the least request with these fields is refused."""
    with pytest.raises(InvalidSubscription) as refusal:
        parse_request(orjson.dumps(LEAST | fields))
    return {(fault.where, fault.code) for fault in refusal.value.faults}


def accepted(**fields: object) -> Subscription:
    """Give the subscription made of the least request with these fields."""
    request = parse_request(orjson.dumps(LEAST | fields))
    return request.subscription(id="s", organisation="00000000000000000001")


def test_a_sink_and_a_protocol_are_enough() -> None:
    """Everything else has the default of the design."""
    subscription = accepted()
    assert (subscription.source, subscription.types, subscription.filters) == (None, (), ())
    assert (subscription.ordering, subscription.start, subscription.domains) == (
        "key",
        "latest",
        (),
    )
    delivery = subscription.delivery
    assert (delivery.concurrency, delivery.timeout) == (16, 30)
    assert list(delivery.retry.schedule) == [5, 60, 300, 1800, 7200, 18000, 36000]
    assert delivery.retry.jitter == 0.2
    assert subscription.signing.scheme == "v1"


def test_every_field_is_taken() -> None:
    """The stored subscription holds what was asked and survives the store; secrets stay outside."""
    asked: dict[str, Any] = {
        "source": "urn:nld:oin:1:brp",
        "types": ["nl.brp.persoon-verhuisd"],
        "filters": [{"any": [{"prefix": {"subject": "p"}}, {"not": {"exact": {"a": "b"}}}]}],
        "config": {},
        "sink": "http://127.0.0.1:8081/events?x=%20y",
        "protocol": "HTTP",
        "protocolsettings": {"headers": {"X-Gemeente": "0363"}, "method": "POST"},
        "domains": ["nl.brp"],
        "ordering": "partition",
        "start": "2026-11-23T12:00:00.250000+01:00",
        "delivery": {
            "concurrency": 4,
            "timeout": 1.5,
            "retry": {"schedule": [0.1, 2], "jitter": 0},
            "mode": "batch",
            "maxbatch": 20,
            "rate": 12.5,
            "firstbyte": 1.0,
            "attempts": "all",
        },
        "signing": {"scheme": "v1"},
    }
    written = {"sinkcredential": {"credentialtype": "ACCESSTOKEN", "accesstoken": "t0ken"}}
    signing = {"scheme": "v1", "secret": SECRET}
    subscription = accepted(**asked | written | {"signing": signing})
    asked["delivery"]["retry"] = RetryPolicy(schedule=(0.1, 2.0), jitter=0).model_dump(mode="json")
    identity = {"id": "s", "organisation": "00000000000000000001"}
    asked["start"] = "2026-11-23T11:00:00.250000Z"
    assert subscription.document() == asked | identity
    assert Subscription.from_json(subscription.to_json()) == subscription
    assert "t0ken" not in subscription.to_json()
    assert SECRET not in subscription.to_json()


def test_secrets_are_read_but_never_shown() -> None:
    """A request holds the secrets for the store; its text form does not."""
    credential = {"credentialtype": "PLAIN", "identifier": "zaken", "secret": "g3heim"}
    request = parse_request(LEAST | {"sinkcredential": credential, "signing": {"secret": SECRET}})
    assert request.signing.secret == SECRET
    assert request.sinkcredential is not None
    assert request.sinkcredential.authorization == "Basic emFrZW46ZzNoZWlt"
    assert "g3heim" not in repr(request)
    assert SECRET not in repr(request)


def test_an_id_is_ignored() -> None:
    """The Subscriptions API says so: the bus names its subscriptions itself."""
    assert accepted(id="mine").id == "s"


def test_start_may_be_a_time() -> None:
    """A time of RFC 3339 is kept as a moment."""
    assert accepted(start="earliest").start == "earliest"
    assert accepted(start="2026-11-23T12:00:00Z").start == datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "where", "code"),
    [
        ({"sinks": "x"}, "/sinks", "unknown-field"),
        ({"delivery": {"retries": 3}}, "/delivery/retries", "unknown-field"),
        ({"config": {"interval": 5}}, "/config/interval", "unknown-field"),
        ({"organisation": "x"}, "/organisation", "unknown-field"),
        ({"types": "t"}, "/types", "not-an-array"),
        ({"types": ["t", ""]}, "/types/1", "empty"),
        ({"types": [1]}, "/types/0", "not-a-string"),
        ({"types": ["t"] * 257}, "/types", "too-many"),
        ({"source": ""}, "/source", "empty"),
        ({"source": "urn:a\u0000"}, "/source", "control-character"),
        ({"protocol": "MQTT"}, "/protocol", "not-allowed"),
        ({"protocol": "http"}, "/protocol", "not-allowed"),
        ({"protocolsettings": {"method": "PUT"}}, "/protocolsettings/method", "not-allowed"),
        ({"ordering": "topic"}, "/ordering", "not-allowed"),
        ({"domains": [""]}, "/domains/0", "empty"),
        ({"delivery": {"concurrency": 0}}, "/delivery/concurrency", "out-of-range"),
        ({"delivery": {"concurrency": 257}}, "/delivery/concurrency", "out-of-range"),
        ({"delivery": {"concurrency": True}}, "/delivery/concurrency", "not-an-integer"),
        ({"delivery": {"timeout": 0.5}}, "/delivery/timeout", "out-of-range"),
        ({"delivery": {"timeout": "30"}}, "/delivery/timeout", "not-a-number"),
        ({"delivery": {"retry": {"schedule": []}}}, "/delivery/retry/schedule", "too-few"),
        ({"delivery": {"retry": {"schedule": [0]}}}, "/delivery/retry/schedule/0", "out-of-range"),
        ({"delivery": []}, "/delivery", "not-an-object"),
        ({"delivery": {"mode": "kafka"}}, "/delivery/mode", "not-allowed"),
        ({"delivery": {"maxbatch": 0}}, "/delivery/maxbatch", "out-of-range"),
        ({"delivery": {"maxbatch": 1001}}, "/delivery/maxbatch", "out-of-range"),
        ({"delivery": {"rate": 0}}, "/delivery/rate", "out-of-range"),
        ({"consent": {}}, "/consent", "unknown-field"),
        ({"signing": {"publicKey": "whpk_"}}, "/signing/publicKey", "unknown-field"),
        ({"signing": {"scheme": "v2"}}, "/signing/scheme", "not-allowed"),
        ({"signing": {"secret": "whsec_c2hvcnQ="}}, "/signing/secret", "not-a-secret"),
        ({"signing": {"secret": SECRET[6:]}}, "/signing/secret", "not-a-secret"),
        ({"signing": {"secret": SECRET + "!"}}, "/signing/secret", "not-a-secret"),
        ({"signing": {"secret": "whsec_é"}}, "/signing/secret", "not-a-secret"),
        ({"signing": {"scheme": "v1a", "secret": SECRET}}, "/signing/secret", "not-a-secret"),
        ({"signing": {"secret": PRIVATE}}, "/signing/secret", "not-a-secret"),
        (
            {"signing": {"scheme": "v1a", "secret": PRIVATE[:-4] + "AA=="}},
            "/signing/secret",
            "not-a-secret",
        ),
        (
            {"signing": {"scheme": "v1a", "secret": MISMATCHED}},
            "/signing/secret",
            "not-a-secret",
        ),
        ({"sinkcredential": {}}, "/sinkcredential", "required"),
        ({"sinkcredential": "t"}, "/sinkcredential", "not-an-object"),
        (
            {"sinkcredential": {"credentialtype": "OPEN"}},
            "/sinkcredential",
            "not-allowed",
        ),
        (
            {"sinkcredential": {"credentialtype": "PLAIN", "identifier": "a"}},
            "/sinkcredential/secret",
            "required",
        ),
        (
            {"sinkcredential": {"credentialtype": "ACCESSTOKEN", "accesstoken": "a\u00e9"}},
            "/sinkcredential/accesstoken",
            "malformed",
        ),
    ],
)
def test_a_fault_is_named_where_it_is(fields: dict[str, object], where: str, code: str) -> None:
    """Each has its JSON pointer and a stable code."""
    assert faults(**fields) == {(where, code)}


@pytest.mark.parametrize(
    ("sink", "code"),
    [
        ("", "not-a-url"),
        ("zaken.example", "unknown-scheme"),
        ("/events", "unknown-scheme"),
        ("ftp://zaken.example/", "unknown-scheme"),
        ("https:///events", "no-host"),
        ("https:events", "no-host"),
        ("https://:443/", "no-host"),
        ("https://zaken.example:0/", "no-host"),
        ("https://zaken%2eexample/", "no-host"),
        ("https://[fe80::1%25eth0]/", "no-host"),
        ("https://zaken.example:65536/", "not-a-url"),
        ("https://[::1/", "not-a-url"),
        ("https://zaken.example/a b", "not-a-url"),
        ("https://zaken.example\\@elders.example/", "not-a-url"),
        ("https://gemeente-é.example/", "not-a-url"),
        ("https://zaken.example/" + "x" * 2048, "not-a-url"),
        ("https://jan:geheim@zaken.example/", "userinfo"),
        ("https://@zaken.example/", "userinfo"),
        ("https://zaken.example/#top", "fragment"),
    ],
)
def test_a_sink_is_a_plain_absolute_url(sink: str, code: str) -> None:
    """What two clients could read differently, or what hides a password, is refused."""
    assert faults(sink=sink) == {("/sink", code)}


@pytest.mark.parametrize(
    "start",
    [
        *("", "now", "2026-11-23", "2026-11-23 12:00:00Z", "2026-11-23T12:00Z"),
        *("2026-11-23T12:00:00", "2026-02-30T12:00:00Z", "2026-11-23T24:00:00Z", "1763899200"),
        *(1763899200, None, True),
    ],
)
def test_a_start_is_a_known_word_or_a_time(start: object) -> None:
    """Nothing is guessed about what a client may have meant."""
    assert faults(start=start) == {("/start", "not-a-time")}


def test_a_start_lies_after_1970() -> None:
    """The log counts from there."""
    assert faults(start="1969-12-31T23:59:59Z") == {("/start", "out-of-range")}
    for beyond in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert faults(start=beyond) == {("/start", "not-a-time")}  # there is no such day in UTC
    assert accepted(start="1970-01-01T00:00:00.123456789Z").start != "latest"


@pytest.mark.parametrize(
    ("headers", "where", "code"),
    [
        ({"X Y": "1"}, "/X Y", "not-a-header"),
        ({"": "1"}, "/", "not-a-header"),
        ({"X": "a\r\nb"}, "/X", "control-character"),
        ({"X": ""}, "/X", "not-a-header"),
        ({"X": "é"}, "/X", "not-a-header"),
        ({"X": 1}, "/X", "not-a-string"),
        ({"authorization": "Bearer t"}, "/authorization", "reserved-header"),
        ({"Webhook-Id": "1"}, "/Webhook-Id", "reserved-header"),
        ({"CE-id": "1"}, "/CE-id", "reserved-header"),
        ({"Content-Type": "text/plain"}, "/Content-Type", "reserved-header"),
        ({"host": "x"}, "/host", "reserved-header"),
        ({"Signature": "x"}, "/Signature", "reserved-header"),
        ({"X-A": "1", "x-a": "2"}, "", "duplicate"),
    ],
)
def test_headers_of_the_bus_cannot_be_set(
    headers: dict[str, object], where: str, code: str
) -> None:
    """A subscriber adds headers; those that frame, sign or trace a delivery are the bus's own."""
    found = faults(protocolsettings={"headers": headers})
    assert found == {(f"/protocolsettings/headers{where}", code)}


def test_all_faults_are_named_at_once() -> None:
    """A client mends everything in one go, filters included."""
    assert faults(sink=1, filters=[{"exact": {}}], types=[""], ordering=None, extra=1) == {
        ("/sink", "not-a-string"),
        ("/filters/0/exact", "empty"),
        ("/types/0", "empty"),
        ("/ordering", "not-allowed"),
        ("/extra", "unknown-field"),
    }


def test_missing_fields_are_named() -> None:
    """The two that the standard requires."""
    with pytest.raises(InvalidSubscription) as refusal:
        parse_request(b"{}")
    places = [(fault.where, fault.code) for fault in refusal.value.faults]
    assert places == [("/protocol", "required"), ("/sink", "required")]


@pytest.mark.parametrize("body", [b"", b"nul", b'{"a": NaN}', b'"\xff"', b'{"a": "\\ud800"}'])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    """The fault lies with the whole body."""
    with pytest.raises(InvalidSubscription) as refusal:
        parse_request(body)
    assert [(fault.where, fault.code) for fault in refusal.value.faults] == [("", "not-json")]


def test_a_body_nested_without_end_is_refused() -> None:
    """Depth is a fault of the client, not of the server."""
    with pytest.raises(InvalidSubscription) as refusal:
        parse_request(b'{"config":' + b'{"a":' * 900 + b"1" + b"}" * 901)
    assert [fault.code for fault in refusal.value.faults] == ["too-deep"]


@pytest.mark.parametrize(("levels", "code"), [(30, "unknown-field"), (31, "too-deep")])
def test_a_body_may_be_32_levels_deep(levels: int, code: str) -> None:
    """Far more than a subscription needs; the body and `config` are two of them."""
    config: object = {"a": 1}
    for _ in range(levels - 1):
        config = [config]
    assert {found for _, found in faults(config={"a": config})} == {code}


def test_no_error_repeats_what_the_client_sent() -> None:
    """A filter may hold personal data and a credential a secret: neither gets into an error."""
    with pytest.raises(InvalidSubscription) as refusal:
        parse_request(
            LEAST
            | {
                "sink": "https://jan:999990019@x/",
                "filters": [{"exact": {"subject": 999990019}}, {"exact": "999990019"}],
                "sinkcredential": {"credentialtype": "999990019", "secret": "999990019"},
                "signing": {"secret": "999990019"},
                "start": "999990019",
                "ordering": "999990019",
            }
        )
    assert len(refusal.value.faults) == 7
    assert "999990019" not in f"{refusal.value!r} {refusal.value.faults} {refusal.value}"
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__
