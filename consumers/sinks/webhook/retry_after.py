"""`Retry-After`: how long a sink asks to be left alone (RFC 9110 §10.2.3)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 86_400.0
"""Seconds: a sink that asks for more than a day has more likely made a mistake."""

_SECONDS = re.compile(r"[0-9]{1,18}", re.ASCII)


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """Give the seconds to wait, 0 to LONGEST, or None for a value that is no number and no date.

    `now` is Unix time in seconds; a date in the past means 0.
    """
    if value is None:
        return None
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:  # the asctime form names no zone; HTTP dates are in UTC
        date = date.replace(tzinfo=UTC)
    try:
        seconds = (date - datetime.fromtimestamp(now, UTC)).total_seconds()
    except OverflowError:
        return None
    return min(max(seconds, 0.0), LONGEST)
