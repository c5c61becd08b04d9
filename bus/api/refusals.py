"""What each error status of the API means, in Dutch, with an example that the bus itself wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from bus.api.problem import CONTENT_TYPE, Problem, body_errors
from bus.event import Fault


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error status: what it means, and a problem that has it."""

    status: int
    description: str
    code: str
    detail: str
    errors: Sequence[dict[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    """What comes with it besides the headers of every answer."""

    @property
    def example(self) -> Problem:
        """The problem, as the bus itself writes it."""
        return Problem(self.status, self.code, self.detail, self.errors, instance=_INSTANCE)

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
            "content": {CONTENT_TYPE: {"schema": schema, "examples": {self.code: example}}},
        }


_INSTANCE: Final = "urn:uuid:7d3f8a52-0c1b-4e6f-9a51-2b8c4d6e8f01"
_INVALID: Final = (
    Fault("/id", "required", "every event has id"),
    Fault("/time", "not-a-timestamp", "give a date and time with offset as in RFC 3339"),
)
_WAIT: Final = {"Retry-After": "Seconden om te wachten."}

_ALL: Final = (
    Refusal(
        400,
        "Ongeldige invoer; elke fout wordt genoemd, en niets is bewaard.",
        "invalid-event",
        "This is not a valid CloudEvent; nothing was stored.",
        errors=body_errors(_INVALID),
    ),
    Refusal(
        401,
        "Geen, een onbekend of een verlopen token.",
        "unknown-token",
        "This token is not known here.",
        headers={"WWW-Authenticate": "Hoe er om een token gevraagd wordt (RFC 6750)."},
    ),
    Refusal(403, "Dit mag niet met dit token.", "missing-role", "This needs the role operator."),
    Refusal(404, "Niet gevonden.", "no-such-subscription", "There is no such subscription here."),
    Refusal(
        406,
        "Niet in een van de gevraagde vormen.",
        "not-acceptable",
        "This comes as application/json, text/event-stream.",
    ),
    Refusal(
        408,
        "Het verzoek kwam niet op tijd helemaal binnen; niets is bewaard.",
        "too-slow",
        "The request did not come in whole within 30 seconds; nothing was stored.",
    ),
    Refusal(409, "In strijd met wat er al is.", "domain-exists", "There is a domain of this name."),
    Refusal(
        410,
        "Verlopen: het log heeft dit niet meer.",
        "expired",
        "The log does not hold this any more.",
    ),
    Refusal(
        412,
        "Intussen gewijzigd: lees het opnieuw.",
        "changed",
        "It has changed since: read it again.",
    ),
    Refusal(
        413,
        "Te groot; de grens wordt genoemd.",
        "too-large",
        "At most 1048576 bytes.",
        errors=body_errors([Fault("", "too-large", "At most 1048576 bytes.")]),
    ),
    Refusal(
        415,
        "Verkeerd mediatype.",
        "unsupported-content-type",
        "The body is to be of content type application/json.",
        headers={"Accept": "De mediatypen die wel kunnen."},
    ),
    Refusal(
        428,
        "Deze wijziging vraagt om If-Match.",
        "if-match-required",
        "Say with If-Match which version you change.",
        errors=body_errors([Fault("if-match", "required", "give the ETag that you read")]),
    ),
    Refusal(
        429,
        "Te veel verzoeken; wacht zo lang als Retry-After zegt.",
        "too-many-requests",
        "Too many requests: wait a while.",
        headers=_WAIT,
    ),
    Refusal(
        500,
        "Een fout van de bus zelf; het voorval is gelogd.",
        "internal",
        "Something went wrong here; it has been logged.",
    ),
    Refusal(
        503,
        "Log of opslag is even weg, of de API stopt; probeer het opnieuw.",
        "log-unavailable",
        "The log is away; try again.",
        headers=_WAIT,
    ),
)
REFUSALS: Final = {each.status: each for each in _ALL}
"""By status: every error that an operation may be described with."""
