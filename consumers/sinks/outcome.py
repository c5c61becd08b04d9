"""What became of one attempt: a closed set of frozen types (design §4, table)."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why an attempt did not deliver, in one word; carries nothing of an answer's body."""

    ANSWER = "answer"  # the sink answered, and its status says it
    CONNECT = "connect"  # nobody listens, or no route
    DNS = "dns"  # the host name does not resolve
    TIMEOUT = "timeout"
    RESET = "reset"  # the connection was lost before the answer was complete
    BROKEN = "broken"  # what came back is not an HTTP answer
    TLS = "tls"  # no TLS could be agreed on
    CERTIFICATE = "certificate"  # the sink's certificate is not to be trusted
    TOKEN = "token"  # the token endpoint gave no access token  # noqa: S105 - a word, not a secret
    EXPIRED = "expired"  # the access token is over, and nobody said how to get another
    FORBIDDEN = "forbidden"  # the guard refuses the sink's address
    TOPIC = "topic"  # the inbox topic does not exist
    LOG = "log"  # Kafka did not store it in time
    STOPPED = "stopped"  # the sender was closed
    FAULT = "fault"  # a fault in the sender itself


@dataclass(frozen=True, slots=True)
class Delivered:
    """Any 2xx: the sink has the event."""

    status: int


@dataclass(frozen=True, slots=True)
class Refused:
    """400, 405, 406, 413, 415, 422 or another 4xx: the sink will never take this event."""

    status: int


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """The endpoint is set up wrongly: its owner has to act.

    401, 403, 404, 407, 421, 3xx, an address that the guard forbids, or a refused certificate.
    """

    reason: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Temporary:
    """408, 409, 425, 429, 5xx, a refused connection, a time-out or a broken answer: try again.

    `retry_after` is the number of seconds the sink asked for, if it did.
    """

    reason: str
    status: int | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """410: the sink says that it is retired."""


Outcome = Delivered | Refused | Misconfigured | Temporary | Gone

_MISCONFIGURED = frozenset({401, 403, 404, 407, 421})
_TEMPORARY = frozenset({408, 409, 425, 429})


def classify(status: int, retry_after: float | None = None) -> Outcome:
    """Give the outcome of an answer with this HTTP status (design §4, table)."""
    if 200 <= status < 300:
        return Delivered(status)
    if status == 410:
        return Gone()
    if status in _TEMPORARY or status >= 500 or status < 200:
        return Temporary(Reason.ANSWER, status, retry_after)
    if status in _MISCONFIGURED or status < 400:
        return Misconfigured(Reason.ANSWER, status)
    return Refused(status)
