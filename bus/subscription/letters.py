"""Which dead letters a client means, to redrive or to purge."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from bus.document import InvalidDocument, Model, load, validate
from bus.event import Fault
from bus.subscription.time import Time

LetterId = Annotated[str, Field(pattern="^[1-9][0-9]{0,17}$")]

_Text = Annotated[str, Field(min_length=1, max_length=2048)]


class LetterFilter(Model):
    """All that is given must hold."""

    reason: Literal["refused", "exhausted", "backlog", "recreated"] | None = None
    type: _Text | None = None
    source: _Text | None = None
    before: Time | None = None
    """Only those that were given up before this moment."""


class LettersRequest(Model):
    """These, or those for which a filter holds, or all."""

    ids: Annotated[tuple[LetterId, ...], Field(max_length=1_000)] | None = None
    filter: LetterFilter | None = None
    all: Literal[True] | None = None


def parse_letters(body: bytes | Mapping[str, Any]) -> LettersRequest:
    """Read what a client sent: exactly one way to say which. Raises InvalidDocument."""
    request = validate(load(body), LettersRequest)
    given = request.model_dump(exclude_none=True)
    if len(given) != 1:
        detail = "give exactly one of ids, filter and all"
        raise InvalidDocument([Fault("", "not-one-of", detail)])
    if request.ids == ():
        raise InvalidDocument([Fault("/ids", "empty", "give at least one")])
    if given.get("filter") == {}:
        detail = "give at least one of reason, type, source and before"
        raise InvalidDocument([Fault("/filter", "empty", detail)])
    return request
