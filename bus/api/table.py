"""The table of operations: all that the API serves, and what its OpenAPI document says of it."""

from typing import Final

from bus.api import events, health, status, subscriptions, topics
from bus.api.catalogue_table import CATALOGUE
from bus.api.delivery_table import DELIVERY
from bus.api.domains_table import DOMAINS
from bus.api.filters_table import FILTERS
from bus.api.operation import (
    IF_MATCH,
    OPERATOR,
    PAGE,
    PUBLISHER,
    SUBSCRIBER,
    Content,
    Operation,
    Outcome,
    Parameter,
)
from bus.api.pull_table import PULL
from bus.api.sink_table import CHANGED, ETAG, SINK

_SUBSCRIPTION = Content("Subscription")
_REQUEST = Content("SubscriptionRequest")

_EVENTS: Final = (
    Operation(
        method="POST",
        path="/v1/events",
        name="publishEvents",
        handler=events.publish,
        roles=PUBLISHER,
        tag="Publiceren",
        summary="Publiceer een of meer gebeurtenissen",
        description=(
            "Neemt een CloudEvent aan in structured mode, in binary mode (attributen in headers die"
            " met `ce-` beginnen, de data als body) of als batch. Het antwoord volgt zodra het log"
            " de gebeurtenis op alle in-sync replica's heeft. Bij een fout is niets bewaard; alleen"
            " na 503 kan een gebeurtenis toch zijn aangekomen: herhaal haar met hetzelfde id. Waar"
            " een aangenomen gebeurtenis afwijkt van het NL GOV-profiel, zegt `warnings` het."
        ),
        body=Content(
            "CloudEvent",
            ("application/cloudevents+json", "application/cloudevents-batch+json", "*/*"),
        ),
        parameters=tuple(
            Parameter(f"ce-{name}", f"In binary mode: {name}.", {"type": "string"}, "header")
            for name in ("specversion", "id", "source", "type")
        ),
        outcomes={
            202: Outcome("In het log opgenomen.", Content("Published")),
            207: Outcome("Een deel van de batch is opgenomen.", Content("PartlyPublished")),
        },
        errors=(413, 415),
    ),
)

_SUBSCRIPTIONS: Final = (
    Operation(
        method="GET",
        path="/v1/subscriptions",
        name="listSubscriptions",
        handler=subscriptions.list_page,
        roles=SUBSCRIBER | OPERATOR,
        tag="Abonneren",
        summary="Toon abonnementen",
        description=(
            "Toont de abonnementen van de eigen organisatie, de oudste eerst. Een beheerder kan met"
            " `organisation=all` die van iedereen zien, zonder sink en filters."
        ),
        parameters=(
            *PAGE,
            Parameter("organisation", "`all` toont die van iedereen.", {"type": "string"}),
        ),
        outcomes={200: Outcome("Een pagina.", Content("SubscriptionList"))},
    ),
    Operation(
        method="POST",
        path="/v1/subscriptions",
        name="createSubscription",
        handler=subscriptions.create,
        roles=SUBSCRIBER,
        tag="Abonneren",
        summary="Neem een abonnement",
        description=(
            "Alles wat na het antwoord wordt gepubliceerd en aan de filters voldoet, wordt"
            " afgeleverd. Het geheim waarmee wordt ondertekend staat alleen in dit antwoord. De bus"
            " vraagt de sink of hij mag afleveren (OPTIONS); het antwoord staat in `consent`."
        ),
        body=_REQUEST,
        outcomes={201: Outcome("Gemaakt.", _SUBSCRIPTION, {"Location": "Het abonnement.", **ETAG})},
    ),
    Operation(
        method="GET",
        path="/v1/subscriptions/{id}",
        name="getSubscription",
        handler=subscriptions.get_one,
        roles=SUBSCRIBER,
        tag="Abonneren",
        summary="Toon een abonnement",
        outcomes={200: Outcome("Het abonnement, zonder geheimen.", _SUBSCRIPTION, ETAG)},
    ),
    Operation(
        method="PUT",
        path="/v1/subscriptions/{id}",
        name="replaceSubscription",
        handler=subscriptions.put,
        roles=SUBSCRIBER,
        tag="Abonneren",
        summary="Vervang een abonnement",
        description=(
            "Wat ontbreekt krijgt zijn standaardwaarde. Als `sinkcredential` of `sinktls`"
            " ontbreekt, blijft het zoals het was; `null` verwijdert het."
        ),
        body=_REQUEST,
        parameters=(IF_MATCH,),
        outcomes={200: CHANGED},
        errors=(409, 412),
    ),
    Operation(
        method="PATCH",
        path="/v1/subscriptions/{id}",
        name="changeSubscription",
        handler=subscriptions.patch,
        roles=SUBSCRIBER,
        tag="Abonneren",
        summary="Wijzig een abonnement",
        description=(
            "JSON merge patch (RFC 7396); `id`, `organisation`, `start` en `protocol` staan vast,"
            " `signing` verandert met `_rotate-secret`, `consent` met `_verify`."
        ),
        body=Content("SubscriptionPatch", (subscriptions.MERGE_PATCH, "application/json")),
        parameters=(IF_MATCH,),
        outcomes={200: CHANGED},
        errors=(409, 412),
    ),
    Operation(
        method="DELETE",
        path="/v1/subscriptions/{id}",
        name="deleteSubscription",
        handler=subscriptions.delete,
        roles=SUBSCRIBER,
        tag="Abonneren",
        summary="Beëindig een abonnement",
        outcomes={204: Outcome("Beëindigd; wat onderweg is kan nog aankomen.")},
    ),
    Operation(
        method="GET",
        path="/v1/subscriptions/{id}/status",
        name="getSubscriptionStatus",
        handler=status.get_one,
        roles=SUBSCRIBER | OPERATOR,
        tag="Abonneren",
        summary="Toon hoe een abonnement ervoor staat",
        description="Per partitie de toestand, de achterstand en het laatste resultaat.",
        outcomes={200: Outcome("De status, zoals het laatst bewaard.", Content("Status"))},
    ),
)

_TOPICS: Final = (
    Operation(
        method="GET",
        path="/v1/topics",
        name="listTopics",
        handler=topics.list_all,
        roles=OPERATOR,
        tag="Beheren",
        summary="Toon hoe alle topics ervoor staan",
        outcomes={200: Outcome("Alle topics.", Content("TopicList"))},
    ),
    Operation(
        method="GET",
        path="/v1/topics/{topic}",
        name="getTopic",
        handler=topics.get_one,
        roles=OPERATOR,
        tag="Beheren",
        summary="Toon hoe een topic ervoor staat",
        outcomes={200: Outcome("Het topic.", Content("Topic"))},
    ),
)

MACHINE: Final = (
    Operation(
        method="GET",
        path="/healthz",
        name="getHealth",
        handler=health.healthz,
        roles=None,
        tag="Beheren",
        summary="Zeg of dit proces antwoordt",
        outcomes={200: Outcome("Het antwoordt.")},
    ),
    Operation(
        method="GET",
        path="/readyz",
        name="getReadiness",
        handler=health.readyz,
        roles=None,
        tag="Beheren",
        summary="Zeg of log en opslag antwoorden",
        outcomes={200: Outcome("Beide antwoorden.")},
    ),
    Operation(
        method="GET",
        path="/metrics",
        name="getMetrics",
        handler=health.show_metrics,
        roles=None,
        tag="Beheren",
        summary="Toon de metingen voor Prometheus",
        outcomes={200: Outcome("De metingen.")},
    ),
)

DESCRIBED: Final = (
    *(*_EVENTS, *_SUBSCRIPTIONS, *SINK, *PULL, *DELIVERY, *FILTERS),
    *(*DOMAINS, *CATALOGUE, *_TOPICS),
)
"""What `/v1/openapi.json` describes, besides itself."""
