"""One connection to a sink: writes a request, reads its answer, is given back or dropped."""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from consumers.sinks.outcome import Outcome
from consumers.sinks.webhook.answer import Answer

_PIECE = 65_536  # bytes that are written at once, and that may wait in the transport
_SMALL = 16_384  # bytes of body that go out in one write with the head


class Owner(Protocol):
    """What flights and connections tell the pool that they belong to."""

    def leave(self, flight: "Flight") -> None:
        """Forget a flight that waits no longer."""
        ...

    def release(self, connection: "Connection", *, kept: bool = True) -> None:
        """Take back a connection whose answer is complete."""
        ...

    def gone(self, connection: "Connection", again: "Flight | None" = None) -> None:
        """Forget a connection; `again` has to be sent over a new one."""
        ...

    def settle(self, flight: "Flight", outcome: Outcome) -> None:
        """Tell an outcome."""
        ...

    def closed(self, connection: "Connection") -> None:
        """Note that the socket is closed."""
        ...


class Flight:
    """One attempt on its way: as which bytes, until when, and who waits for the outcome.

    `deadline` is in the loop's time, and so is `first_by`, until when the answer has to begin;
    `done` is None once it was called.
    """

    __slots__ = ("body", "connection", "deadline", "done", "first_by", "head", "pool")

    def __init__(
        self,
        head: bytes,
        body: bytes,
        deadline: float,
        done: Callable[[Outcome], None],
        pool: Owner,
    ) -> None:
        self.head = head
        self.body = body
        self.deadline = self.first_by = deadline
        self.done: Callable[[Outcome], None] | None = done
        self.pool = pool
        self.connection: Connection | None = None

    def is_late(self, now: float) -> bool:
        """Say whether its time is over."""
        if now < self.first_by:
            return False
        return now >= self.deadline or self.connection is None or not self.connection.answered()

    def abandon(self) -> None:
        """Take it off its connection, which nobody may use any more, or out of the queue."""
        if self.connection is None:
            self.pool.leave(self)
        else:
            self.connection.abort()


class Connection:
    """Carries one request at a time; there is never a second one before the answer.

    An `asyncio.Protocol`, by its methods: a class without a base is compiled into a lighter one.
    Until its owner has `adopted` it, it belongs to the dial that opens it, and tells of no loss: a
    dial that is cut off closes the socket, and uvloop says nothing to the protocol then.
    """

    __slots__ = (
        "_adopted",
        "_answer",
        "_kept",
        "_lost",
        "_owner",
        "_paused",
        "_transport",
        "_unsent",
        "flight",
        "idle",
    )

    def __init__(self, owner: Owner) -> None:
        self.flight: Flight | None = None
        self.idle = 0  # sweeps of the sender since the last request
        self._owner = owner
        self._answer = Answer()
        self._unsent: memoryview | None = None
        self._paused = False
        self._kept = False  # whether the sink may have closed it before the request went out
        self._lost = False
        self._adopted = False
        self._transport: asyncio.Transport

    def adopt(self) -> None:
        """Belong to the owner from here on."""
        self._adopted = True

    def start(self, flight: Flight, *, kept: bool) -> None:
        """Send a request, over a connection that was `kept` or one just made for it."""
        self._kept = kept
        self.flight = flight
        flight.connection = self
        self.idle = 0
        self._answer.expect()
        if len(flight.body) <= _SMALL:
            self._transport.write(flight.head + flight.body)
        else:
            self._transport.write(flight.head)
            self._unsent = memoryview(flight.body)
            self._write_on()

    def usable(self) -> bool:
        """Say whether a request may be started on it; it may be closing before it is lost."""
        return not self._lost and not self._transport.is_closing()

    def answered(self) -> bool:
        """Say whether the answer to its request has begun."""
        return self._answer.begun()

    def abort(self) -> None:
        """Drop the connection at once, with what it was carrying.

        A polite close would first write what is buffered, and keep the socket as long as a sink
        that stopped reading likes.
        """
        self.flight = self._unsent = None
        self._transport.abort()
        if not self._lost:
            self._lost = True
            self._gone()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket that was opened; called by the loop, as those below."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self._transport.set_write_buffer_limits(high=_PIECE)

    def data_received(self, data: bytes) -> None:
        """Read on in the answer; with its end the connection is free, then the outcome told."""
        flight = self.flight
        if flight is None:  # nobody asked: a late body, a second answer, a good-bye
            self.abort()
            return
        outcome = self._answer.feed(data)
        if outcome is None:
            return
        # `flight` and `outcome` are ours: from the release on, the connection may carry another.
        self.flight = None
        if self._is_clean():
            self._owner.release(self)
        else:
            self.abort()
        self._owner.settle(flight, outcome)

    def eof_received(self) -> None:
        """Close too where the sink sends no more."""
        self._end(clean=True)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell what that means for the request, if there was one."""
        self._end(clean=exc is None)
        self._answer.drop()
        self._owner.closed(self)

    def pause_writing(self) -> None:
        """Hold back the rest of a body."""
        self._paused = True

    def resume_writing(self) -> None:
        """Write on."""
        self._paused = False
        self._write_on()

    def _write_on(self) -> None:
        """Write the body by pieces for as long as the sink reads them."""
        while self._unsent is not None and not self._paused:
            piece, rest = self._unsent[:_PIECE], self._unsent[_PIECE:]
            self._unsent = rest or None
            self._transport.write(piece)

    def _is_clean(self) -> bool:
        """Say whether the answer was whole, alone, and to a request that was wholly sent."""
        return (
            self._answer.reusable
            and self._unsent is None
            and not self._transport.get_write_buffer_size()
            and not self._transport.is_closing()
        )

    def _end(self, *, clean: bool) -> None:
        if self._lost:
            return
        self._lost = True
        flight, self.flight, self._unsent = self.flight, None, None
        if flight is None:
            self._gone()
        elif self._kept and not self._answer.begun():
            # The sink closed a kept connection while this request was on its way to it. It is sent
            # again once: the connection that it now gets is a new one.
            flight.connection = None
            self._owner.gone(self, again=flight)
        else:
            self._owner.gone(self)
            self._owner.settle(flight, self._answer.end(clean=clean))

    def _gone(self) -> None:
        if self._adopted:
            self._owner.gone(self)
