"""The Sender that speaks HTTP/1.1 itself: for direct deliveries, at a tenth of a client's cost."""

import asyncio
import ssl
from collections.abc import Callable, Collection
from functools import partial
from typing import NamedTuple
from weakref import WeakValueDictionary

from typing_extensions import override

from consumers.sinks.outcome import Misconfigured, Outcome, Reason, Temporary
from consumers.sinks.sender import Keys, Request, Sender
from consumers.sinks.webhook.connection import Connection, Flight
from consumers.sinks.webhook.dial import Unreachable, dial
from consumers.sinks.webhook.guard import Forbidden, Guard, Target
from consumers.sinks.webhook.pool import Pool
from consumers.sinks.webhook.rendering import render, start_of

_SWEEP = 0.25  # seconds between looks at deadlines: a time-out comes at most that much later
_URLS = 16_384  # sinks remembered as checked

_TIMEOUT = Temporary(Reason.TIMEOUT)
_STOPPED = Temporary(Reason.STOPPED)
_FAULT = Temporary(Reason.FAULT)


_Shared = tuple[str, Target, ssl.SSLContext]
"""Who may share connections."""


class _Route(NamedTuple):
    """Where the requests of one organisation to one URL under the same keys go; how they begin."""

    pool: Pool
    start: str


