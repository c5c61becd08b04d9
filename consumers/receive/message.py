"""From a request to the events in it: verified first, read after; pure."""

import re
from collections.abc import Iterable, Sequence

from bus.codec import http
from bus.codec.media import Mode, mode_of
from bus.event import Event, InvalidEvent
from consumers.sinks.webhook import message_signature
from consumers.sinks.webhook.sign import Verifier, verify

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class Rejected(Exception):
    """This request is no delivery to act upon; answer it with `status` and, if at all, `detail`.

    401 is not signed by the bus, 415 in a form that is not read, 400 not a valid CloudEvent.
    `detail` repeats nothing of the event.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def read(
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
    *,
    signers: Sequence[Verifier],
    now: float,
    tolerance: float = 300.0,
    uri: str | None = None,
) -> list[Event]:
    """Give the events of a delivery: one, or several when the subscription asked for batches.

    `headers` have lower-case names; `signers` hold the keys that may have signed, several while one
    replaces the other; `now` is Unix time in seconds, from which the signature's time may differ by
    `tolerance`. Raises Rejected.

    In binary mode the attributes travel in headers, which the signature of Standard Webhooks does
    not cover: such a delivery is verified by its HTTP Message Signature (RFC 9421), which covers
    `uri` too, the address that the bus posts to. Without `uri` it is not read.
    """
    headers = list(headers)
    texts = _texts(headers)
    mode = mode_of(texts.get("content-type", ""))
    if mode is Mode.BINARY and uri is not None and "signature-input" in texts:
        try:
            message_signature.verify(signers, texts, body, uri=uri, now=now, tolerance=tolerance)
        except message_signature.BadSignature as error:
            raise Rejected(401, str(error)) from None
    else:
        _verify(texts, body, signers=signers, now=now, tolerance=tolerance)
        if mode not in {Mode.STRUCTURED, Mode.BATCH}:
            raise Rejected(415, "The event is not in a form whose signature covers all of it.")
    return _decoded(headers, body)


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Give headers as text; one that comes twice is both (RFC 9110 §5.2)."""
    texts: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        texts[key] = f"{texts[key]}, {text}" if key in texts else text
    return texts


def _decoded(headers: list[tuple[bytes, bytes]], body: bytes) -> list[Event]:
    try:
        decoded = http.decode(headers, body)
    except InvalidEvent as error:
        places = ", ".join(f"{fault.where or 'body'} {fault.code}" for fault in error.faults[:10])
        raise Rejected(400, f"The event is not valid: {places}.") from error
    except http.UnsupportedContentType as error:
        raise Rejected(415, "The event is in a form that is not read.") from error
    return decoded if isinstance(decoded, list) else [decoded]


def _verify(
    headers: dict[str, str],
    body: bytes,
    *,
    signers: Sequence[Verifier],
    now: float,
    tolerance: float,
) -> None:
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "")
    if not message_id or not signatures or not _TIMESTAMP.fullmatch(timestamp):
        raise Rejected(401, "The request is not signed.")
    if abs(now - int(timestamp)) > tolerance:
        raise Rejected(401, "The signature is too old, or from the future.")
    if not verify(signers, message_id, int(timestamp), body, signatures):
        raise Rejected(401, "The signature is not ours.")
