"""Saving ends when it is told to, whatever it was about to do."""

import asyncio
from typing import Any, cast

from bus.log.record import Partition
from bus.store.partition import Taken
from consumers.dispatch.courier import Courier
from consumers.dispatch.orders import Orders
from consumers.dispatch.saving import Saving
from tests.unit.dispatch.small_stream import Small


async def test_a_cancellation_is_heard_while_a_save_is_asked_for() -> None:
    """A partition that is put down as something changes would else be saved for ever."""
    stream = Small().stream()
    nobody = cast("Any", None)  # nothing changed, so nothing is written and nothing sent
    saving = Saving(
        Partition("t", 0),
        Taken(epoch=1, next_offset=0, revision=1, positions=()),
        stream,
        Orders(stream),
        streams=nobody,
        courier=Courier(nobody, nobody),
        began=asyncio.get_running_loop().time(),
    )
    for _ in range(20):
        task = asyncio.create_task(saving.run())
        await asyncio.sleep(0)
        saving.soon()
        await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=5)
        assert done
        assert task.cancelled()
