"""How a client asks what became of an event."""

from typing import Annotated

from pydantic import Field

from bus.document import Model
from bus.subscription.time import Moment

_Text = Annotated[str, Field(min_length=1, max_length=2048)]


class DeliveriesQuery(Model):
    """The event, and where it is: at a place, or between two times."""

    source: _Text
    id: _Text
    topic: Annotated[str, Field(min_length=1, max_length=249)] | None = None
    partition: Annotated[str, Field(pattern="^[0-9]{1,9}$")] | None = None
    offset: Annotated[str, Field(pattern="^[0-9]{1,18}$")] | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None
