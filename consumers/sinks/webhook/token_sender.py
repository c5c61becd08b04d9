"""A Sender before another one: gives requests the access token that their sink wants to see."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from msgspec.structs import replace
from typing_extensions import override

from consumers.sinks.outcome import Misconfigured, Outcome, Reason, Temporary
from consumers.sinks.sender import Request, Sender, Token, header_lines

_UNAUTHORIZED = 401


class TokenSender(Sender):
    """Sends requests through `sender`; those whose keys have a token get it in Authorization.

    A request whose token has to be fetched first waits for it, which counts into its time-out. One
    that the sink answers with 401 is sent once more, with a new token if there is one. Requests
    without a token go straight on.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._waiting: set[asyncio.Task[None]] = set()
        self._closed = False

    @override
    def send(self, request: Request, done: Callable[[Outcome], None]) -> None:
        """Start one attempt, as `Sender.send` promises."""
        token = None if request.keys is None else request.keys.token
        if token is None or self._closed:
            self._sender.send(request, done)
            return
        deadline = asyncio.get_running_loop().time() + request.timeout
        held = token.held()
        if held is None:
            self._start(self._send_later(token, None, request, deadline, done), done)
        else:
            answered = partial(self._answered, token, held, request, deadline, done)
            self._sender.send(_with(request, held), answered)

    @override
    async def close(self) -> None:
        """End those that wait for a token (each `done` is still called), then close the sender."""
        self._closed = True
        waiting = tuple(self._waiting)
        for task in waiting:
            task.cancel()
        if waiting:
            await asyncio.wait(waiting)
        await self._sender.close()

    def _answered(
        self,
        token: Token,
        held: str,
        request: Request,
        deadline: float,
        done: Callable[[Outcome], None],
        outcome: Outcome,
    ) -> None:
        refused = isinstance(outcome, Misconfigured) and outcome.status == _UNAUTHORIZED
        if refused and not self._closed:
            self._start(self._send_later(token, held, request, deadline, done), done)
        else:
            done(outcome)

    async def _send_later(
        self,
        token: Token,
        refused: str | None,
        request: Request,
        deadline: float,
        done: Callable[[Outcome], None],
    ) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                found = await token.renew(refused)
        except TimeoutError:
            found = Temporary(Reason.TIMEOUT)
        if not isinstance(found, str):
            done(found)
            return
        left = deadline - asyncio.get_running_loop().time()
        self._sender.send(replace(_with(request, found), timeout=left), done)

    def _start(self, waiting: Coroutine[Any, Any, None], done: Callable[[Outcome], None]) -> None:
        task = asyncio.get_running_loop().create_task(waiting)
        self._waiting.add(task)
        task.add_done_callback(partial(self._ended, done))

    def _ended(self, done: Callable[[Outcome], None], task: asyncio.Task[None]) -> None:
        self._waiting.discard(task)
        if task.cancelled():  # only `close` does that
            done(Temporary(Reason.STOPPED))
        elif (error := task.exception()) is not None:
            task.get_loop().call_exception_handler(
                {"message": "A delivery met an error that nobody foresaw", "exception": error}
            )
            done(Temporary(Reason.FAULT))


def _with(request: Request, authorization: str) -> Request:
    return replace(request, head=request.head + header_lines([("Authorization", authorization)]))
