"""What each error status of the API means, in Dutch, with an example that the bus itself wrote."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from bus.api.problem import CONTENT_TYPE, Problem, body_errors, error_item
from bus.event import Fault


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error status: what it means, and a problem that has it."""

    description: str
    example: Problem
    headers: Mapping[str, str] = field(default_factory=dict)
    """What comes with it besides the headers of every answer."""

    def described(self, every: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
        """Give it as a response of the OpenAPI document."""
        headers = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in self.headers.items()
        }
        example = {"value": orjson.loads(self.example.document())}
        return {
            "description": self.description,
            "headers": {**every, **headers},
            "content": {CONTENT_TYPE: {"schema": schema, "examples": {self.example.code: example}}},
        }


def _example(status: int, code: str, detail: str, *errors: dict[str, Any]) -> Problem:
    return Problem(
        status, code, detail, errors, instance="urn:uuid:7d3f8a52-0c1b-4e6f-9a51-2b8c4d6e8f01"
    )


_INVALID: Final = body_errors(
    [
        Fault("/id", "required", "every event has id"),
        Fault("/time", "not-a-timestamp", "give a date and time with offset as in RFC 3339"),
    ]
)

REFUSALS: Final = {
    400: Refusal(
        "Ongeldige invoer; elke fout wordt genoemd, en niets is bewaard.",
        _example(
            400,
            "invalid-event",
            "This is not a valid CloudEvent; nothing was stored.",
            *_INVALID,
        ),
    ),
    401: Refusal(
        "Geen, een onbekend of een verlopen token.",
        _example(401, "unknown-token", "This token is not known here."),
        {"WWW-Authenticate": "Hoe er om een token gevraagd wordt (RFC 6750)."},
    ),
    403: Refusal(
        "Dit mag niet met dit token.",
        _example(403, "missing-role", "This needs the role operator."),
    ),
    404: Refusal(
        "Niet gevonden.",
        _example(404, "no-such-subscription", "There is no such subscription here."),
    ),
    406: Refusal(
        "Niet in een van de gevraagde vormen.",
        _example(406, "not-acceptable", "This comes as application/json, text/event-stream."),
    ),
    408: Refusal(
        "Het verzoek kwam niet op tijd helemaal binnen; niets is bewaard.",
        _example(
            408,
            "too-slow",
            "The request did not come in whole within 30 seconds; nothing was stored.",
        ),
    ),
    409: Refusal(
        "In strijd met wat er al is.",
        _example(409, "domain-exists", "There is a domain of this name."),
    ),
    410: Refusal(
        "Verlopen: het log heeft dit niet meer.",
        _example(410, "expired", "The log does not hold this any more."),
    ),
    412: Refusal(
        "Intussen gewijzigd: lees het opnieuw.",
        _example(412, "changed", "It has changed since: read it again."),
    ),
    413: Refusal(
        "Te groot; de grens wordt genoemd.",
        _example(
            413,
            "too-large",
            "At most 1048576 bytes.",
            *body_errors([Fault("", "too-large", "At most 1048576 bytes.")]),
        ),
    ),
    415: Refusal(
        "Verkeerd mediatype.",
        _example(
            415, "unsupported-content-type", "The body is to be of content type application/json."
        ),
        {"Accept": "De mediatypen die wel kunnen."},
    ),
    428: Refusal(
        "Deze wijziging vraagt om If-Match.",
        _example(
            428,
            "if-match-required",
            "Say with If-Match which version you change.",
            error_item("header", Fault("if-match", "required", "give the ETag that you read")),
        ),
    ),
    429: Refusal(
        "Te veel verzoeken; wacht zo lang als Retry-After zegt.",
        _example(429, "too-many-requests", "Too many requests: wait a while."),
        {"Retry-After": "Seconden om te wachten."},
    ),
    500: Refusal(
        "Een fout van de bus zelf; het voorval is gelogd.",
        _example(500, "internal", "Something went wrong here; it has been logged."),
    ),
    503: Refusal(
        "Log of opslag is even weg; probeer het opnieuw.",
        _example(503, "log-unavailable", "The log is away; try again."),
        {"Retry-After": "Seconden om te wachten."},
    ),
}
"""By status: every error that an operation may be described with."""
