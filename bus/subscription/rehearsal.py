"""Filters that are tried before there is a subscription: on one event, or on the past."""

from typing import Annotated, Any

from pydantic import Field

from bus.document import InvalidDocument, Model, load
from bus.event import Fault
from bus.subscription.model import Wanted
from bus.subscription.request import validate_filtered
from bus.subscription.time import Time


class Rehearsal(Model):
    """Filters to be tried on one event, which whoever takes the request has taken out of it."""

    filters: tuple[dict[str, Any], ...]


class Budget(Model):
    """What a back-test may cost before it answers how far it came."""

    events: Annotated[int, Field(ge=1, le=100_000)] = 20_000
    """Records read, of whatever type and for whomever."""
    seconds: Annotated[float, Field(ge=1, le=20)] = 5


class Backtest(Wanted):
    """Filters to be tried on the events that the log holds from one moment to another."""

    from_: Annotated[Time | None, Field(alias="from")] = None
    """When the first event was logged; None: as far back as the log goes."""
    to: Time | None = None
    """Before which the last one was; None: what is there now."""
    budget: Budget = Budget()
    samples: Annotated[int, Field(ge=0, le=100)] = 10
    """How many of the events that match are shown."""
    next: Annotated[str, Field(min_length=1, max_length=131_072)] | None = None
    """Where an earlier answer ended. It stands for `from`, `to` and `domains`, which may stay."""


def parse_backtest(body: bytes) -> Backtest:
    """Read what is to be tried on the log. Raises InvalidDocument."""
    backtest = validate_filtered(load(body), Backtest)
    if backtest.from_ and backtest.to and backtest.to < backtest.from_:
        raise InvalidDocument([Fault("/to", "out-of-range", "give a time that is not before from")])
    return backtest
