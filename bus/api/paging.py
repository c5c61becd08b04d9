"""Pages of a list: `limit`, and `after` as an opaque cursor."""

import base64
import binascii
from datetime import datetime
from uuid import UUID

import orjson

from bus.api.problem import invalid_parameter
from bus.store.subscriptions import Place

MOST = 200
DEFAULT = 50


def limit_of(text: str | None) -> int:
    """Read `limit`; 400 for anything but 1 to 200."""
    if text is None:
        return DEFAULT
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST):
        raise invalid_parameter("query", "limit", "out-of-range", f"give 1 to {MOST}")
    return int(text)


def place_of(text: str | None) -> Place | None:
    """Read `after` as `cursor` wrote it; 400 for anything else."""
    if text is None:
        return None
    try:
        at, last = orjson.loads(base64.urlsafe_b64decode(text))
        return datetime.fromisoformat(at), UUID(last)
    except (binascii.Error, ValueError, TypeError, AttributeError):
        detail = "give it as `next` had it"
        raise invalid_parameter("query", "after", "not-a-cursor", detail) from None


def cursor(place: Place) -> str:
    """Write a place as text for `after`."""
    at, last = place
    return base64.urlsafe_b64encode(orjson.dumps([at.isoformat(), str(last)])).decode()
