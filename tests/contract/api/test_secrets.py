"""Secrets of a subscription over HTTP: rotated, replaced, never shown, never half stored."""

import asyncio
from datetime import datetime
from typing import Any

import orjson
import pytest
from standardwebhooks import Webhook

from bus.subscription import SinkSecrets, new_signing_secret, public_key, read_keys
from tests.certificates import made_certificate
from tests.contract.api.bus_under_test import Bus, subscription
from tests.contract.api.test_subscriptions_api import MERGE_PATCH, PATH, make, stored

pytestmark = pytest.mark.asyncio(loop_scope="session")

CERTIFICATE, KEY = made_certificate()
_, OTHER_KEY = made_certificate()
EXPIRED, EXPIRED_KEY = made_certificate(days=-1)
WEAK, WEAK_KEY = made_certificate(weak=True)
CLIENT = {
    "credentialtype": "CLIENTCREDENTIALS",
    "clientid": "bus",
    "clientsecret": "g3heim",
    "tokenendpoint": "http://127.0.0.1:9/token",
}
REFRESH = {
    "credentialtype": "REFRESHTOKEN",
    "accesstoken": "t0ken",
    "accesstokenexpiresutc": "2026-11-23T12:00:00Z",
    "refreshtoken": "r3fresh",
    "refreshtokenendpoint": "http://127.0.0.1:9/token",
}


async def keys_of(bus: Bus, made: Any) -> list[str]:  # noqa: ANN401 - a Reply
    """Give the secrets that the dispatcher will sign with, the newest first."""
    return [key.secret for key in read_keys((await stored(bus, made)).secret)]


async def rotate(bus: Bus, made: Any, **wish: object) -> Any:  # noqa: ANN401 - a Reply
    """Rotate the secret of a subscription."""
    return await bus.call("POST", f"{made.headers['Location']}/_rotate-secret", json=wish)


async def test_a_rotation_keeps_the_old_secret_for_a_day(bus: Bus) -> None:
    """The new secret is shown once; the old one signs too until the moment that is shown."""
    made = await make(bus)
    old = made.json["signing"]["secret"]
    rotated = await rotate(bus, made)
    assert rotated.status == 200, rotated.text
    new = rotated.json["signing"].pop("secret")
    Webhook(new)
    assert await keys_of(bus, made) == [new, old]
    (_, ending) = read_keys((await stored(bus, made)).secret)
    until = datetime.fromisoformat(rotated.json["signing"]["previousUntil"])
    assert ending.until == pytest.approx(until.timestamp())
    shown = await bus.call("GET", made.headers["Location"])
    assert (shown.json, new in shown.text) == (rotated.json, False)
    assert shown.headers["ETag"] == rotated.headers["ETag"] != made.headers["ETag"]


async def test_a_leaked_secret_ends_at_once(bus: Bus) -> None:
    """With a grace of 0 only the new one signs, whatever was rotated before."""
    made = await make(bus)
    await rotate(bus, made)
    rotated = await rotate(bus, made, grace=0)
    assert await keys_of(bus, made) == [rotated.json["signing"]["secret"]]
    assert "previousUntil" not in rotated.json["signing"]


async def test_another_scheme(bus: Bus) -> None:
    """From v1 to v1a: the public key is shown for good, the private one never, both sign."""
    made = await make(bus)
    rotated = await rotate(bus, made, scheme="v1a")
    signing = rotated.json["signing"]
    assert (signing["scheme"], "secret" in signing) == ("v1a", False)
    assert len(public_key(signing["publicKey"])) == 32
    keys = await keys_of(bus, made)
    assert [key[:6] for key in keys] == ["whsk_" + keys[0][5], "whsec_"]
    assert keys[0] not in rotated.text
    fresh = await make(bus, signing={"scheme": "v1a"})
    assert fresh.json["signing"]["publicKey"].startswith("whpk_")
    assert "secret" not in fresh.json["signing"]


async def test_rotations_at_once_lose_no_secret(bus: Bus) -> None:
    """Each is told the secret that it made, and all of them sign; one too many is refused."""
    made = await make(bus)
    replies = await asyncio.gather(*(rotate(bus, made) for _ in range(3)))
    told = {reply.json["signing"]["secret"] for reply in replies}
    keys = await keys_of(bus, made)
    assert {*keys} == told | {made.json["signing"]["secret"]}
    refused = await rotate(bus, made)
    assert refused.status == 409
    assert refused.json["type"].endswith(":too-many-secrets")
    assert await keys_of(bus, made) == keys
    shown = await bus.call("GET", made.headers["Location"])
    assert shown.headers["ETag"] == f'"{(await stored(bus, made)).revision}"'


@pytest.mark.parametrize(
    ("wish", "faults"),
    [
        ({"grace": 604_801}, [("/grace", "out-of-range")]),
        ({"secret": "whsec_c2hvcnQ="}, [("/secret", "not-a-secret")]),
        ({"scheme": "v1a", "secret": "whsk_c2hvcnQ="}, [("/secret", "not-a-secret")]),
        ({"scheme": "v1a", "secret": new_signing_secret()}, [("/secret", "not-a-secret")]),
        ({"until": "x"}, [("/until", "unknown-field")]),
    ],
)
async def test_a_wrong_rotation(bus: Bus, wish: dict[str, Any], faults: object) -> None:
    """Each fault is named, no value is repeated, and the secret stays."""
    made = await make(bus)
    reply = await rotate(bus, made, **wish)
    assert (reply.status, reply.faults()) == (400, faults)
    assert "c2hvcnQ" not in reply.text
    assert await keys_of(bus, made) == [made.json["signing"]["secret"]]


@pytest.mark.parametrize(
    ("wish", "faults"),
    [
        (
            {"signing": {"scheme": "v1a", "secret": "whsk_c2hvcnQ="}},
            [("/signing/secret", "not-a-secret")],
        ),
        (
            {"sinkcredential": {**REFRESH, "refreshtokenendpoint": "https://10.0.0.1/t"}},
            [("/sinkcredential/refreshtokenendpoint", "forbidden-sink")],
        ),
        (
            {"sinkcredential": {**CLIENT, "tokenendpoint": "https://169.254.169.254/t"}},
            [("/sinkcredential/tokenendpoint", "forbidden-sink")],
        ),
        (
            {"sinkcredential": {**CLIENT, "tokenendpoint": "ftp://x"}},
            [("/sinkcredential/tokenendpoint", "unknown-scheme")],
        ),
        (
            {"sinkcredential": {**CLIENT, "clientid": "é"}},
            [("/sinkcredential/clientid", "malformed")],
        ),
        ({"sinkcredential": {**CLIENT, "scope": "a  b"}}, [("/sinkcredential/scope", "malformed")]),
        (
            {"sinkcredential": {**CLIENT, "tenant": "x"}},
            [("/sinkcredential/tenant", "unknown-field")],
        ),
        (
            {"sinkcredential": {**REFRESH, "accesstokenexpiresutc": "soon"}},
            [("/sinkcredential/accesstokenexpiresutc", "not-a-time")],
        ),
        (
            {"sinktls": {"certificate": "x", "key": KEY}},
            [("/sinktls/certificate", "not-a-certificate")],
        ),
        ({"sinktls": {"certificate": CERTIFICATE}}, [("/sinktls", "required")]),
        ({"sinktls": {"key": KEY}}, [("/sinktls/key", "required")]),
        (
            {"sinktls": {"certificate": CERTIFICATE, "key": "g3heim"}},
            [("/sinktls/key", "not-a-key")],
        ),
        (
            {"sinktls": {"certificate": CERTIFICATE, "key": OTHER_KEY}},
            [("/sinktls/key", "not-a-pair")],
        ),
        (
            {"sinktls": {"certificate": EXPIRED, "key": EXPIRED_KEY}},
            [("/sinktls/certificate", "expired")],
        ),
        (
            {"sinktls": {"certificate": WEAK, "key": WEAK_KEY}},
            [("/sinktls/certificate", "unusable")],
        ),
        ({"sinktls": {"authorities": "x"}}, [("/sinktls/authorities", "not-a-certificate")]),
        ({"sinktls": {"password": "x"}}, [("/sinktls/password", "unknown-field")]),
    ],
)
async def test_a_wrong_secret(bus: Bus, wish: dict[str, Any], faults: object) -> None:
    """Each fault is named where it is; what was given is not repeated; nothing is made."""
    before = (await bus.call("GET", f"{PATH}?limit=200")).json
    reply = await bus.call("POST", PATH, json=subscription(**wish))
    assert (reply.status, reply.faults()) == (400, faults)
    assert not any(text in reply.text for text in ("g3heim", "r3fresh", "t0ken", "PRIVATE"))
    assert (await bus.call("GET", f"{PATH}?limit=200")).json == before


@pytest.mark.parametrize("credential", [CLIENT, REFRESH])
async def test_credentials_and_certificates_are_write_only(
    bus: Bus, credential: dict[str, Any]
) -> None:
    """No answer has them; each is kept, replaced and removed by itself."""
    tls = {"certificate": CERTIFICATE, "key": KEY, "authorities": CERTIFICATE}
    made = await make(bus, sinkcredential=credential, sinktls=tls)
    path = made.headers["Location"]

    async def kept() -> SinkSecrets:
        return SinkSecrets.from_bytes((await stored(bus, made)).credential)

    before = await kept()
    assert before == SinkSecrets.from_bytes(orjson.dumps({"credential": credential, "tls": tls}))
    change = {"types": ["a.b"]}
    changed = await bus.call("PATCH", path, json=change, headers=MERGE_PATCH)
    assert await kept() == before
    without = await bus.call("PATCH", path, json={"sinkcredential": None}, headers=MERGE_PATCH)
    assert await kept() == SinkSecrets(tls=before.tls)
    replaced = await bus.call("PUT", path, json=subscription(sinktls=None) | {"sinktls": None})
    assert (await stored(bus, made)).credential is None
    for reply in (made, changed, without, replaced, await bus.call("GET", path)):
        assert reply.status in {200, 201}, reply.text
        assert not {"sinkcredential", "sinktls"} & reply.json.keys()
        assert not any(text in reply.text for text in ("g3heim", "r3fresh", "t0ken", "PRIVATE"))
