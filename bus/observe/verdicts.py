"""How a subscription is doing, in one word: the worst of what its partitions say."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

Verdict = Literal["disabled", "paused", "stalled", "failing", "behind", "ok", "no-traffic"]
"""The worst first."""

STALLED_SECONDS: Final = 30.0
"""An owner saves at least every three seconds, and another takes over within ten."""

BEHIND_SECONDS: Final = 60.0
"""A burst is over by then; who needs longer is slower than what is published."""

_WORST_FIRST: Final[tuple[Verdict, ...]] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a subscription stands in one partition, as last saved.

    `lag_seconds` is the age of the oldest event that waits; `saved_seconds` says how long ago the
    owner of the partition saved; `quiet` that nothing was published there for a day.
    """

    lag_events: int
    lag_seconds: float
    failing: bool
    saved_seconds: float
    quiet: bool


def verdict_of_partition(standing: Standing) -> Verdict:
    """Judge one partition.

    - `stalled`: something waits, and nobody saves: no dispatcher has the partition.
    - `failing`: the first event in line fails.
    - `behind`: what waits is older than a minute.
    - `no-traffic`: nothing waits, and nothing was published for a day.
    - `ok`: else.
    """
    waits = standing.lag_events > 0
    if waits and standing.saved_seconds > STALLED_SECONDS:
        return "stalled"
    if standing.failing:
        return "failing"
    if waits and standing.lag_seconds > BEHIND_SECONDS:
        return "behind"
    if standing.quiet and not waits:
        return "no-traffic"
    return "ok"


def verdict_of(
    state: Literal["active", "paused", "disabled"], partitions: Iterable[Verdict]
) -> Verdict:
    """Judge a subscription: by its state when it is not active, else by its worst partition."""
    if state != "active":
        return state
    return min(partitions, key=_WORST_FIRST.index, default="no-traffic")
