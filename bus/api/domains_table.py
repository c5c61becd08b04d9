"""The rows of the table of operations about domains."""

from typing import Final

from bus.api import domains
from bus.api.operation import ANYBODY, IF_MATCH, OPERATOR, Content, Operation, Outcome
from bus.api.subscriptions import MERGE_PATCH

_ETAG = {"ETag": "Versie van het domein, voor If-Match."}

DOMAINS: Final = (
    Operation(
        method="GET",
        path="/v1/domains",
        name="listDomains",
        handler=domains.list_all,
        roles=ANYBODY,
        tag="Catalogus",
        summary="Toon alle domeinen",
        outcomes={200: Outcome("Alle domeinen, op naam.", Content("DomainList"))},
    ),
    Operation(
        method="POST",
        path="/v1/domains",
        name="createDomain",
        handler=domains.create,
        roles=OPERATOR,
        tag="Catalogus",
        summary="Maak een domein",
        description="Maakt het domein met zijn topic; het aantal partities ligt daarna vast.",
        body=Content("DomainRequest"),
        outcomes={
            201: Outcome("Gemaakt.", Content("Domain"), {"Location": "Het domein.", **_ETAG})
        },
        errors=(409,),
    ),
    Operation(
        method="GET",
        path="/v1/domains/{name}",
        name="getDomain",
        handler=domains.get_one,
        roles=ANYBODY,
        tag="Catalogus",
        summary="Toon een domein",
        outcomes={200: Outcome("Het domein.", Content("Domain"), _ETAG)},
    ),
    Operation(
        method="PATCH",
        path="/v1/domains/{name}",
        name="changeDomain",
        handler=domains.patch,
        roles=OPERATOR,
        tag="Catalogus",
        summary="Wijzig een domein",
        description=(
            "Een JSON merge patch (RFC 7396) van `description`, `retentionDays` en `profile`; de"
            " rest staat vast. Wie de bewaking op BSN's versoepelt, noemt in `bsnAgreement` waar"
            " dat is afgesproken. Alleen voor de organisatie die het domein beheert."
        ),
        parameters=(IF_MATCH,),
        body=Content("DomainPatch", (MERGE_PATCH, "application/json")),
        outcomes={200: Outcome("Het domein zoals het nu is.", Content("Domain"), _ETAG)},
        errors=(409, 412),
    ),
    Operation(
        method="GET",
        path="/v1/domains/{name}/revisions",
        name="listDomainRevisions",
        handler=domains.history,
        roles=OPERATOR,
        tag="Catalogus",
        summary="Toon hoe een domein is gewijzigd",
        description="Wie wat wanneer heeft gewijzigd, het nieuwste eerst.",
        outcomes={200: Outcome("Alle versies.", Content("DomainRevisionList"))},
    ),
)
