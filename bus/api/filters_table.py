"""The rows of the table of operations for dry runs of filters."""

from typing import Final

from bus.api import filters
from bus.api.operation import ANYBODY, SUBSCRIBER, Content, Operation, Outcome

FILTERS: Final = (
    Operation(
        method="POST",
        path="/v1/filters/_evaluate",
        name="evaluateFilters",
        handler=filters.evaluate,
        roles=ANYBODY,
        tag="Abonneren",
        summary="Probeer filters op één gebeurtenis",
        description=(
            "Zegt of de filters de gebeurtenis doorlaten. `error` noemt de eerste sql-expressie die"
            " op deze gebeurtenis een fout geeft, `warnings` wat vaak anders wordt gelezen. Let op"
            " bij een attribuut dat ontbreekt: `not` om `exact` laat de gebeurtenis dan door, maar"
            " sql met `NOT (x = 'y')` of `x <> 'y'` geeft een fout en laat niets door; schrijf daar"
            " `NOT EXISTS x OR x <> 'y'`. AND, OR en XOR binden in sql even sterk en groeperen naar"
            " rechts: `a AND b OR c` is `a AND (b OR c)`. NOT bindt het sterkst: `NOT x = 'y'` is"
            " `(NOT x) = 'y'`. Schrijf haakjes."
        ),
        body=Content("Rehearsal"),
        outcomes={200: Outcome("Het oordeel.", Content("Verdict"))},
    ),
    Operation(
        method="POST",
        path="/v1/filters/_backtest",
        name="backtestFilters",
        handler=filters.backtest,
        roles=SUBSCRIBER,
        tag="Abonneren",
        summary="Probeer een abonnement op het verleden",
        description=(
            "Leest het log van `from` tot `to` en telt wat een abonnement met deze filters zou"
            " hebben gekregen, voor zover de eigen organisatie het mag lezen; er wordt niets"
            " afgeleverd. Is het budget op, dan zegt het antwoord hoe ver het kwam. Herhaal het"
            " verzoek met `next` om verder te gaan; de aantallen gelden steeds voor één antwoord."
        ),
        body=Content("Backtest"),
        outcomes={200: Outcome("Wat is gevonden en hoe ver.", Content("BacktestResult"))},
        errors=(429,),
    ),
)
