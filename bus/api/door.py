"""The ASGI application: finds the operation, lets the caller in, makes problems of errors."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from bus.api.auth import require
from bus.api.call import Answer, Call, Receive, Stream
from bus.api.house import House
from bus.api.operation import Operation
from bus.api.problem import CONTENT_TYPE, Problem, problem_of, unavailable
from bus.api.stay import ClientGone, unless_gone
from bus.observe import metrics
from bus.observe.logging import LogEvent, get

API_VERSION = "1.0.0"
"""Version of the HTTP interface (semver); its major number stands in the paths."""

_log = get()

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

EVERY_ANSWER = (
    (b"api-version", API_VERSION.encode()),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # No cookies here: whoever reads from a browser must bring a token of its own.
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"API-Version, Cursor, ETag, Link, Location, Retry-After"),
)
_PREFLIGHT = "authorization, content-type, if-match, traceparent, tracestate"
_PARAMETER = re.compile(r"\{([a-z]+)\}")


class Door:
    """Serves a table of operations. Opens and closes nothing itself."""

    def __init__(self, house: House, operations: Iterable[Operation]) -> None:
        self._house = house
        self._fixed: dict[str, dict[str, Operation]] = {}
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, Operation]]] = {}
        for operation in operations:
            self._methods(operation.path)[operation.method] = operation

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])  # uvicorn runs with ws and lifespan off
        methods, path = self._find(scope["path"])
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        operation = methods.get(method)
        call, head = Call(self._house, scope, receive, path), scope["method"] == "HEAD"
        result: Answer | Stream
        try:
            if operation is None:
                result = _without_operation(methods, method)
            else:
                result = await self._serve(operation, call)
        except Problem as problem:
            result = _problem_answer(problem)
        except asyncio.CancelledError:
            # The server stops, and has waited as long as it may. uvicorn would answer 500, in text.
            stopping = unavailable("stopping", "This part of the bus is stopping; try again.")
            _count(operation, method, stopping.status)
            await _send(_problem_answer(stopping), send, head=head)
            raise
        _count(operation, method, result.status)
        if isinstance(result, Stream):
            assert operation is not None  # noqa: S101 - a handler gave it
            await _send_stream(operation, result, call, send)
        else:
            await _send(result, send, head=head)

    async def _serve(self, operation: Operation, call: Call) -> Answer | Stream:
        try:
            if operation.roles is not None:
                call.caller = await self._house.gate.caller(call.header(b"authorization"))
                require(call.caller, operation.roles)
            if call.scope["query_string"] and operation.path.startswith("/v1/"):
                call.query(*operation.query)
            return await operation.handler(call)
        except Problem:
            raise
        except Exception as error:
            raise _told(operation, error) from error

    def _methods(self, path: str) -> dict[str, Operation]:
        """Give the operations of a path as the table writes it, to be filled."""
        if "{" not in path:
            return self._fixed.setdefault(path, {})
        pattern = re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", path))
        return self._patterns.setdefault(path, (pattern, {}))[1]

    def _find(self, path: str) -> tuple[dict[str, Operation], dict[str, str]]:
        """Give the operations of a path as asked for, and its parameters; none when unknown."""
        if path in self._fixed:
            return self._fixed[path], {}
        for pattern, methods in self._patterns.values():
            if match := pattern.fullmatch(path):
                return methods, match.groupdict()
        return {}, {}


def _told(operation: Operation, error: Exception) -> Problem:
    """Give the problem for an error from below, and write the line that goes with a 5xx."""
    problem = problem_of(error)
    if problem is None:
        problem = Problem(500, "internal", "Something went wrong here; it has been logged.")
        _log.exception(LogEvent.REQUEST_FAILED, name=operation.name, instance=problem.instance)
    elif problem.status == 503:
        # An outage is one line of whoever noticed it first, not one per request.
        _log.debug(LogEvent.REQUEST_UNAVAILABLE, name=operation.name, error=error)
    return problem


def _without_operation(methods: Mapping[str, Operation], method: str) -> Answer:
    """Answer for a path or a method that is not in the table; a browser's preflight is."""
    if not methods:
        raise Problem(404, "not-found", "There is nothing here.")
    allowed = ", ".join(sorted({*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])}))
    if method == "OPTIONS":
        headers = {
            "Allow": allowed,
            "Access-Control-Allow-Methods": allowed,
            "Access-Control-Allow-Headers": _PREFLIGHT,
            "Access-Control-Max-Age": "3600",
        }
        return Answer(204, headers=headers)
    detail = f"This takes {allowed}."
    raise Problem(405, "method-not-allowed", detail, headers={"Allow": allowed})


def _problem_answer(problem: Problem) -> Answer:
    return Answer(problem.status, problem.document(), CONTENT_TYPE, problem.headers)


def _count(operation: Operation | None, method: str, status: int) -> None:
    route = "unknown" if operation is None else operation.path
    known = method if method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "other"
    metrics.REQUESTS.labels(known, route, status).inc()


async def _send(answer: Answer, send: Send, *, head: bool) -> None:
    headers = list(EVERY_ANSWER)
    if answer.status != 204:
        headers.append((b"content-type", answer.content_type.encode()))
        headers.append((b"content-length", str(len(answer.body)).encode()))
    for name, value in answer.headers.items():
        headers.append((name.lower().encode(), value.encode("latin-1")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


async def _send_stream(operation: Operation, stream: Stream, call: Call, send: Send) -> None:
    """Send chunks until there are no more, or the client has gone; an error ends it, too.

    `send` waits while the client does not read, and so does the making of the next chunk.
    """

    async def pump() -> None:
        headers = [*EVERY_ANSWER, (b"content-type", stream.content_type.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if call.scope["method"] != "HEAD":
            await send({"type": "http.response.body", "body": stream.first, "more_body": True})
            async for chunk in stream.chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})

    try:
        await unless_gone(call.receive, pump())
    except ClientGone:
        return
    except Problem:
        pass  # the client comes back for it: it asks again, and that is answered
    except Exception as error:  # noqa: BLE001 - `_told` writes down what is our fault
        _told(operation, error)
    finally:
        await stream.chunks.aclose()
    await send({"type": "http.response.body", "body": b""})
