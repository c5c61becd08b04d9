"""Sealed secrets open for their own subscription and kind, with their own key only."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.store.errors import WrongKey
from bus.store.secrets import Kind, Sealer

KEY = bytes(range(32))
SUBSCRIPTION = uuid.UUID(int=7)


@given(
    secret=st.binary(max_size=200),
    id_=st.uuids(),
    kind=st.sampled_from(("signing", "sinkcredential")),
)
def test_what_is_sealed_opens_again(secret: bytes, id_: uuid.UUID, kind: Kind) -> None:
    """Any bytes come back as they were."""
    sealer = Sealer(KEY)
    sealed = sealer.seal(secret, subscription=id_, kind=kind)
    assert sealer.unseal(sealed, subscription=id_, kind=kind) == secret


def test_the_sealed_form_tells_nothing() -> None:
    """The secret is not in it, and sealing twice gives two forms."""
    sealer = Sealer(KEY)
    forms = [sealer.seal(b"correct horse", subscription=SUBSCRIPTION, kind="signing") for _ in "ab"]
    assert forms[0] != forms[1]
    assert not any(b"horse" in form for form in forms)


@pytest.mark.parametrize(
    ("key", "id_", "kind"),
    [
        (bytes(32), SUBSCRIPTION, "signing"),
        (KEY, uuid.UUID(int=8), "signing"),
        (KEY, SUBSCRIPTION, "sinkcredential"),
    ],
    ids=["another key", "another subscription", "another kind"],
)
def test_a_secret_opens_nowhere_else(key: bytes, id_: uuid.UUID, kind: Kind) -> None:
    """The error names the subscription and nothing of the secret."""
    sealed = Sealer(KEY).seal(b"correct horse", subscription=SUBSCRIPTION, kind="signing")
    with pytest.raises(WrongKey, match=str(id_)) as caught:
        Sealer(key).unseal(sealed, subscription=id_, kind=kind)
    assert caught.value.subscription == id_
    assert "horse" not in str(caught.value)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(20), b"\x02" + bytes(60)])
def test_bytes_that_are_no_sealed_secret_are_refused(sealed: bytes) -> None:
    """Too short, damaged or of a later form: WrongKey, never a crash."""
    with pytest.raises(WrongKey):
        Sealer(KEY).unseal(sealed, subscription=SUBSCRIPTION, kind="signing")


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_size_is_refused(size: int) -> None:
    """AES would take 16 and 24 bytes too; the settings promise 32."""
    with pytest.raises(ValueError, match="32"):
        Sealer(bytes(size))
