"""How a subscription changes."""

from typing import Any

import orjson
import pytest

from bus.subscription import InvalidSubscription, Subscription, merge_patch, parse_request

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


def test_a_credential_is_kept_replaced_or_removed() -> None:
    """Left alone unless named; the whole of it is needed, for the old one is never read."""
    token = {"credentialtype": "ACCESSTOKEN", "accesstoken": "t"}
    kept, replaced, removed = (
        merge_patch(CURRENT, patch)
        for patch in ({}, {"sinkcredential": token}, {"sinkcredential": None})
    )
    assert (kept.sinkcredential, kept.removes_credential) == (None, False)
    assert replaced.sinkcredential is not None
    assert (removed.sinkcredential, removed.removes_credential) == (None, True)
    assert faults({"sinkcredential": {"accesstoken": "t"}}) == {("/sinkcredential", "required")}


def test_a_signing_secret_is_given_at_creation_only() -> None:
    """A patch that brings one is refused, not silently dropped."""
    secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
    assert faults({"signing": {"secret": secret}}) == {("/signing/secret", "immutable")}
