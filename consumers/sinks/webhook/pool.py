"""The connections of one organisation to one origin, and the requests that wait for one."""

import ssl
from collections import deque
from contextlib import suppress
from typing import Protocol

from consumers.sinks.outcome import Outcome, Reason, Temporary
from consumers.sinks.webhook.connection import Connection, Flight
from consumers.sinks.webhook.guard import Target

_TIMEOUT = Temporary(Reason.TIMEOUT)
_RESET = Temporary(Reason.RESET)


class House(Protocol):
    """What a pool needs of the sender that it belongs to."""

    def dial(self, pool: "Pool", deadline: float, again: Flight | None) -> None:
        """Open a connection; `Pool.dialed` or `Pool.failed` follows."""
        ...

    def settle(self, flight: Flight, outcome: Outcome) -> None:
        """Tell an outcome, unless it was told."""
        ...

    def opened(self, connection: Connection) -> None:
        """Note that a connection has come into use; `closed` follows."""
        ...

    def closed(self, connection: Connection) -> None:
        """Note that a socket is closed, in use or not."""
        ...

    def time(self) -> float:
        """Give the loop's time."""
        ...


class Pool:
    """Gives each flight a connection of its own: a kept one, or a new one up to `limit`."""

    __slots__ = (
        "__weakref__",
        "_dialing",
        "_house",
        "_idle",
        "_limit",
        "_size",
        "_waiting",
        "target",
        "tls",
    )

    def __init__(self, house: House, target: Target, tls: ssl.SSLContext, limit: int) -> None:
        self.target = target
        self.tls = tls
        self._house = house
        self._limit = limit
        self._idle: list[Connection] = []  # the one used last is taken first: the others may rest
        self._waiting: deque[Flight] = deque()
        self._size = 0  # connections, those that are being opened included
        self._dialing = 0  # being opened, for whoever waits

    def take(self, flight: Flight) -> None:
        """Send over a kept connection, or wait for one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable():
                connection.start(flight, kept=True)
                return
        self._waiting.append(flight)
        self._dial_for_waiting()

    def release(self, connection: Connection, *, kept: bool = True) -> None:
        """Give a connection to who waits longest, or keep it."""
        while self._waiting:
            flight = self._waiting.popleft()
            if flight.deadline > self._house.time():
                connection.start(flight, kept=kept)
                return
            self._house.settle(flight, _TIMEOUT)
        self._idle.append(connection)

    def gone(self, connection: Connection, again: Flight | None = None) -> None:
        """Forget a connection; `again` is sent over a new one, before all who wait."""
        self._size -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        if again is not None:
            self._size += 1
            self._house.dial(self, again.deadline, again)
        self._dial_for_waiting()

    def leave(self, flight: Flight) -> None:
        """Forget a flight that waits no longer, if it waited here."""
        with suppress(ValueError):
            self._waiting.remove(flight)

    def dialed(self, connection: Connection, again: Flight | None) -> None:
        """Take a new connection into use."""
        if again is None:
            self._dialing -= 1
        if connection.usable():
            connection.adopt()
            self._house.opened(connection)
            if again is not None and again.done is not None:
                connection.start(again, kept=False)
            else:
                self.release(connection, kept=False)
        else:  # lost before it was of use
            self._size -= 1
            self._fail(again, _RESET)
        self._dial_for_waiting()

    def failed(self, outcome: Outcome, again: Flight | None, deadline: float) -> None:
        """Tell one flight that no connection could be had for it; the others have their own.

        What was not there by `deadline` is too late for all whose deadline that was or is before.
        """
        self._size -= 1
        if again is None:
            self._dialing -= 1
        if again is None and outcome == _TIMEOUT:
            for flight in [each for each in self._waiting if each.deadline <= deadline]:
                self.leave(flight)
                self.settle(flight, outcome)
        else:
            self._fail(again, outcome)
        self._dial_for_waiting()

    def settle(self, flight: Flight, outcome: Outcome) -> None:
        """Tell an outcome."""
        self._house.settle(flight, outcome)

    def closed(self, connection: Connection) -> None:
        """Note that a socket is closed."""
        self._house.closed(connection)

    def _fail(self, again: Flight | None, outcome: Outcome) -> None:
        if again is not None:
            self._house.settle(again, outcome)
        elif self._waiting:
            self._house.settle(self._waiting.popleft(), outcome)

    def _dial_for_waiting(self) -> None:
        while self._dialing < len(self._waiting) and self._size < self._limit:
            self._dialing += 1
            self._size += 1
            self._house.dial(self, self._waiting[-1].deadline, None)
