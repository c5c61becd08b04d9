"""HTTP Message Signatures (RFC 9421) over a POST, with its body by Content-Digest (RFC 9530); pure.

In binary mode the attributes of an event travel in headers, which Standard Webhooks leaves open.
"""

import re
from binascii import b2a_base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from urllib.parse import urlsplit, urlunsplit

from consumers.sinks.webhook.sign import Signs, Verifier, from_base64

_COVERED = ("@method", "@target-uri", "content-digest", "content-type")
"""What a signature covers besides every header of the event."""

_LABEL = r"([a-z*][a-z0-9_.*-]*+)="
_NAME = r'"[!#-\[\]-~]++"'
_PARAMETER = r';([a-z*][a-z0-9_.*-]*+)=(-?[0-9]{1,15}|"(?:[ !#-\[\]-~]|\\["\\])*+")'
_INPUT = re.compile(rf"{_LABEL}(\(({_NAME}(?: {_NAME})*+)\)(?:{_PARAMETER})*+)")
_SIGNATURE = re.compile(rf"{_LABEL}:([A-Za-z0-9+/=]++):")
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_PORTS = {"http": ":80", "https": ":443"}
_MOST = 8  # signatures that are looked at: ours has one, and two during a rotation


class BadSignature(Exception):
    """None of the signatures is to be trusted; the text says why."""


def sign(
    signers: Iterable[Signs],
    headers: Mapping[str, str],
    body: bytes,
    *,
    uri: str,
    keyid: str,
    created: int,
) -> tuple[tuple[str, str], ...]:
    """Give the headers that sign a POST of these headers (in lower case) and this body to `uri`.

    Every `ce-` header is covered. `keyid` is visible ASCII without quotes. Each signer adds one:
    sig1, sig2 …
    """
    digest = content_digest(body)
    everything = {**headers, "content-digest": digest}
    covered = _COVERED + tuple(sorted(name for name in headers if name.startswith("ce-")))
    names = " ".join(f'"{name}"' for name in covered)
    lines = "".join(f'"{name}": {_value(name, everything, uri)}\n' for name in covered)
    inputs, signatures = [], []
    for number, signer in enumerate(signers, 1):
        parameters = f'({names});created={created};keyid="{keyid}";alg="{signer.algorithm}"'
        signature = signer.signature(f'{lines}"@signature-params": {parameters}'.encode())
        inputs.append(f"sig{number}={parameters}")
        signatures.append(f"sig{number}=:{b2a_base64(signature, newline=False).decode()}:")
    return (
        ("Content-Digest", digest),
        ("Signature-Input", ", ".join(inputs)),
        ("Signature", ", ".join(signatures)),
    )


def verify(
    verifiers: Sequence[Verifier],
    headers: Mapping[str, str],
    body: bytes,
    *,
    uri: str,
    now: float,
    tolerance: float,
) -> None:
    """Raise BadSignature unless one signature is of a key, of now, and over all that `sign` covers.

    `headers` have lower-case names; `uri` is the address that was posted to, as the sender knows
    it.
    """
    try:
        uri = target_uri(uri)
    except ValueError:
        raise BadSignature("The request has no address.") from None
    digests = _COMMA.split(headers.get("content-digest", "").strip())
    if content_digest(body) not in digests:
        raise BadSignature("The request has no Content-Digest of its body in SHA-256.")
    needed = {*_COVERED, *(name for name in headers if name.startswith("ce-"))}
    found = [one for one in _read(headers) if needed <= set(one.covered)]
    if not found:
        raise BadSignature("The request is not signed, or not all of it.")
    living = [one for one in found if one.created and abs(now - one.created) <= tolerance]
    if not living:
        raise BadSignature("The signature is too old, or from the future.")
    if not any(one.is_of(verifier, headers, uri) for one in living for verifier in verifiers):
        raise BadSignature("The signature is not ours.")


def target_uri(url: str) -> str:
    """Give a URL as RFC 9421 §2.2.2 wants it, which is how it stands on the wire (RFC 9110 §4.2.3).

    Scheme and host in lower case, no port that goes without saying, and a path.
    """
    parts = urlsplit(url)
    host = parts.netloc.lower().removesuffix(_PORTS.get(parts.scheme, ""))
    return urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))


def content_digest(body: bytes) -> str:
    """Give the value of Content-Digest."""
    return f"sha-256=:{b2a_base64(sha256(body).digest(), newline=False).decode()}:"


@dataclass(frozen=True, slots=True)
class _Signed:
    """One signature with what it says of itself; `parameters` is its text, unchanged."""

    covered: tuple[str, ...]
    parameters: str
    created: int | None
    algorithm: str | None
    signature: bytes

    def is_of(self, verifier: Verifier, headers: Mapping[str, str], uri: str) -> bool:
        if self.algorithm not in {None, verifier.algorithm}:
            return False
        lines = "".join(f'"{name}": {_value(name, headers, uri)}\n' for name in self.covered)
        base = f'{lines}"@signature-params": {self.parameters}'
        return verifier.is_signature(self.signature, base.encode())


def _read(headers: Mapping[str, str]) -> Iterator[_Signed]:
    """Read the signatures, up to the first that is not in a form of ours."""
    signatures = {m[1]: m[2] for m in _members(_SIGNATURE, headers.get("signature", ""))}
    for member in islice(_members(_INPUT, headers.get("signature-input", "")), _MOST):
        label, parameters, names = member[1], member[2], member[3]
        signature = from_base64(signatures.get(label, ""))
        covered = tuple(name.strip('"') for name in names.split(" "))
        if signature is None or not all(_is_known(name, headers) for name in covered):
            continue
        rest = parameters.removeprefix(f"({names})")
        said = {m[1]: m[2].strip('"') for m in re.finditer(_PARAMETER, rest)}
        created = said.get("created", "")
        yield _Signed(
            covered,
            parameters,
            int(created) if created.isdigit() else None,
            said.get("alg"),
            signature,
        )


def _members(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Give the members of a dictionary (RFC 8941), up to the first that is none of ours."""
    place = 0
    while member := pattern.match(text, place):
        yield member
        comma = _COMMA.match(text, member.end())
        if comma is None:
            return
        place = comma.end()


def _is_known(name: str, headers: Mapping[str, str]) -> bool:
    return name in headers or name in {"@method", "@target-uri"}


def _value(name: str, headers: Mapping[str, str], uri: str) -> str:
    match name:
        case "@method":
            return "POST"
        case "@target-uri":
            return uri
        case _:
            return headers[name].strip()
