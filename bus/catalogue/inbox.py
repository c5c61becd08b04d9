"""Inbox topics: which of the cluster's topics a component may have events delivered to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Inboxes:
    """What the operator allows: names that begin with `prefix`, in which {oin} is whose it is.

    Never a topic of the bus itself: those of domains begin with `namespace` and a dot, also those
    that are still to be made. An empty prefix allows none.
    """

    prefix: str
    namespace: str

    def refusal(self, topic: str, organisation: str) -> str | None:
        """Give the sentence that says why this organisation may not have this topic, or None."""
        if not self.prefix:
            return "this bus delivers to no topics: its operator has not set BUS_INBOX_PREFIX"
        prefix = self.prefix.replace("{oin}", organisation)
        if not topic.startswith(prefix) or len(topic) == len(prefix):
            return f"give a topic whose name begins with {prefix}"
        if topic.startswith((f"{self.namespace}.", "__")):
            return "this topic is the bus's or Kafka's own"
        return None
