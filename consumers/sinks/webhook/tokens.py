"""Access tokens of sinks: those that end, and those that are fetched and shared."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from consumers.sinks.outcome import Misconfigured, Outcome, Reason

_EARLY = 10.0
"""Seconds before its end from which a token is not used: a request is on its way for a while."""

_LEAST = 1.0
"""Seconds that a token is used, however short it says to live: not each delivery asks for one."""

_QUIET = 5.0
"""Seconds in which a token endpoint that gave none is not asked again."""

_YOUNG = 60.0
"""Seconds: a sink that refuses a token as new as that would refuse the next one too."""

_REFUSED = Misconfigured(Reason.ANSWER, 401)


@dataclass(frozen=True, slots=True)
class Held:
    """A token as the value of an Authorization header; `until` in Unix seconds, None: for ever."""

    authorization: str = field(repr=False)
    until: float | None = None

    def is_good(self, now: float) -> bool:
        """Say whether it may still be used."""
        return self.until is None or now < self.until - _EARLY


class EndingToken:
    """A token that the subscriber gave, with its end; past that it is for the subscriber to act."""

    def __init__(self, held: Held, clock: Callable[[], float] = time.time) -> None:
        self._held = held
        self._clock = clock

    def held(self) -> str | None:
        """Give it while it lasts."""
        return self._held.authorization if self._held.is_good(self._clock()) else None

    async def renew(self, refused: str | None) -> str | Outcome:
        """Give no other one: there is none."""
        return Misconfigured(Reason.EXPIRED) if refused is None else _REFUSED


class FetchedToken:
    """A token that `fetch` gets when there is none, when it is over, or when the sink refuses it.

    `fetch` is told which one was refused, is never called twice at once, and raises NoToken.
    """

    def __init__(
        self,
        fetch: Callable[[str | None], Awaitable[Held]],
        held: Held | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._held = held
        self._fetched_at = float("-inf")
        self._failed: tuple[float, Outcome] = (float("-inf"), _REFUSED)
        self._turn = asyncio.Lock()

    def held(self) -> str | None:
        """Give the token that is good now."""
        held = self._held
        return None if held is None or not held.is_good(self._clock()) else held.authorization

    async def renew(self, refused: str | None) -> str | Outcome:
        """Give another one than the refused; who asks at the same time shares the answer."""
        async with self._turn:
            held = self.held()
            if held is not None and held != refused:
                return held
            now = self._clock()
            if refused is None and self._held is not None and now < self._fetched_at + _LEAST:
                return self._held.authorization
            until, outcome = self._failed
            if now < until:
                return outcome
            if refused is not None and now < self._fetched_at + _YOUNG:
                return _REFUSED
            try:
                self._held = await self._fetch(refused)
            except NoToken as error:
                self._failed = (now + _QUIET, error.outcome)
                return error.outcome
            self._fetched_at = now
            return self._held.authorization


class NoToken(Exception):
    """There is no token to be had now; `outcome` says what that means for a delivery."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome
