"""Secrets that sign, one after the other and for a while together."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.subscription import (
    InvalidSubscription,
    SigningKey,
    new_signing_secret,
    parse_rotation,
    read_keys,
    rotate,
    write_keys,
)

DAY = 86_400.0

turns = st.lists(
    st.tuples(st.floats(0, 10 * DAY), st.one_of(st.just(0.0), st.floats(1, 7 * DAY))), max_size=6
)


@given(turns)
def test_each_secret_signs_until_the_end_of_its_own_grace(turns: list[tuple[float, float]]) -> None:
    """The newest always signs; one before it until its end, unless a later turn had no grace."""
    keys, now = [SigningKey("s0")], 0.0
    ends: dict[str, float] = {}
    for number, (later, grace) in enumerate(turns, 1):
        now += later
        ends[keys[0].secret] = now + grace
        if grace == 0:
            ends = dict.fromkeys(ends, now)
        keys = rotate(keys, f"s{number}", grace=grace, now=now)
        signing = {key.secret for key in keys if key.signs(now)}
        assert signing == {f"s{number}"} | {s for s, end in ends.items() if now < end}
        assert keys[0] == SigningKey(f"s{number}")
        assert read_keys(write_keys(keys)) == keys
    assert all(key.until is not None for key in keys[1:])


def test_a_bare_secret_is_a_key_without_end() -> None:
    """What was stored before anything was rotated."""
    secret = new_signing_secret()
    assert read_keys(secret.encode()) == [SigningKey(secret)]
    assert secret not in repr(read_keys(secret.encode()))


def test_a_wish_keeps_the_scheme_and_a_day_of_grace() -> None:
    """Unless it says otherwise."""
    wish = parse_rotation(b"{}", "v1a")
    assert (wish.scheme, wish.grace, wish.key()[:5]) == ("v1a", DAY, "whsk_")
    assert wish.to_show("whsk_x") is None
    other = parse_rotation(b'{"scheme": "v1", "grace": 0}', "v1a")
    assert (other.scheme, other.grace, other.key()[:6]) == ("v1", 0, "whsec_")
    assert other.to_show("whsec_x") == "whsec_x"


@pytest.mark.parametrize(
    ("wish", "where", "code"),
    [
        ({"grace": -1}, "/grace", "out-of-range"),
        ({"grace": 7 * DAY + 1}, "/grace", "out-of-range"),
        ({"grace": "1"}, "/grace", "not-a-number"),
        ({"scheme": "v2"}, "/scheme", "not-allowed"),
        ({"secret": "whsec_QUJD"}, "/secret", "not-a-secret"),
        ({"secret": new_signing_secret("v1a")}, "/secret", "not-a-secret"),
        ({"keep": True}, "/keep", "unknown-field"),
        ([], "", "not-an-object"),
    ],
)
def test_a_fault_is_named(wish: Any, where: str, code: str) -> None:  # noqa: ANN401 - any JSON
    """Each has its JSON pointer and a stable code."""
    with pytest.raises(InvalidSubscription) as refusal:
        parse_rotation(orjson.dumps(wish), "v1")
    assert [(fault.where, fault.code) for fault in refusal.value.faults] == [(where, code)]