class WireSender(Sender):
    """Posts requests over kept connections, apart for each organisation and origin.

    `guard` decides where they may go; the caller keeps and closes it. `tls` replaces the default
    context where a request's keys have none. Each organisation has at most `connections` to an
    origin under the same context; more requests wait. A connection that was not used for `idle`
    seconds is closed; one that cannot be had within `connect` seconds fails who waits for it. Use
    it inside one event loop, and close it.

    From `send` to `done` all is callbacks: there is a task per new connection, and one timer.
    The outcome is that of the answer's status, once its body has ended or passed 8 KiB; an answer
    that is cut off or malformed is no answer, whatever its status said.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        tls: ssl.SSLContext | None = None,
        connections: int = 256,
        idle: float = 15.0,
        connect: float = 10.0,
    ) -> None:
        self._guard = guard
        self._tls = tls or ssl.create_default_context()
        self._limit = connections
        self._connect = connect
        self._rest = max(1, round(idle / _SWEEP))
        self._loop = asyncio.get_running_loop()
        self._routes: dict[tuple[str, str, Keys | None], _Route] = {}
        # A pool lives as long as a route to it, a connection or a flight of it does.
        self._pools: WeakValueDictionary[_Shared, Pool] = WeakValueDictionary()
        self._flights: set[Flight] = set()
        self._connections: set[Connection] = set()
        self._dials: set[asyncio.Task[Connection]] = set()
        self._promises: list[tuple[Callable[[Outcome], None], Outcome]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._all_closed = asyncio.Event()
        self._stopped = False

    @override
    def send(self, request: Request, done: Callable[[Outcome], None]) -> None:
        """Start one attempt, as `Sender.send` promises."""
        if self._stopped:
            self._promise(done, _STOPPED)
            return
        route = self._routes.get((request.organisation, request.url, request.keys))
        try:
            if route is None:
                route = self._find(request)
            head = render(route.start, request)
        except Forbidden:
            self._promise(done, Misconfigured(Reason.FORBIDDEN))
            return
        except ValueError as error:
            self._report(error)
            self._promise(done, _FAULT)
            return
        if request.timeout <= 0:
            self._promise(done, _TIMEOUT)
            return
        deadline = self._loop.time() + request.timeout
        flight = Flight(head, request.body, deadline, done, route.pool)
        if request.first_byte is not None:
            flight.first_by = deadline - request.timeout + request.first_byte
        self._flights.add(flight)
        if self._timer is None:
            self._timer = self._loop.call_later(_SWEEP, self._sweep)
        route.pool.take(flight)

    @override
    async def close(self) -> None:
        """Abort what is in flight and release every connection, as `Sender.close` promises."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self._keep_promises()
        self._give_up(tuple(self._flights), _STOPPED)
        dials = tuple(self._dials)
        for task in dials:
            task.cancel()
        if dials:
            await asyncio.wait(dials)
        for connection in tuple(self._connections):
            connection.abort()
        if self._connections:
            await self._all_closed.wait()

    def settle(self, flight: Flight, outcome: Outcome) -> None:
        """Tell an outcome, unless it was told; called by the pools, as those below."""
        done = flight.done
        if done is None:
            return
        flight.done = None
        self._flights.discard(flight)
        self._call(done, outcome)

    def dial(self, pool: Pool, deadline: float, again: Flight | None) -> None:
        """Open a connection; `Pool.dialed` or `Pool.failed` follows."""
        if self._stopped:
            return
        task = self._loop.create_task(
            dial(
                pool.target,
                guard=self._guard,
                tls=pool.tls,
                deadline=deadline,
                patience=self._connect,
                factory=partial(Connection, pool),
            )
        )
        self._dials.add(task)
        task.add_done_callback(partial(self._dialed, pool, deadline, again))

    def opened(self, connection: Connection) -> None:
        """Note that a connection has come into use."""
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        """Note that a socket is closed."""
        self._connections.discard(connection)
        if self._stopped and not self._connections:
            self._all_closed.set()

    def time(self) -> float:
        """Give the loop's time, in which deadlines are written."""
        return self._loop.time()

    def _find(self, request: Request) -> _Route:
        target, keys = self._guard.check_url(request.url), request.keys
        tls = self._tls if keys is None or keys.tls is None else keys.tls
        shared = (request.organisation, target, tls)
        pool = self._pools.get(shared)
        if pool is None:
            pool = self._pools[shared] = Pool(self, target, tls, self._limit)
        route = _Route(pool, start_of(request.url, target))
        if len(self._routes) >= _URLS:
            del self._routes[next(iter(self._routes))]
        self._routes[request.organisation, request.url, keys] = route
        return route

    def _dialed(
        self, pool: Pool, deadline: float, again: Flight | None, task: asyncio.Task[Connection]
    ) -> None:
        self._dials.discard(task)
        if task.cancelled():  # only `close` does that
            return
        error = task.exception()
        if error is None:
            pool.dialed(task.result(), again)
        elif isinstance(error, Unreachable):
            pool.failed(error.outcome, again, deadline)
        else:
            self._report(error)
            pool.failed(_FAULT, again, deadline)

    def _sweep(self) -> None:
        """Give up what is late, close what is idle."""
        now = self._loop.time()
        self._give_up([flight for flight in self._flights if flight.is_late(now)], _TIMEOUT)
        for connection in tuple(self._connections):
            if connection.flight is None:
                connection.idle += 1
                if connection.idle > self._rest:
                    connection.abort()
        self._timer = None
        if not self._stopped and (self._flights or self._connections):
            self._timer = self._loop.call_later(_SWEEP, self._sweep)

    def _give_up(self, flights: Collection[Flight], outcome: Outcome) -> None:
        # Those that wait go first: a connection that ends must not be replaced for their sake.
        for flight in flights:
            if flight.connection is None:
                flight.abandon()
        for flight in flights:
            if flight.connection is not None:
                flight.abandon()
        for flight in flights:
            self.settle(flight, outcome)

    def _promise(self, done: Callable[[Outcome], None], outcome: Outcome) -> None:
        """Tell an outcome that is known at once in the loop's next turn, not within `send`."""
        if not self._promises:
            self._loop.call_soon(self._keep_promises)
        self._promises.append((done, outcome))

    def _keep_promises(self) -> None:
        promises, self._promises = self._promises, []
        for done, outcome in promises:
            self._call(done, outcome)

    def _call(self, done: Callable[[Outcome], None], outcome: Outcome) -> None:
        try:
            done(outcome)
        except Exception as error:  # noqa: BLE001 - it must not end a connection that serves another
            self._report(error)

    def _report(self, error: BaseException) -> None:
        self._loop.call_exception_handler(
            {"message": "A delivery met an error that nobody foresaw", "exception": error}
        )
