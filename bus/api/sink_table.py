"""The rows of the table about how the bus and a sink know each other: consent and secrets."""

from typing import Final

from bus.api import rotation, verify
from bus.api.operation import IF_MATCH, SUBSCRIBER, Content, Operation, Outcome

ETAG: Final = {"ETag": "Versie van het abonnement, voor If-Match."}
CHANGED: Final = Outcome("Het abonnement zoals het nu is.", Content("Subscription"), ETAG)

SINK: Final = (
    Operation(
        method="POST",
        path="/v1/subscriptions/{id}/_verify",
        name="verifySink",
        handler=verify.verify,
        roles=SUBSCRIBER,
        tag="Abonneren",
        summary="Vraag de sink opnieuw om toestemming",
        description=(
            "Doet de handdruk van CloudEvents (OPTIONS met `WebHook-Request-Origin`) nog eens, en"
            " bewaart het antwoord in `consent`. Een toegestane snelheid geldt meteen."
        ),
        parameters=(IF_MATCH,),
        outcomes={200: Outcome("Het abonnement, met het antwoord.", Content("Subscription"), ETAG)},
        errors=(409, 412),
    ),
    Operation(
        method="POST",
        path="/v1/subscriptions/{id}/_rotate-secret",
        name="rotateSecret",
        handler=rotation.rotate_secret,
        roles=SUBSCRIBER,
        tag="Abonneren",
        summary="Vervang het geheim waarmee wordt ondertekend",
        description=(
            "Met het nieuwe geheim wordt meteen ondertekend, en gedurende `grace` seconden ook nog"
            " met het vorige: een ontvanger die één van beide kent, kan alles controleren. Met"
            " `grace` 0 vervalt elk ouder geheim meteen. Een geheim van v1 dat de bus maakt staat"
            " alleen in dit antwoord; van v1a wordt de publieke sleutel getoond."
        ),
        body=Content("Rotation"),
        parameters=(IF_MATCH,),
        outcomes={200: CHANGED},
        errors=(409, 412),
    ),
)
