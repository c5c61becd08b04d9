"""For builders of components: take events from the bus, verified, each once, answered rightly."""

from consumers.receive.asgi import Component, component
from consumers.receive.message import Rejected, read
from consumers.receive.receiver import Answer, Handler, Receiver
from consumers.receive.seen import MemorySeen, Seen

__all__ = [
    "Answer",
    "Component",
    "Handler",
    "MemorySeen",
    "Receiver",
    "Rejected",
    "Seen",
    "component",
    "read",
]
