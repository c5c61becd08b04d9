"""How the streams of a worker are doing, as gauges."""

from collections.abc import Iterable

from bus.observe import metrics
from consumers.dispatch.stream import Stream


def gauge(streams: Iterable[Stream]) -> None:
    """Set the gauges anew. Costs nothing for the subscriptions that are up to date."""
    members = held = scanning = in_flight = pending = 0
    for stream in streams:
        members += len(stream.members)
        scanning += len(stream.scanning)
        held += sum(not each.attached and each not in stream.scanning for each in stream.busy)
        in_flight += stream.flights.out
        pending += sum(len(each.window.pending) for each in stream.busy)
    metrics.MEMBERS.labels("attached").set(members - held - scanning)
    metrics.MEMBERS.labels("held").set(held)
    metrics.MEMBERS.labels("scanning").set(scanning)
    metrics.IN_FLIGHT.set(in_flight)
    metrics.WINDOW_EVENTS.set(pending)
