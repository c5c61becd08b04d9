"""What happens in the sample register: a short fixed story, and one that never ends."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, Never

from bus.demo.register import Register, Work
from bus.store.errors import StoreUnavailable

PERMITS: Final = "VTH"
"""Vergunningen, toezicht en handhaving: what the identification of its zaken begins with."""

SPACE: Final = "MOR"
"""Meldingen openbare ruimte."""

_STATUSES: Final = ("Ontvangen", "In behandeling", "Besloten", "Afgehandeld")
_ABOUT: Final = {
    PERMITS: ("Kapvergunning", "Omgevingsvergunning dakkapel", "Evenementenvergunning"),
    SPACE: ("Losliggende stoeptegel", "Lantaarnpaal stuk", "Volle container"),
}
_FEW, _MANY = 4, 12  # zaken between which the endless story keeps the table
_PAUSE = (1.0, 2.0)  # seconds
_ROLLED_BACK = 0.1  # share of the endless story's transactions that are


async def _first(register: Register) -> None:
    """Open one zaak: it finds the bus still taking up its new subscribers."""
    async with register.work() as work:
        await work.open(SPACE, "Lantaarnpaal stuk")


async def _rest(register: Register) -> None:
    """Make several changes of one zaak, of several at once, and of one that comes and goes.

    One transaction is rolled back, and one statement changes nothing.
    """
    async with register.work() as work:
        tree = await work.open(PERMITS, "Kapvergunning")
    async with register.work() as work:
        tile = await work.open(SPACE, "Losliggende stoeptegel")
    async with register.work() as work:
        await work.move(tree, "In behandeling")
    async with register.work() as work:
        dormer = await work.open(PERMITS, "Omgevingsvergunning dakkapel")
        await work.move(tile, "Afgehandeld")
    async with register.work() as work:
        await work.move(tree, "Afgehandeld")
        await work.open(PERMITS, "Bij nader inzien niet")
        work.undo()
    async with register.work() as work:
        await work.leave(tree, "In behandeling")
    async with register.work() as work:
        await work.move(tree, "Besloten")
        await work.move(dormer, "In behandeling")
    async with register.work() as work:
        mistake = await work.open(SPACE, "Dubbele melding")
        await work.move(mistake, "Afgehandeld")
        await work.remove(mistake)
    async with register.work() as work:
        await work.move(tree, "Afgehandeld")
        await work.remove(tile)


FIXED: Final[tuple[Callable[[Register], Awaitable[None]], ...]] = (_first, _rest)
"""The short story, by chapters: each begins when all has come that the one before it sent."""


async def endless(register: Register) -> Never:
    """Change a row every second or two, for ever; while Postgres is away nothing changes."""
    while True:
        try:
            async with register.work() as work:
                await _something(work)
                if random.random() < _ROLLED_BACK:  # noqa: S311 - a story, no secret
                    work.undo()
        except StoreUnavailable:
            pass  # `bus dev` starts it again
        await asyncio.sleep(random.uniform(*_PAUSE))  # noqa: S311 - as above


async def _something(work: Work) -> None:
    """Open a zaak, bring one a step further, or remove one that is done."""
    found = await work.any_zaak()
    if found is None or found[2] < _FEW or (found[2] < _MANY and random.random() < 0.3):  # noqa: S311 - as above
        department = random.choice(tuple(_ABOUT))  # noqa: S311 - as above
        await work.open(department, random.choice(_ABOUT[department]))  # noqa: S311 - as above
        return
    zaak, status, _ = found
    step = _STATUSES.index(status) + 1 if status in _STATUSES else len(_STATUSES)
    if step < len(_STATUSES):
        await work.move(zaak, _STATUSES[step])
    else:
        await work.remove(zaak)
