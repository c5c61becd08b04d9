"""Reads answers from bytes, within bounds: no I/O, so that every trap can be tried byte by byte."""

import time
from functools import lru_cache
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from consumers.sinks.outcome import Outcome, Reason, Temporary, classify
from consumers.sinks.webhook.retry_after import parse_retry_after

MAX_HEAD = 32_768
"""Bytes of an answer's head, interim answers (1xx) included; httptools itself bounds nothing."""

MAX_BODY = 8_192
"""Bytes of an answer's body that are waited for: nobody reads them, they free the connection."""

_SWITCHING = 101
_BROKEN = Temporary(Reason.BROKEN)
_RESET = Temporary(Reason.RESET)
_classified = lru_cache(1_000)(classify)  # outcomes are values: one per status will do


class Answer:
    """The answers that come over one connection, one after the other.

    `expect` before each request; `feed` then gives the outcome once, when the answer is complete,
    past its bounds or broken. `reusable` says afterwards whether the connection is clean.
    """

    __slots__ = (
        "_complete",
        "_headed",
        "_keeps",
        "_parser",
        "_pieces",
        "_raw",
        "_status",
        "reusable",
    )

    def __init__(self) -> None:
        self._parser: Any = HttpResponseParser(self)
        self._pieces: list[bytes] = []  # the reads up to the one in which the head ends
        self.expect()

    def expect(self) -> None:
        """Make ready for the answer to the next request."""
        self._raw = 0
        self._headed = self._complete = self._keeps = self.reusable = False
        self._status = 0

    def feed(self, data: bytes) -> Outcome | None:
        """Take what was read; give the outcome, or None while there is more to come."""
        self._raw += len(data)
        if not self._headed:
            self._pieces.append(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:  # 101: complete, though nothing that we could have asked for
            self._keeps = False
        except HttpParserError:
            self._keeps = False
            if not self._complete:
                return self._settle(_BROKEN)
        # Only now, with all that was read gone through, is it sure that nothing follows the answer.
        if self._complete and self._raw <= MAX_HEAD:
            self.reusable = self._keeps
            return self._outcome()
        return self._bounded()

    def begun(self) -> bool:
        """Say whether a byte came since `expect`."""
        return self._raw > 0

    def end(self, *, clean: bool) -> Outcome:
        """Give the outcome of an answer whose connection ended first.

        One without length or chunks ends that way, if `clean` (no reset); any other is cut off.
        """
        if not self._headed:
            return self._settle(_RESET)
        head = Head.read(self._pieces)
        if clean and not head.names & {b"content-length", b"transfer-encoding"}:
            return self._outcome()
        return self._settle(_BROKEN)

    def drop(self) -> None:
        """Let go of the parser, which holds on to this object."""
        self._parser = None
        self._pieces.clear()

    def on_message_begin(self) -> None:
        """Note an answer; called by the parser, as those below."""
        if self._complete:  # a second one, or a body where none can be
            self._keeps = False

    def on_headers_complete(self) -> None:
        """Note that the head has ended."""
        if not self._complete:
            self._headed = True
            self._status = self._parser.get_status_code()

    def on_message_complete(self) -> None:
        """Note that the answer has ended; an interim one (1xx) ends too and is none."""
        if self._complete:
            return
        if self._status < 200 and self._status != _SWITCHING:
            self._headed = False
            return
        self._complete = True
        self._keeps = self._parser.should_keep_alive()

    def _bounded(self) -> Outcome | None:
        """Give the outcome of an answer too large to wait for."""
        if not self._headed:
            return self._settle(_BROKEN) if self._raw > MAX_HEAD else None
        read = b"".join(self._pieces)
        head = read.find(b"\r\n\r\n") + 4
        if head > MAX_HEAD:
            return self._settle(_BROKEN)
        if self._complete:
            self.reusable = self._keeps
            return self._outcome()
        return self._outcome() if self._raw - head > MAX_BODY else None

    def _outcome(self) -> Outcome:
        if 200 <= self._status < 300:
            return self._settle(_classified(self._status))
        text = Head.read(self._pieces).retry_after
        wait = parse_retry_after(text, now=time.time())
        return self._settle(classify(self._status, wait))

    def _settle(self, outcome: Outcome) -> Outcome:
        self._pieces.clear()
        return outcome


class Head:
    """The headers of an answer, read a second time by the few who need them.

    Gathering them at the first reading would cost every delivery a call per header.
    """

    def __init__(self) -> None:
        self.names: set[bytes] = set()
        self.retry_after: str | None = None
        self._parser: Any = HttpResponseParser(self)
        self._over = False

    @classmethod
    def read(cls, pieces: list[bytes]) -> "Head":
        """Read the head of the first answer that is not an interim one."""
        head = cls()
        try:
            for piece in pieces:
                head._parser.feed_data(piece)
        except (HttpParserUpgrade, HttpParserError):
            pass  # what comes after the head
        head._parser = None
        return head

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; called by the parser, as those below."""
        if not self._over:
            self.names.add(name.lower())
            if self.retry_after is None and name.lower() == b"retry-after":
                self.retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Stop at the end of this head, unless it is an interim answer's."""
        status = self._parser.get_status_code()
        if status >= 200 or status == _SWITCHING:
            self._over = True
        elif not self._over:
            self.names.clear()
            self.retry_after = None
