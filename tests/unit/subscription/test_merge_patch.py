"""How a subscription changes."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from bus.subscription import (
    Consent,
    InvalidSubscription,
    Signing,
    SinkSecrets,
    Subscription,
    merge_patch,
    new_signing_secret,
    parse_request,
)

CURRENT = parse_request(
    b'{"sink": "https://zaken.example/events", "protocol": "HTTP", "types": ["a", "b"],'
    b' "source": "urn:a", "filters": [{"exact": {"subject": "1"}}],'
    b' "start": "2026-11-23T12:00:00+00:00",'
    b' "protocolsettings": {"headers": {"X-A": "1", "X-B": "2"}},'
    b' "delivery": {"concurrency": 4, "retry": {"schedule": [1]}}}'
).subscription(id="s", organisation="00000000000000000001")


def patched(patch: object) -> Subscription:
    """Give the subscription after this patch."""
    request = merge_patch(CURRENT, orjson.dumps(patch))
    return request.subscription(id=CURRENT.id, organisation=CURRENT.organisation)


def faults(patch: object) -> set[tuple[str, str]]:
    """Give where and why this patch is refused."""
    with pytest.raises(InvalidSubscription) as refusal:
        merge_patch(CURRENT, orjson.dumps(patch))
    return {(fault.where, fault.code) for fault in refusal.value.faults}


def test_nothing_changes_nothing() -> None:
    """Neither the empty patch nor the whole document as a patch."""
    assert patched({}) == CURRENT
    assert patched(CURRENT.document()) == CURRENT


def test_objects_merge_and_everything_else_is_replaced() -> None:
    """RFC 7396: arrays are replaced whole, null takes away."""
    after = patched(
        {
            "types": ["c"],
            "source": None,
            "filters": [],
            "protocolsettings": {"headers": {"X-A": None, "X-C": "3"}},
            "delivery": {"timeout": 60},
        }
    )
    assert (after.types, after.source, after.filters) == (("c",), None, ())
    assert after.protocolsettings.headers == {"X-B": "2", "X-C": "3"}
    assert (after.delivery.concurrency, after.delivery.timeout) == (4, 60)
    assert list(after.delivery.retry.schedule) == [1]
    assert (after.sink, after.start) == (CURRENT.sink, CURRENT.start)


@pytest.mark.parametrize(
    ("patch", "where"),
    [
        ({"id": "t"}, "/id"),
        ({"id": None}, "/id"),
        ({"organisation": "00000000000000000002"}, "/organisation"),
        ({"start": "latest"}, "/start"),
        ({"start": None}, "/start"),
        ({"start": "2026-11-23T12:00:01Z"}, "/start"),
    ],
)
def test_what_a_subscription_is_cannot_change(patch: dict[str, Any], where: str) -> None:
    """Its identity, its owner and where it began."""
    assert faults(patch) == {(where, "immutable")}


def test_the_same_moment_in_other_words_is_no_change() -> None:
    """Only another start is refused."""
    assert patched({"start": "2026-11-23T13:00:00+01:00"}) == CURRENT


def test_the_result_is_judged_like_a_new_request() -> None:
    """Faults stand where they stand in the subscription."""
    assert faults({"sink": None, "delivery": {"retry": {"x": 1}}, "filters": [{"sql": ""}]}) == {
        ("/sink", "required"),
        ("/delivery/retry/x", "unknown-field"),
        ("/filters/0/sql", "syntax"),
    }
    assert faults([]) == {("", "not-an-object")}


def test_a_secret_is_kept_replaced_or_removed() -> None:
    """Left alone unless named; the whole of it is needed, for the old one is never read."""
    token = {"credentialtype": "ACCESSTOKEN", "accesstoken": "t"}
    plain = {"credentialtype": "PLAIN", "identifier": "a", "secret": "b"}
    both = SinkSecrets.model_validate({"credential": plain, "tls": {}})
    for patch, after in (
        ({}, both),
        ({"sinkcredential": token}, SinkSecrets.model_validate({"credential": token, "tls": {}})),
        ({"sinkcredential": None}, SinkSecrets.model_validate({"tls": {}})),
        ({"sinktls": None}, SinkSecrets.model_validate({"credential": plain})),
        ({"sinktls": None, "sinkcredential": None}, None),
    ):
        sealed = merge_patch(CURRENT, patch).change_secrets(both.to_bytes())
        assert (None if sealed is None else SinkSecrets.from_bytes(sealed)) == after
    assert faults({"sinkcredential": {"accesstoken": "t"}}) == {("/sinkcredential", "required")}


@pytest.mark.parametrize(
    ("patch", "where"),
    [
        ({"signing": {"secret": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"}}, "/signing"),
        ({"signing": {"scheme": "v1a"}}, "/signing"),
        ({"signing": None}, "/signing"),
        ({"consent": {"result": "granted", "at": "2026-11-23T12:00:00Z"}}, "/consent"),
    ],
)
def test_what_has_a_call_of_its_own_is_refused_here(patch: dict[str, Any], where: str) -> None:
    """Secrets are rotated, consent is the sink's: neither is silently dropped from a patch."""
    assert faults(patch) == {(where, "immutable")}


def test_what_was_read_may_be_sent_back() -> None:
    """A public key, the end of a grace period and a consent change nothing where they are equal."""
    signing = Signing.by(new_signing_secret("v1a"), previous_until=datetime.now(UTC))
    consent = Consent(result="granted", at=datetime.now(UTC), origin="*", rate=60)
    read = CURRENT.model_copy(update={"signing": signing, "consent": consent})
    assert Subscription.from_json(read.to_json()) == read
    merge_patch(read, read.document())
