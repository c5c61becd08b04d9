"""What a sink answered when the bus asked whether it may deliver (CloudEvents webhook §4)."""

from typing import Literal

from bus.document import Model
from bus.subscription.time import Time


class Consent(Model):
    """The newest answer, kept with the subscription.

    granted: it named the bus, or all. denied: it named others. unanswered: it does not take part
    in the handshake, or was not there.
    """

    result: Literal["granted", "denied", "unanswered"]
    at: Time
    origin: str | None = None
    """Whom it allows: the bus by its host name, or `*`."""
    rate: int | None = None
    """Requests per minute that it allows; None: as many as may be."""
