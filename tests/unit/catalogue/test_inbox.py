"""Which topics may be delivered to."""

import pytest

from bus.catalogue.inbox import Inboxes

OIN = "00000001823288444000"


@pytest.mark.parametrize(
    ("prefix", "topic", "allowed"),
    [
        ("inbox.", "inbox.zaken", True),
        ("inbox.{oin}.", f"inbox.{OIN}.zaken", True),
        ("inbox.{oin}.", "inbox.00000003123456780000.zaken", False),
        ("inbox.", "inbox.", False),
        ("inbox.", "outbox.zaken", False),
        ("", "inbox.zaken", False),
        ("gemeentebus.", "gemeentebus.nl.zaken", False),
        ("gemeente", "gemeentebus.nl.zaken", False),
        ("gemeente", "gemeentebusje", True),
        ("_", "__consumer_offsets", False),
    ],
)
def test_a_topic_is_allowed_or_not(prefix: str, topic: str, *, allowed: bool) -> None:
    """By the operator's prefix, its organisation in it; never one of the bus or of Kafka itself."""
    refusal = Inboxes(prefix, "gemeentebus").refusal(topic, OIN)
    assert (refusal is None) == allowed
