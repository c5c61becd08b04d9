"""The operations on what became of events: pauses, replays, dead letters, attempts."""

from typing import Final

from bus.api import attempts, commands, dead_letters, deliveries, invalid_records
from bus.api.operation import OPERATOR, PAGE, SUBSCRIBER, Content, Operation, Outcome, Parameter

_TAG = "Bezorgen"
_SUBSCRIPTION = Outcome("Het abonnement zoals het nu is.", Content("Subscription"))
_LETTERS = Content("LettersRequest")
_TIME = {"type": "string", "format": "date-time"}

DELIVERY: Final = (
    Operation(
        method="POST",
        path="/v1/subscriptions/{id}/_pause",
        name="pauseSubscription",
        handler=commands.pause,
        roles=SUBSCRIBER,
        tag=_TAG,
        summary="Onderbreek het afleveren",
        description=(
            "Houdt de plaats in het log vast; wat onderweg is kan nog aankomen. Nog eens"
            " onderbreken verandert niets. Wat het log intussen kwijtraakt, is weg."
        ),
        outcomes={200: _SUBSCRIPTION},
        errors=(400, 409),
    ),
    Operation(
        method="POST",
        path="/v1/subscriptions/{id}/_resume",
        name="resumeSubscription",
        handler=commands.resume,
        roles=SUBSCRIBER,
        tag=_TAG,
        summary="Hervat het afleveren",
        description="Ook van een abonnement dat de bus zelf heeft uitgezet (`disabled`).",
        outcomes={200: _SUBSCRIPTION},
        errors=(400,),
    ),
    Operation(
        method="POST",
        path="/v1/subscriptions/{id}/_replay",
        name="replaySubscription",
        handler=commands.replay,
        roles=SUBSCRIBER,
        tag=_TAG,
        summary="Lever nog eens af",
        description=(
            "Gaat terug naar `from` (een tijdstip, `earliest`, of een plaats per partitie) en"
            " levert opnieuw af wat nu aan de filters voldoet: tot `until`, of tot waar het"
            " abonnement nu is. Er is er één tegelijk; wat het log niet meer heeft, wordt"
            " geweigerd."
        ),
        body=Content("ReplayRequest"),
        outcomes={202: Outcome("Het wordt gedaan.", Content("Replay"))},
        errors=(409,),
    ),
    Operation(
        method="GET",
        path="/v1/subscriptions/{id}/dead-letters",
        name="listDeadLetters",
        handler=dead_letters.list_page,
        roles=SUBSCRIBER | OPERATOR,
        tag=_TAG,
        summary="Toon onbestelbare berichten",
        description=(
            "Gebeurtenissen die zijn opgegeven, het langst geleden eerst. Van een gebeurtenis die"
            " de afnemer niet meer mag lezen, vervallen kenmerk, bron en soort (`withheld`)."
        ),
        parameters=(
            *PAGE,
            Parameter(
                "reason",
                "Alleen met deze reden.",
                {"enum": ["refused", "exhausted", "backlog", "recreated"]},
            ),
            Parameter("type", "Alleen van deze soort.", {"type": "string"}),
            Parameter("source", "Alleen van deze bron.", {"type": "string"}),
        ),
        outcomes={200: Outcome("Een pagina.", Content("DeadLetterList"))},
    ),
    Operation(
        method="POST",
        path="/v1/subscriptions/{id}/dead-letters/_redrive",
        name="redriveDeadLetters",
        handler=dead_letters.redrive,
        roles=SUBSCRIBER,
        tag=_TAG,
        summary="Lever onbestelbare berichten alsnog af",
        description=(
            "Op volgorde, en vóór latere gebeurtenissen met dezelfde sleutel. Zijn er met `ids`"
            " berichten genoemd die er niet zijn, zijn gewist of al onderweg zijn, dan gebeurt er"
            " niets. Ook niet met berichten uit een log dat er niet meer is (`formerLog`); een"
            " filter slaat die over. Lees daarvan de gebeurtenis en publiceer haar opnieuw."
        ),
        body=_LETTERS,
        outcomes={202: Outcome("Zo veel berichten gaan opnieuw.", Content("Redriven"))},
        errors=(409,),
    ),
    Operation(
        method="POST",
        path="/v1/subscriptions/{id}/dead-letters/_purge",
        name="purgeDeadLetters",
        handler=dead_letters.purge,
        roles=SUBSCRIBER,
        tag=_TAG,
        summary="Wis onbestelbare berichten",
        description=(
            "Wist alles wat uit de gebeurtenissen kwam; plaats, reden en tijden blijven. Van heel"
            " veel wist een verzoek de oudste, en staat er `more` in het antwoord: vraag het dan"
            " nog eens."
        ),
        body=_LETTERS,
        outcomes={200: Outcome("Zo veel berichten zijn gewist.", Content("Purged"))},
        errors=(409,),
    ),
    # After the acts, whose paths it would take for letters.
    Operation(
        method="GET",
        path="/v1/subscriptions/{id}/dead-letters/{letter}",
        name="getDeadLetter",
        handler=dead_letters.get_one,
        roles=SUBSCRIBER,
        tag=_TAG,
        summary="Toon een onbestelbaar bericht",
        description="Met de gebeurtenis zelf, zolang zij niet is gewist en u haar mag lezen.",
        outcomes={200: Outcome("Het bericht.", Content("DeadLetter"))},
    ),
    Operation(
        method="GET",
        path="/v1/subscriptions/{id}/attempts",
        name="listAttempts",
        handler=attempts.list_page,
        roles=SUBSCRIBER | OPERATOR,
        tag=_TAG,
        summary="Toon pogingen",
        description=(
            "Pogingen die mislukten, de nieuwste eerst; gewone bezorging laat er geen na. Van een"
            " gebeurtenis die de afnemer niet meer mag lezen, vervallen kenmerk, bron en soort"
            " (`withheld`)."
        ),
        parameters=PAGE,
        outcomes={200: Outcome("Een pagina.", Content("AttemptList"))},
    ),
    Operation(
        method="GET",
        path="/v1/deliveries",
        name="listDeliveries",
        handler=deliveries.get_all,
        roles=SUBSCRIBER | OPERATOR,
        tag=_TAG,
        summary="Toon wie een gebeurtenis kreeg",
        description=(
            "Zoekt de gebeurtenis in het log, op haar plaats (`topic`, `partition` en `offset` uit"
            " het antwoord op de publicatie) of tussen twee tijdstippen, en vertelt per abonnement"
            " dat haar toen wilde hebben wat ervan kwam. Een gewone aflevering wordt niet"
            " opgeschreven: zij lag tussen `after` en `before`, en kostte één poging. Is zij"
            " tussen die tijdstippen vaker gepubliceerd, dan gaat het over de eerste keer, en noemt"
            " `again` de plaatsen van de andere. Een"
            " organisatie ziet haar eigen abonnementen, een beheerder alle. Wat het log niet meer"
            " heeft, geeft 410."
        ),
        parameters=(
            Parameter("source", "Bron van de gebeurtenis.", {"type": "string"}),
            Parameter("id", "Kenmerk dat de bron haar gaf.", {"type": "string"}),
            Parameter("topic", "Topic waarin zij staat.", {"type": "string"}),
            Parameter("partition", "Partitie waarin zij staat.", {"type": "integer"}),
            Parameter("offset", "Plaats in de partitie.", {"type": "integer"}),
            Parameter("from", "Niet eerder in het log dan dit.", _TIME),
            Parameter("to", "Niet later in het log dan dit.", _TIME),
        ),
        outcomes={200: Outcome("De gebeurtenis en haar afleveringen.", Content("Deliveries"))},
        errors=(404, 410, 429),
    ),
    Operation(
        method="GET",
        path="/v1/topics/{topic}/invalid-records",
        name="listInvalidRecords",
        handler=invalid_records.list_page,
        roles=OPERATOR,
        tag="Beheren",
        summary="Toon wat in een topic geen gebeurtenis is",
        description="Met wat eraan mankeert; de inhoud wordt nooit getoond.",
        parameters=PAGE,
        outcomes={200: Outcome("Een pagina, op plaats.", Content("InvalidRecordList"))},
    ),
)
