"""Retries, secrets and credentials of a subscription."""

from base64 import b64encode

import pytest
from standardwebhooks import Webhook

from bus.subscription import (
    AccessToken,
    Plain,
    RetryPolicy,
    SinkSecrets,
    new_signing_secret,
    signing_key,
)


def test_the_last_wait_repeats() -> None:
    """After the schedule is used up, its last entry stays in force."""
    policy = RetryPolicy(schedule=(5, 60), jitter=0.2)
    assert [policy.delay(failures, 0.5) for failures in (1, 2, 3, 99)] == [5, 60, 60, 60]


def test_jitter_is_a_share_of_the_wait_in_both_directions() -> None:
    """20 % sooner at one end of the dice, 20 % later at the other."""
    policy = RetryPolicy(schedule=(100,), jitter=0.2)
    assert policy.delay(1, 0.0) == pytest.approx(80)
    assert policy.delay(1, 1.0) == pytest.approx(120)


def test_a_made_secret_is_one_that_standard_webhooks_takes() -> None:
    """The libraries of subscribers take the text as the 201 shows it, and find the same key."""
    secret = new_signing_secret()
    assert secret != new_signing_secret()
    assert len(signing_key(secret)) == 32
    assert Webhook(secret)._whsecret == signing_key(secret)


@pytest.mark.parametrize(
    ("credential", "authorization"),
    [
        (AccessToken(credentialtype="ACCESSTOKEN", accesstoken="t.0-k=="), "Bearer t.0-k=="),
        (Plain(credentialtype="PLAIN", identifier="é", secret="a:b"), "Basic w6k6YTpi"),
    ],
)
def test_a_credential_survives_the_store(
    credential: AccessToken | Plain, authorization: str
) -> None:
    """What is sealed is read back as the same credential, and makes the header of each delivery."""
    secrets = SinkSecrets(credential=credential)
    assert SinkSecrets.from_bytes(secrets.to_bytes()) == secrets
    assert SinkSecrets.from_bytes(None).to_bytes() is None
    assert credential.authorization == authorization
    assert authorization.split()[1] not in repr(credential)
    assert "a:b" not in repr(credential)


@pytest.mark.parametrize(("size", "sound"), [(23, False), (24, True), (64, True), (65, False)])
def test_a_signing_key_has_24_to_64_bytes(size: int, *, sound: bool) -> None:
    """The bounds of Standard Webhooks."""
    secret = "whsec_" + b64encode(b"\xff" * size).decode()
    if sound:
        assert signing_key(secret) == b"\xff" * size
    else:
        with pytest.raises(ValueError, match="24 to 64"):
            signing_key(secret)
