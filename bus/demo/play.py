"""The demonstration: components subscribe, the register changes, what arrives is shown."""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from bus.demo import script
from bus.demo.api import Api
from bus.demo.components import COMPONENTS, Arrival, Component, path_of, served, wish_of
from bus.demo.register import DOMAIN, Register
from bus.demo.show import Show
from bus.demo.verify import differences
from bus.subscription import new_signing_secret

ONCE_WITHIN = 60.0
"""Seconds, for a story of some four on a machine that has nothing else to do."""

_PARTITIONS = 4
_POLL = 0.1


class Arrivals:
    """What has come so far, all components together."""

    def __init__(self, show: Show) -> None:
        self.all: list[Arrival] = []
        self._show = show
        self._more = asyncio.Event()

    def add(self, arrival: Arrival) -> None:
        """Keep and show one more."""
        self.all.append(arrival)
        self._show.arrived(arrival)
        self._more.set()

    async def more(self) -> None:
        """Wait until there is more than at the last call."""
        await self._more.wait()
        self._more.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where it is played: a running bus, and a register whose outbox the relay empties."""

    url: str
    token: str = field(repr=False)
    register_url: str = field(repr=False)


async def play(
    stage: Stage,
    show: Show,
    *,
    once: bool,
    components: Sequence[Component] = COMPONENTS,
    within: float = ONCE_WITHIN,
) -> list[str]:
    """Play until cancelled; with `once` the fixed story, and give what did not come as it should.

    `within` is how many seconds the fixed story may take.
    Safe to repeat on the same bus: subscriptions of an earlier run are ended first, and what it
    left in the log is theirs. Raises ApiFailed and StoreError.
    """
    arrivals = Arrivals(show)
    async with (
        Api.open(stage.url, stage.token) as api,
        Register.open(stage.register_url) as register,
        AsyncExitStack() as stack,
    ):
        await api.ensure_domain(DOMAIN, "Zaken van het voorbeeldregister.", _PARTITIONS)
        await api.end_subscriptions([path_of(each) for each in components])
        ids: dict[str, str] = {}
        for each in components:
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            # It serves with a secret of its own first: the bus asks a sink whether it may deliver,
            # and waits for the answer.
            secret = new_signing_secret()
            await stack.enter_async_context(
                served(each, listening, secret=secret, on_arrival=arrivals.add)
            )
            port = listening.getsockname()[1]
            ids[each.name] = await api.subscribe(wish_of(each, port, secret=secret))
        with show.opened():
            if not once:
                await script.endless(register)

            def wrong() -> list[str]:
                return differences(
                    register.committed, arrivals.all, components=components, drawn=register.drawn
                )

            found = await _tell_all(register, api, ids, arrivals, wrong, within)
        show.verdict(found, arrivals.all)
        return found


async def _tell_all(
    register: Register,
    api: Api,
    ids: Mapping[str, str],
    arrivals: Arrivals,
    wrong: Callable[[], list[str]],
    within: float,
) -> list[str]:
    """Play the fixed story until the bus has nothing left to deliver; give what is not right."""
    try:
        async with asyncio.timeout(within):
            for chapter in script.FIXED:
                await chapter(register)
                while wrong():
                    await arrivals.more()
            # All is in the log by now. What should not come could still be on its way.
            while await _waiting(api, ids):  # noqa: ASYNC110 - the bus is another process
                await asyncio.sleep(_POLL)
    except TimeoutError:
        return [*wrong(), *await _waiting(api, ids)] or ["it took too long"]
    return wrong()


async def _waiting(api: Api, ids: Mapping[str, str]) -> list[str]:
    """Name the subscriptions that have events to settle, and why as far as the bus knows."""
    lags = [(name, *await api.lag(id_)) for name, id_ in ids.items()]
    return [
        f"{name}: {lag} events wait; last outcome: {outcome or 'none yet'}"
        for name, lag, outcome in lags
        if lag
    ]
