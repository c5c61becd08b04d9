"""Log lines: JSON, an allow-list of keys, and nothing of what a sender wrote."""

import asyncio
import errno
import io
import json
import logging
import warnings
from typing import Any

import pytest

from bus.observe.logging import ForbiddenKeyError, LogEvent, configure, get
from bus.observe.traces import error_name

PERSONAL = "999990342"


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Read what was written, one object a line."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_name_role_time_and_keys(stream: io.StringIO) -> None:
    """A line is one JSON object with a fixed name and plain keys."""
    get().bind(topic="zaken").info(LogEvent.DOMAIN_CREATED, partition=3)
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "api.domain_created",
        "level": "info",
        "role": "api",
        "topic": "zaken",
        "partition": 3,
    }


def test_what_may_be_a_bsn_is_masked_in_what_a_sender_wrote(stream: io.StringIO) -> None:
    """An id, a source and a type may be logged; a number of a person in them may not."""
    get().info(LogEvent.ACCESS_REFUSED, id=PERSONAL, source=f"urn:x:{PERSONAL}", type="nl.b")
    (line,) = lines(stream)
    assert (line["id"], line["source"], line["type"]) == ("*********", "urn:x:*********", "nl.b")


@pytest.mark.parametrize("key", ["subject", "data", "token", "message", "logger"])
def test_a_key_that_is_not_listed_never_gets_out(stream: io.StringIO, key: str) -> None:
    """The value is dropped, bound or given, and the name of the key is told."""
    untyped: Any = get()
    untyped.info(LogEvent.ACCESS_REFUSED, **{key: PERSONAL})
    untyped.bind(**{key: PERSONAL}).info(LogEvent.ACCESS_REFUSED)
    assert PERSONAL not in stream.getvalue()
    assert [line["dropped_keys"] for line in lines(stream)] == [[key], [key]]


def test_strict_mode_raises(stream: io.StringIO) -> None:
    """A developer meets a forbidden key in the tests, not in production."""
    configure(strict=True, stream=stream)
    untyped: Any = get()
    with pytest.raises(ForbiddenKeyError, match="subject"):
        untyped.info(LogEvent.ACCESS_REFUSED, subject=PERSONAL)
    assert stream.getvalue() == ""


def test_an_exception_is_class_and_place(stream: io.StringIO) -> None:
    """The text of an exception may quote an event, so it stays inside; its causes are named."""

    def fail() -> None:
        raise ValueError(PERSONAL) from KeyError(PERSONAL)

    try:
        fail()
    except ValueError as error:
        get().exception(LogEvent.REQUEST_FAILED)
        get().warning(LogEvent.LOG_UNAVAILABLE, error=error)
    assert PERSONAL not in stream.getvalue()
    first, second = lines(stream)
    assert first["error"] == second["error"] == "ValueError < KeyError"
    assert first["at"].endswith(" fail")
    assert len(first["trace"]) == 2


def test_a_group_names_its_members(stream: io.StringIO) -> None:
    """A failed TaskGroup says what failed in it."""
    error = ExceptionGroup(PERSONAL, [OSError(PERSONAL), ValueError(PERSONAL)])
    get().error(LogEvent.ROLE_FAILED, error=error)
    assert lines(stream)[0]["error"] == "ExceptionGroup(OSError, ValueError)"


def test_objects_show_as_their_class(stream: io.StringIO) -> None:
    """The repr of an object may hold an event."""
    untyped: Any = get()
    untyped.info(LogEvent.ACCESS_REFUSED, reason={"subject": PERSONAL}, error=PERSONAL)
    assert PERSONAL not in stream.getvalue()
    assert lines(stream)[0]["reason"] == "<dict>"


def test_libraries_speak_through_the_same_pipe(stream: io.StringIO) -> None:
    """From WARNING up, the template only, except of libraries whose words are the protocol's."""
    logging.getLogger("aiokafka.conn").error("No broker %s", "kafka:9092")
    logging.getLogger("other").error("Bad value %s", PERSONAL)
    logging.getLogger("other").info("Not written")
    assert [line["message"] for line in lines(stream)] == ["No broker kafka:9092", "Bad value %s"]
    assert {line["event"] for line in lines(stream)} == {"library.message"}


async def test_a_lost_task_does_not_show_its_exception_text(stream: io.StringIO) -> None:
    """Asyncio writes the repr of a failed task; only its class and place get through."""

    async def fail() -> None:
        raise ValueError(PERSONAL)

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    del task
    assert PERSONAL not in stream.getvalue()
    (line,) = lines(stream)
    assert (line["logger"], line["error"]) == ("asyncio", "ValueError")


def test_a_warning_shows_place_and_category(stream: io.StringIO) -> None:
    """Python's warnings become lines too, without their free text."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn(PERSONAL, UserWarning, stacklevel=1)
    assert PERSONAL not in stream.getvalue()
    assert lines(stream)[0]["message"].endswith("UserWarning")


@pytest.mark.usefixtures("stream")
def test_people_get_readable_lines() -> None:
    """On a terminal a line is text, with the same allow-list."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    configure(stream=out)
    untyped: Any = get()
    untyped.info(LogEvent.ROLE_STARTED, port=1, subject=PERSONAL)
    assert "role.started" in out.getvalue()
    assert PERSONAL not in out.getvalue()


def test_a_line_that_cannot_be_written_is_all_that_is_lost(stream: io.StringIO) -> None:
    """On a full disk the work goes on, and once there is room so do the lines."""

    class Full(io.StringIO):
        room = False

        def write(self, text: str) -> int:
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(text)

    assert stream.getvalue() == ""
    out = Full()
    configure(stream=out)
    get().info(LogEvent.ROLE_STARTED)
    get().warning(LogEvent.ROLE_STOPPED)
    out.room = True
    get().error(LogEvent.ROLE_FAILED)
    assert [line["event"] for line in lines(out)] == [LogEvent.ROLE_FAILED]


def test_an_error_raised_from_the_group_it_was_in_has_a_name() -> None:
    """Its causes lead back to itself; each is named once."""
    inner = OverflowError(PERSONAL)
    inner.__cause__ = ExceptionGroup("", [inner, ValueError()])
    assert error_name(inner) == "OverflowError < ExceptionGroup(ValueError)"
