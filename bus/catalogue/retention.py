"""How long the log still keeps what waits. Pure."""

from typing import Final

DAY: Final = 86_400.0
"""Seconds."""


def time_to_loss(stored_at: float, retention: float, now: float) -> float:
    """Give the seconds until the log may lose an event that waits, as if nothing moved.

    It was stored at `stored_at` (unix seconds) and is kept for `retention` seconds. 0: it may be
    lost at any moment.
    """
    return min(retention, max(0.0, stored_at + retention - now))
