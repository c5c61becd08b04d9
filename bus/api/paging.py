"""Pages of a list: `limit`, and `after` as an opaque cursor."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import orjson

from bus.api.call import Answer, answer
from bus.api.problem import invalid_parameter
from bus.store.subscriptions import Place

T = TypeVar("T")

MOST = 200
DEFAULT = 50

_NUMBER = re.compile("[0-9]{1,9}")


def limit_of(text: str | None, *, most: int = MOST, default: int = DEFAULT) -> int:
    """Read `limit`; 400 for anything but 1 to `most`."""
    if text is None:
        return default
    if not (_NUMBER.fullmatch(text) and 1 <= int(text) <= most):
        raise invalid_parameter("query", "limit", "out-of-range", f"give 1 to {most}")
    return int(text)


def place_of(text: str | None) -> Place | None:
    """Read `after` as `cursor` wrote it; 400 for anything else."""
    found = values_of(text, moment, UUID)
    return None if found is None else (found[0], found[1])


def values_of(text: str | None, *kinds: Callable[[Any], Any]) -> tuple[Any, ...] | None:
    """Read `after` as `cursor_of` wrote it, each value by its kind; 400 for anything else."""
    if text is None:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text))
        return tuple(kind(value) for kind, value in zip(kinds, values, strict=True))
    except (binascii.Error, ValueError, TypeError, AttributeError):
        detail = "give it as `next` had it"
        raise invalid_parameter("query", "after", "not-a-cursor", detail) from None


def cursor(place: Place) -> str:
    """Write a place as text for `after`."""
    at, last = place
    return cursor_of(at.isoformat(), str(last))


def cursor_of(*values: str | int) -> str:
    """Write what tells the last of a page from all others as text for `after`."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode()


def number(value: object, below: int = 2**63) -> int:
    """Read an offset or an id in a cursor."""
    if type(value) is not int or not -1 <= value < below:
        raise ValueError
    return value


def small(value: object) -> int:
    """Read a number of a partition or an attempt in a cursor."""
    return number(value, below=2**31)


def moment(value: str) -> datetime:
    """Read a time in a cursor."""
    found = datetime.fromisoformat(value)
    if found.tzinfo is None or not 1970 <= found.year < 9999:  # in UTC it may be a year further
        raise ValueError
    return found


def name(value: object) -> str:
    """Read the name of a topic in a cursor."""
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError
    return value


def page_answer(
    found: Sequence[T],
    limit: int,
    show: Callable[[T], Mapping[str, Any]],
    *,
    path: str,
    after: Callable[[T], str],
    query: Mapping[str, str] = MappingProxyType({}),
) -> Answer:
    """Answer with a page: `found` has one more than `limit` when there are more."""
    page = found[:limit]
    result: dict[str, Any] = {"items": [show(each) for each in page]}
    if len(found) <= limit:
        return answer(200, result)
    result["next"] = f"{path}?" + urlencode({**query, "limit": limit, "after": after(page[-1])})
    return answer(200, result, {"Link": f'<{result["next"]}>; rel="next"'})
