"""Both forms of Retry-After, and what is neither."""

from datetime import UTC, datetime

import pytest

from consumers.sinks.webhook.retry_after import LONGEST, parse_retry_after

NOW = datetime(2026, 11, 6, 8, 49, 7, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("86401", LONGEST),
        ("999999999999999999", LONGEST),
        ("9" * 400, None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
        ("soon", None),
        ("Fri, 06 Nov 2026 08:49:37 GMT", 30.0),
        ("Friday, 06-Nov-26 08:49:37 GMT", 30.0),
        ("Fri Nov  6 08:49:37 2026", 30.0),
        ("Fri, 06 Nov 2026 09:49:37 +0100", 30.0),
        ("Fri, 06 Nov 2020 08:49:37 GMT", 0.0),
        ("Fri, 06 Nov 9999 08:49:37 GMT", LONGEST),
        ("Fri, 99 Nov 2026 08:49:37 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -9999", None),
    ],
)
def test_parse(value: str | None, seconds: float | None) -> None:
    """Seconds and the three date forms count; a past date is now; nonsense is ignored."""
    assert parse_retry_after(value, now=NOW) == seconds
