"""What all windows of a worker hold together, in bytes."""

from consumers.dispatch.envelope import Envelope


class Budget:
    """The bytes that all windows of a worker hold together; an event that many hold counts once."""

    __slots__ = ("most", "used")

    def __init__(self, most: float) -> None:
        self.most = most
        self.used = 0

    def hold(self, envelope: Envelope) -> None:
        """Count an event for one more holder."""
        if not envelope.holders:
            self.used += envelope.size
        envelope.holders += 1

    def let_go(self, envelope: Envelope) -> None:
        """Count it for one holder less."""
        envelope.holders -= 1
        if not envelope.holders:
            self.used -= envelope.size
