"""The deliveries, as the OpenAPI document describes them to who builds a component."""

from typing import Any, Final

from bus.api.examples import body

RECEIVE: Final = "Ontvangen"
"""The tag of what a component does."""

_HEADERS: Final = {
    "webhook-id": "Kenmerk van deze aflevering: bij herhaling hetzelfde.",
    "webhook-timestamp": "Moment van deze poging, in seconden sinds 1970.",
    "webhook-signature": "Handtekeningen volgens Standard Webhooks, met spaties ertussen.",
    "WebHook-Request-Origin": "De bus die aflevert.",
}

_ANSWERS: Final = {
    "Ontvangen: de bus levert de volgende gebeurtenis van deze sleutel.": ("2XX",),
    "Het adres is verkeerd ingesteld: de bus probeert het opnieuw volgens `delivery.retry`.": (
        *("3XX", "401", "403", "404", "407", "421"),
    ),
    "Nu even niet: de bus probeert het opnieuw, na `Retry-After` als dat er is.": (
        *("408", "409", "425", "429", "5XX"),
    ),
    "Opgeheven: de bus zet het abonnement uit en bewaart zijn plaats.": ("410",),
    "Deze gebeurtenis geweigerd: zij wordt een dead letter, en de volgende komt.": ("4XX",),
}
"""What the bus does, and the answers of a component that make it do so."""


def webhooks() -> dict[str, Any]:
    """Give the member `webhooks` of the document."""
    media_type = "application/cloudevents+json; charset=utf-8"
    delivery = {
        "operationId": "receiveEvent",
        "tags": [RECEIVE],
        "summary": "Ontvang een gebeurtenis",
        "description": (
            "Zo levert de bus af bij de `sink` van een abonnement: ten minste één keer, en per"
            " sleutel op volgorde. Controleer eerst de handtekening. Een gebeurtenis met dezelfde"
            " `source` en hetzelfde `id` is een herhaling: antwoord 204 en doe er niets mee."
        ),
        "security": [],
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "description": text,
                "schema": {"type": "string"},
            }
            for name, text in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "description": "De gebeurtenis zoals de bron haar heeft gepubliceerd.",
            "content": {media_type: body(media_type, "CloudEvent")},
        },
        "responses": {
            status: {"description": text}
            for text, statuses in _ANSWERS.items()
            for status in statuses
        },
    }
    return {"event": {"post": delivery}}
