"""The rows of the table of operations for those who fetch."""

from typing import Final

from bus.api import pull
from bus.api.operation import SUBSCRIBER, Content, Operation, Outcome, Parameter
from bus.api.sse import EVENT_STREAM
from bus.codec.media import BATCH

_TEXT: Final = {"type": "string"}

PULL: Final = (
    Operation(
        method="GET",
        path="/v1/subscriptions/{id}/events",
        name="pullEvents",
        handler=pull.events,
        roles=SUBSCRIBER,
        tag="Ophalen",
        summary="Haal gebeurtenissen op",
        description=(
            "Geeft wat aan de filters voldoet en nu gelezen mag worden, op volgorde per sleutel."
            " Met `after` houdt de afnemer zelf bij waar hij is; zonder doet de bus dat, voor een"
            " abonnement met protocol PULL, en verzet `_ack` de positie. Een antwoord zonder"
            " gebeurtenissen kan toch een nieuwe cursor hebben: er is verder gezocht. Ligt de"
            " positie voor wat het log nog heeft, dan volgt 410 met de cursor waarmee het verder"
            " gaat. Bij een abonnement dat wordt afgeleverd is dit een blik, die niets verzet. Met"
            " `Accept: text/event-stream` blijft het antwoord open: elk bericht heeft zijn cursor"
            " als `id`, en `Last-Event-ID` gaat daarna verder."
        ),
        parameters=(
            Parameter("after", "De cursor van een eerder antwoord.", _TEXT),
            Parameter(
                "limit",
                "Het aantal gebeurtenissen, ten hoogste.",
                {"type": "integer", "minimum": 1, "maximum": pull.MOST_EVENTS},
            ),
            Parameter("Last-Event-ID", "De cursor van het laatste bericht.", _TEXT, "header"),
            Parameter(
                "wait",
                "Seconden wachten als er niets is.",
                {"type": "number", "minimum": 0, "maximum": pull.LONGEST_WAIT},
            ),
        ),
        outcomes={
            200: Outcome(
                "De gebeurtenissen, en de cursor erachter.",
                Content("PulledEvents"),
                {
                    "Cursor": "De cursor achter deze gebeurtenissen.",
                    "Link": "Het vervolg, met rel=next.",
                },
                also=(
                    Content("CloudEvent", (BATCH,)),
                    Content("EventStream", (EVENT_STREAM,)),
                ),
            )
        },
        errors=(406, 410, 429),
    ),
    Operation(
        method="POST",
        path="/v1/subscriptions/{id}/events/_ack",
        name="acknowledgeEvents",
        handler=pull.acknowledge,
        roles=SUBSCRIBER,
        tag="Ophalen",
        summary="Zeg tot waar gebeurtenissen zijn verwerkt",
        description=(
            "Verzet de positie die de bus bijhoudt. Dezelfde cursor nog eens verandert niets; een"
            " oudere geeft 409, tenzij met `rewind`."
        ),
        body=Content("AckRequest"),
        outcomes={200: Outcome("Waar de positie nu is.", Content("Acknowledged"))},
        errors=(409,),
    ),
)
