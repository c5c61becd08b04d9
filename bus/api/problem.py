"""Errors as `application/problem+json` (RFC 9457), each fault named (design §7)."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

import orjson

from bus.document import InvalidDocument
from bus.event import Fault
from bus.log.errors import LogUnavailable, RecordTooLarge, TopicMissing
from bus.store.errors import StoreUnavailable

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:gemeentebus:problem:"

_RETRY_AFTER_SECONDS = 5
"""What is away comes back by itself; who waits should neither hammer it nor fall asleep."""

Where = Literal["body", "header", "query", "path"]


@dataclass(eq=False)
class Problem(Exception):
    """An answer of 4xx or 5xx. `detail` and faults never repeat what was in an event.

    `code` is the stable name of the problem: the last part of its `type`.
    """

    status: int
    code: str
    detail: str
    errors: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    """Members of this kind of problem alone (RFC 9457 §3.2)."""
    instance: str = field(default_factory=lambda: f"urn:uuid:{uuid.uuid4()}")

    def document(self) -> bytes:
        """Give the problem document."""
        return orjson.dumps(
            {
                "type": TYPE_PREFIX + self.code,
                "title": HTTPStatus(self.status).phrase,
                "status": self.status,
                "detail": self.detail,
                "instance": self.instance,
                "errors": list(self.errors),
                **self.more,
            }
        )


def body_errors(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    """Turn faults into `errors[]`: JSON pointers are in the body, other names are headers."""
    return [
        error_item("body" if fault.where[:1] in {"", "/"} else "header", fault) for fault in faults
    ]


def error_item(where: Where, fault: Fault) -> dict[str, Any]:
    """Give one member of `errors[]`."""
    place = {"pointer": fault.where} if where == "body" else {"name": fault.where}
    return {"in": where, "location": place, "code": fault.code, "detail": fault.detail}


def invalid_parameter(where: Where, name: str, code: str, detail: str) -> Problem:
    """Give the 400 for one wrong parameter of the query or the path."""
    return Problem(400, code, detail, [error_item(where, Fault(name, code, detail))])


def too_large(limit: int, pointer: str = "") -> Problem:
    """Give the 413 that names the limit in bytes and what is over it; "" is the body."""
    detail = f"At most {limit} bytes."
    return Problem(413, "too-large", detail, body_errors([Fault(pointer, "too-large", detail)]))


def problem_of(error: Exception) -> Problem | None:
    """Give the problem for an error of a room below, None where it is our own fault."""
    match error:
        case LogUnavailable():
            return unavailable("log-unavailable", "The log is away; try again.")
        case TopicMissing():
            return unavailable("topic-missing", "The topic of this domain is away; try again.")
        case StoreUnavailable():
            return unavailable("store-unavailable", "The store is away; try again.")
        case RecordTooLarge():
            return too_large(error.limit)
        case InvalidDocument():
            detail = "This cannot be; nothing was stored."
            return Problem(400, "invalid-document", detail, body_errors(error.faults))
        case _:
            return None


def unavailable(code: str, detail: str) -> Problem:
    """Give the 503 of what comes back by itself."""
    return Problem(503, code, detail, headers={"Retry-After": str(_RETRY_AFTER_SECONDS)})
