"""What to tell a subscription of where it stands, given what it was told before: pure."""

from dataclasses import dataclass
from datetime import datetime

from bus.catalogue import notices
from bus.catalogue.notices import Notice
from bus.store.standing import Standing, Told


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When to tell, in seconds."""

    behind: float
    """An event that waits longer than this makes its subscription behind."""
    near: float
    """An event that the log may lose sooner than this makes it near its loss."""


def decide(standing: Standing, thresholds: Thresholds, now: datetime) -> tuple[list[Notice], Told]:
    """Give what to tell, and what will have been told then.

    Nothing is told twice. Short of the last line and no worse, nothing changes: one that wavers
    around a threshold is told once.
    """
    lag, behind_since = _lag(standing, thresholds.behind, now)
    loss, near_since = _loss(standing, thresholds.near, now)
    return [*lag, *loss], Told(behind_since, near_since)


def _lag(standing: Standing, seconds: float, now: datetime) -> tuple[list[Notice], datetime | None]:
    """Only who is delivered to can be behind: another one knows why it gets nothing."""
    who, place = (standing.subscription, standing.organisation), standing.place
    since = standing.told.behind_since
    if standing.state != "active":
        return [], None
    if place is None:
        return ([] if since is None else [notices.caught_up(*who, since)]), None
    if place.verdict == "short" or since is not None:
        return [], since
    data = notices.Behind(place.topic, place.partition, place.waiting, int(seconds))
    return [notices.behind(*who, now, data)], now


def _loss(
    standing: Standing, seconds: float, now: datetime
) -> tuple[list[Notice], datetime | None]:
    """Whoever is not delivered to can lose events like any other, and sooner."""
    who, place = (standing.subscription, standing.organisation), standing.place
    since = standing.told.near_since
    if place is None:
        return [], None
    if place.verdict != "near" or since is not None:
        return [], since
    data = notices.NearRetention(place.topic, place.partition, place.waiting, int(seconds))
    return [notices.near_retention(*who, now, data)], now
