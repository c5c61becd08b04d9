"""Log lines: JSON on stderr, with keys from an allow-list; `subject` and `data` never get out."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Protocol, Self, TextIO, TypedDict, Unpack, cast

import orjson
import structlog

from bus.observe.bsn import masked
from bus.observe.events import LogEvent
from bus.observe.lines import Lines
from bus.observe.traces import error_name, places

__all__ = ["ForbiddenKeyError", "Keys", "LogEvent", "Logger", "configure", "get"]


class Keys(TypedDict, total=False):
    """The allow-list: every key a log line may carry, with its type.

    mypy checks the calls against it and the pipe checks the lines. A new key is a decision about
    personal data: what a sender wrote in `subject` or `data` may never be in its value.
    """

    # About an event and its delivery
    id: str
    source: str
    type: str
    subscription_id: str
    topic: str
    partition: int
    offset: int
    attempt: int
    outcome: str  # a word of the outcome table
    # About ourselves
    role: str
    instance: str  # of a problem document: what a user can quote
    error: BaseException  # written as its class; never as its text, which may quote data
    reason: str  # a fixed word or sentence of ours, or a code
    status: int
    method: str
    path: str  # the route's template, not what was asked
    organisation: str
    domain: str
    name: str
    group: str
    owner: str
    host: str
    port: int
    pid: int
    epoch: int
    revision: int
    count: int
    limit: int
    bytes: int
    seconds: float
    lag: int
    until: int
    setting: str
    version: str
    compiled: bool  # whether the hot paths are (decision 18)


_ALLOWED = frozenset(Keys.__annotations__)
_SENT = frozenset({"id", "source", "type"})
# What structlog itself hands over.
_GIVEN = frozenset({"event", "exc_info"})
_MAX_TEXT = 500
# Their messages hold names of topics, nodes and errors of the protocol. Of other libraries only the
# template is kept: asyncio, for one, writes the repr of whatever failed.
_TRUSTED_MESSAGES = ("aiokafka",)

EventDict = MutableMapping[str, Any]


class ForbiddenKeyError(Exception):
    """A log line was given a key that is not on the allow-list (strict mode only)."""


class Logger(Protocol):
    """What `get` returns: structlog's logger, seen through the allow-list."""

    def debug(self, event: LogEvent, **keys: Unpack[Keys]) -> None:
        """Write a line for somebody who is looking for something."""

    def info(self, event: LogEvent, **keys: Unpack[Keys]) -> None:
        """Write a line about a change that was meant to happen."""

    def warning(self, event: LogEvent, **keys: Unpack[Keys]) -> None:
        """Write a line about something that repairs itself, or that its owner should see."""

    def error(self, event: LogEvent, **keys: Unpack[Keys]) -> None:
        """Write a line about something that asks for a human."""

    def exception(self, event: LogEvent, **keys: Unpack[Keys]) -> None:
        """As `error`, with class and place of the exception that is being handled."""

    def bind(self, **keys: Unpack[Keys]) -> Self:
        """Return a logger that adds these keys to each of its lines."""
        ...


def get() -> Logger:
    """Return a logger; it follows a later `configure`. Unconfigured it is safe too: same pipe."""
    if not structlog.is_configured():
        _configure_ours(_pipe(None), "warning", strict=False, stream=None)
    return cast("Logger", structlog.get_logger())


def configure(
    *,
    role: str | None = None,
    level: str = "info",
    strict: bool = False,
    stream: TextIO | None = None,
) -> None:
    """Send our lines from `level` up, and libraries' from WARNING up, to `stream` (stderr).

    JSON, one object a line; for people when the stream is a terminal. With `strict` a key that is
    not allowed raises ForbiddenKeyError; without, it is left out and named in `dropped_keys`.
    """
    pipe = _pipe(role)
    _configure_ours(pipe, level, strict=strict, stream=stream)
    _configure_libraries(pipe, stream)


def _pipe(role: str | None) -> list[structlog.typing.Processor]:
    """Give the steps that our lines and those of libraries share."""
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exception,
        _role(role),
    ]


def _configure_ours(
    pipe: list[structlog.typing.Processor], level: str, *, strict: bool, stream: TextIO | None
) -> None:
    structlog.configure(
        processors=[_allow(strict=strict), *pipe, _renderer(stream)],
        wrapper_class=structlog.make_filtering_bound_logger(level.upper()),
        # stderr is looked up for each line, so that whoever replaces it sees the lines.
        logger_factory=lambda *_: Lines(stream or sys.stderr),
        cache_logger_on_first_use=False,  # so that module-level loggers follow a later configure
    )


def _configure_libraries(pipe: list[structlog.typing.Processor], stream: TextIO | None) -> None:
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_library, *pipe],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def _allow(*, strict: bool) -> structlog.typing.Processor:
    """Give the processor that lets only the allow-list through."""

    def allow(_: object, __: str, line: EventDict) -> EventDict:
        dropped = sorted(line.keys() - _ALLOWED - _GIVEN)
        if dropped and strict:
            raise ForbiddenKeyError(", ".join(dropped))
        kept = {key: _plain(key, value) for key, value in line.items() if key not in dropped}
        if dropped:
            kept["dropped_keys"] = dropped
        return kept

    return allow


def _plain(key: str, value: object) -> object:
    """Let plain values through; of anything else only the class, for its repr may hold data."""
    if isinstance(value, str):
        # An id, a source or a type is a sender's text, too.
        return (masked(value) if key in _SENT else value)[:_MAX_TEXT]
    if value is None or isinstance(value, bool | int | float) or key in {"error", "exc_info"}:
        return value
    return f"<{type(value).__qualname__}>"


def _exception(_: object, __: str, line: EventDict) -> EventDict:
    """Replace an exception by its class and the places it went through."""
    info = line.pop("exc_info", None)
    error = line.get("error")
    if info and error is None:
        error = info[1] if isinstance(info, tuple) else sys.exc_info()[1]
    if error is None:
        return line
    line["error"] = error_name(error) if isinstance(error, BaseException) else "unknown"
    if isinstance(error, BaseException) and error.__traceback__ is not None:
        trace = places(error)
        line["at"] = trace[-1]
        if info:
            line["trace"] = trace
    return line


def _library(_: object, __: str, line: EventDict) -> EventDict:
    """Turn a record of the standard library's logging into one of our lines."""
    record: logging.LogRecord = line["_record"]
    trusted = record.name.startswith(_TRUSTED_MESSAGES)
    text = str(line["event"] if trusted else record.msg).strip()
    if record.name == "py.warnings":  # file, line and category; the rest is free text
        text = ": ".join(text.split(": ")[:2])
    line["event"] = LogEvent.LIBRARY
    line["logger"] = record.name
    line["message"] = (text.splitlines() or [""])[0][:_MAX_TEXT]
    line["exc_info"] = record.exc_info
    return line


def _role(role: str | None) -> structlog.typing.Processor:
    """Give the processor that says which process speaks."""

    def add(_: object, __: str, line: EventDict) -> EventDict:
        if role is not None:
            line.setdefault("role", role)
        return line

    return add


def _renderer(stream: TextIO | None) -> structlog.typing.Processor:
    """Give the renderer for people or for machines."""
    if (stream or sys.stderr).isatty():
        return structlog.dev.ConsoleRenderer()
    return structlog.processors.JSONRenderer(serializer=_dumps)


def _dumps(line: object, **_: object) -> str:
    return orjson.dumps(line).decode()
