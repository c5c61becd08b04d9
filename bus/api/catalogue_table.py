"""The part of the table of operations that is the catalogue: event types and descriptions."""

from typing import Final

from bus.api import descriptions, event_types, schema_versions
from bus.api.operation import (
    ANYBODY,
    OPERATOR,
    PUBLISHER,
    Content,
    Operation,
    Outcome,
    Parameter,
)
from bus.catalogue.schema import MEDIA_TYPE

_ETAG = {"ETag": "Versie van de soort, voor If-Match."}
_TYPE = Content("EventType")
_SCHEMA = Content("JsonSchema", (MEDIA_TYPE, "application/json"))

CATALOGUE: Final = (
    Operation(
        method="GET",
        path="/v1/event-types",
        name="listEventTypes",
        handler=event_types.list_all,
        roles=ANYBODY,
        tag="Catalogus",
        summary="Toon de soorten gebeurtenissen",
        parameters=(Parameter("domain", "Alleen die van dit domein.", {"type": "string"}),),
        outcomes={200: Outcome("De soorten, op naam.", Content("EventTypeList"))},
    ),
    Operation(
        method="POST",
        path="/v1/event-types",
        name="createEventType",
        handler=event_types.create,
        roles=PUBLISHER | OPERATOR,
        tag="Catalogus",
        summary="Registreer een soort gebeurtenis",
        description=(
            "Voor een beheerder, of voor de organisatie van het domein. Zonder `domain` hoort de"
            " soort bij het domein dat haar nu al opneemt; dat ligt daarna vast."
        ),
        body=Content("EventTypeRequest"),
        outcomes={201: Outcome("Geregistreerd.", _TYPE, {"Location": "De soort.", **_ETAG})},
        errors=(409,),
    ),
    Operation(
        method="GET",
        path="/v1/event-types/{type}",
        name="getEventType",
        handler=event_types.get_one,
        roles=ANYBODY,
        tag="Catalogus",
        summary="Toon een soort gebeurtenis",
        outcomes={200: Outcome("De soort, met haar schema's.", _TYPE, _ETAG)},
    ),
    Operation(
        method="PUT",
        path="/v1/event-types/{type}",
        name="replaceEventType",
        handler=event_types.put,
        roles=PUBLISHER | OPERATOR,
        tag="Catalogus",
        summary="Beschrijf een soort gebeurtenis opnieuw",
        description="Wat ontbreekt krijgt zijn standaardwaarde; het domein en de schema's blijven.",
        body=Content("EventTypeRequest"),
        outcomes={200: Outcome("De soort zoals zij nu is.", _TYPE, _ETAG)},
        errors=(409, 412),
    ),
    Operation(
        method="GET",
        path="/v1/event-types/{type}/schemas",
        name="listSchemas",
        handler=schema_versions.list_all,
        roles=ANYBODY,
        tag="Catalogus",
        summary="Toon de versies van een schema",
        outcomes={200: Outcome("De versies, de oudste eerst.", Content("SchemaVersionList"))},
    ),
    Operation(
        method="POST",
        path="/v1/event-types/{type}/schemas",
        name="addSchema",
        handler=schema_versions.add,
        roles=PUBLISHER | OPERATOR,
        tag="Catalogus",
        summary="Voeg een versie van het schema toe",
        description=(
            "Een JSON Schema (2020-12 of draft-07) dat naar niets buiten zichzelf verwijst. Wat de"
            " soort met `compatibility` eist, moet te bewijzen zijn ten opzichte van de laatste"
            " versie; anders noemt het antwoord elke plek die in de weg staat."
        ),
        body=_SCHEMA,
        outcomes={
            200: Outcome("Gelijk aan de laatste versie.", Content("SchemaVersion")),
            201: Outcome("Toegevoegd.", Content("SchemaVersion"), {"Location": "Het schema."}),
        },
        errors=(409, 412),
    ),
    Operation(
        method="GET",
        path="/v1/event-types/{type}/schemas/{version}",
        name="getSchema",
        handler=schema_versions.get_one,
        roles=None,
        tag="Catalogus",
        summary="Geef een schema",
        description="Precies zoals het is toegevoegd; hierheen wijst `dataschema`.",
        outcomes={200: Outcome("Het JSON Schema.", Content("JsonSchema", (MEDIA_TYPE,)))},
        errors=(503,),
    ),
    Operation(
        method="GET",
        path="/v1/asyncapi.json",
        name="getAsyncApi",
        handler=descriptions.asyncapi,
        roles=None,
        tag="Beschrijving",
        summary="Toon alle gebeurtenissen als AsyncAPI 3.1",
        outcomes={200: Outcome("Het AsyncAPI-document.", Content("AsyncApi"))},
        errors=(503,),
    ),
    Operation(
        method="GET",
        path="/v1/registry",
        name="getRegistry",
        handler=descriptions.registry,
        roles=None,
        tag="Beschrijving",
        summary="Toon de catalogus als xRegistry-document",
        outcomes={200: Outcome("Het document.", Content("Registry"))},
        errors=(503,),
    ),
)
