"""The deliveries, as the OpenAPI document describes them to who builds a component."""

from typing import Any, Final, NamedTuple

from bus.api.examples import body
from bus.codec.media import BATCH, STRUCTURED

RECEIVE: Final = "Ontvangen"
"""The tag of what a component does."""


class _Header(NamedTuple):
    """One header: what it is, in Dutch, what it looks like, and whether it is always there."""

    name: str
    description: str
    example: str
    required: bool = True


_ORIGIN: Final = _Header(
    "WebHook-Request-Origin", "De bus die aflevert: haar naam als host.", "bus.example.nl"
)
_EVERY: Final = (
    _Header(
        "webhook-id",
        "Kenmerk van deze aflevering: bij elke herhaling hetzelfde.",
        "msg_2f9a6c1e0b7d4f3a8e5c9d1b7a604e2d",
    ),
    _Header("webhook-timestamp", "Moment van deze poging, in seconden sinds 1970.", "1795461185"),
    _Header(
        "webhook-signature",
        "Handtekeningen volgens Standard Webhooks (`v1`, of `v1a` bij Ed25519) over"
        " `webhook-id`, `webhook-timestamp` en de body, met punten ertussen. Met spaties ertussen"
        " als er meer zijn: zolang een geheim wordt vervangen. Een die klopt is genoeg.",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    _ORIGIN,
    _Header(
        "Gemeentebus-Replay",
        "Staat er bij een gevraagde herhaling (`_replay`), en is dan `true`.",
        "true",
        required=False,
    ),
)
_TRACE: Final = (
    _Header(
        "traceparent",
        "Spoor van de gebeurtenis (W3C Trace Context), als de bron het meegaf.",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        required=False,
    ),
    _Header(
        "tracestate",
        "Wat de bron verder van dat spoor meegaf.",
        "zaken=00f067aa0ba902b7",
        required=False,
    ),
)
_SIGNED: Final = (
    _Header(
        "Content-Digest",
        "SHA-256 van de body (RFC 9530).",
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
    ),
    _Header(
        "Signature-Input",
        "Wat `Signature` dekt (RFC 9421): methode, adres, `Content-Digest`, `Content-Type` en elke"
        " header die met `ce-` begint. `keyid` is het kenmerk van het abonnement.",
        'sig1=("@method" "@target-uri" "content-digest" "content-type" "ce-id" "ce-source"'
        ' "ce-specversion" "ce-type");created=1795461185;'
        'keyid="6f1c2f0e-9d0b-4c0e-8a52-6f2f1a7a9b10";alg="hmac-sha256"',
    ),
    _Header(
        "Signature",
        "Handtekeningen volgens RFC 9421, ook over de attributen: `webhook-signature` dekt alleen"
        " de body. Controleer in deze vorm deze.",
        "sig1=:CvSyk3bPlwQvz4NMVAOFrWZYL0Nz8a6Y1nYJkTvBvGI=:",
    ),
)
_ATTRIBUTES: Final = (
    _Header("ce-specversion", "Versie van CloudEvents.", "1.0"),
    _Header("ce-id", "Kenmerk, door de bron gegeven.", "4f9c3a2e-1111-4222-8333-444455556666"),
    _Header(
        "ce-source", "Bron van de gebeurtenis.", "urn:nld:oin:00000001823288444000:systeem:zaken"
    ),
    _Header("ce-type", "Soort gebeurtenis.", "nl.vng.zaken.zaak-gewijzigd"),
    *(
        _Header(f"ce-{name}", text, example, required=False)
        for name, text, example in (
            ("subject", "Waar de gebeurtenis over gaat; log het niet.", "zaak-2026-0001234"),
            ("time", "Moment van de gebeurtenis (RFC 3339).", "2026-11-23T19:13:05.123Z"),
            ("dataschema", "Waar het schema van de data staat.", "https://zaken.example.nl/zaak"),
            ("dataref", "Waar de gegevens te bevragen zijn.", "https://zaken.example.nl/zaken/1"),
            ("partitionkey", "Met dezelfde waarde op volgorde.", "zaak-2026-0001234"),
        )
    ),
)

_TEMPORARY: Final = "Nu even niet: de bus probeert het opnieuw, na `Retry-After` als dat er is."
_ANSWERS: Final = {
    "Ontvangen: de bus levert de volgende gebeurtenis van deze sleutel.": ("2XX",),
    "Het adres is verkeerd ingesteld: de bus probeert het opnieuw volgens `delivery.retry`.": (
        *("3XX", "401", "403", "404", "407", "421"),
    ),
    _TEMPORARY: ("408", "409", "425", "429", "5XX"),
    "Opgeheven: de bus zet het abonnement uit en bewaart zijn plaats.": ("410",),
    "Deze gebeurtenis geweigerd: zij wordt een dead letter, en de volgende komt.": ("4XX",),
}
"""What the bus does, and the answers of a component that make it do so."""

_RETRY_AFTER: Final = {
    "description": "Seconden, of een tijdstip, waarna de bus het opnieuw probeert; tot dan krijgt"
    " het abonnement niets en telt er geen poging.",
    "schema": {"type": "string"},
    "example": "120",
}

_DELIVERED: Final = (
    "De bus levert ten minste één keer af bij de `sink` van een abonnement, en per sleutel op"
    " volgorde. Controleer eerst de handtekening. Een gebeurtenis met dezelfde `source` en"
    " hetzelfde `id` is een herhaling: antwoord 204 en doe er niets mee."
)


def webhooks() -> dict[str, Any]:
    """Give the member `webhooks` of the document: a delivery in each mode, and the handshake."""
    structured, batch = f"{STRUCTURED}; charset=utf-8", f"{BATCH}; charset=utf-8"
    return {
        "event": {
            "post": _delivery(
                "receiveEvent",
                "Ontvang een gebeurtenis",
                "Zo bij `delivery.mode` structured: attributen en data samen in JSON.",
                headers=(*_EVERY, *_TRACE),
                media_type=structured,
            )
        },
        "eventBinary": {
            "post": _delivery(
                "receiveBinaryEvent",
                "Ontvang een gebeurtenis met de attributen in headers",
                "Zo bij `delivery.mode` binary: de body is de data, van de soort die"
                " `Content-Type` zegt. Elk attribuut staat in een header die met `ce-` begint, ook"
                " dat hieronder niet staat; wat geen header kan dragen is met procenten gecodeerd"
                " (UTF-8). Een gebeurtenis zonder data, of zonder soort, komt zoals `event`.",
                headers=(*_ATTRIBUTES, *_EVERY, *_SIGNED, *_TRACE),
                media_type="*/*",
            )
        },
        "eventBatch": {
            "post": _delivery(
                "receiveEventBatch",
                "Ontvang gebeurtenissen, meer per verzoek",
                "Zo bij `delivery.mode` batch: gebeurtenissen van verschillende sleutels, hoogstens"
                " `delivery.maxbatch`. Het antwoord geldt voor allemaal; wie een verzoek met meer"
                " weigert, krijgt ze daarna één voor één.",
                headers=_EVERY,
                media_type=batch,
            )
        },
        "consent": {"options": _handshake()},
    }


def _delivery(
    name: str, summary: str, description: str, *, headers: tuple[_Header, ...], media_type: str
) -> dict[str, Any]:
    return {
        "operationId": name,
        "tags": [RECEIVE],
        "summary": summary,
        "description": f"{description} {_DELIVERED}",
        "security": [],
        "parameters": [_parameter(header) for header in headers],
        "requestBody": {
            "required": True,
            "description": "Wat de bron heeft gepubliceerd, ongewijzigd.",
            "content": {media_type: body(media_type, "CloudEvent")},
        },
        "responses": {
            status: {"description": text, "headers": {"Retry-After": _RETRY_AFTER}}
            if text == _TEMPORARY
            else {"description": text}
            for text, statuses in _ANSWERS.items()
            for status in statuses
        },
    }


def _handshake() -> dict[str, Any]:
    """Describe what is asked of a sink when a subscription is made (CloudEvents webhook §4)."""
    asked = _Header(
        "WebHook-Request-Rate",
        "Verzoeken per minuut die de bus wil doen; alleen als `delivery.rate` er is.",
        "3000",
        required=False,
    )
    allowed = {
        "WebHook-Allowed-Origin": ("De naam die werd gevraagd, of `*`.", "bus.example.nl"),
        "WebHook-Allowed-Rate": ("Verzoeken per minuut die mogen, of `*`; 0 weigert.", "*"),
    }
    answer = {
        "description": "Met deze headers staat u toe dat de bus aflevert, wat de status ook is.",
        "headers": {
            name: {"description": text, "schema": {"type": "string"}, "example": example}
            for name, (text, example) in allowed.items()
        },
    }
    return {
        "operationId": "allowDeliveries",
        "tags": [RECEIVE],
        "summary": "Sta toe dat de bus aflevert",
        "description": "Zo vraagt de bus het bij een nieuw abonnement, bij een andere `sink` en bij"
        " `_verify`. Het antwoord staat in `consent` van het abonnement.",
        "security": [],
        "parameters": [_parameter(header) for header in (_ORIGIN, asked)],
        "responses": {"default": answer},
    }


def _parameter(header: _Header) -> dict[str, Any]:
    return {
        "name": header.name,
        "in": "header",
        "required": header.required,
        "description": header.description,
        "schema": {"type": "string"},
        "example": header.example,
    }
