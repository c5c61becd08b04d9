"""Work that goes on until it is told to end."""

import asyncio
from collections.abc import Coroutine


async def run_until(
    ending: asyncio.Event, work: Coroutine[object, object, None], *, name: str
) -> None:
    """Run `work` until it ends, or is cancelled because `ending` is set or the caller is cancelled.

    It is over when this returns. Raises what it raised, also as it was cancelled.
    """
    # Not a TaskGroup: where work fails in the turn in which it is told to end, or as it ends, the
    # group's own cancellation stays on the account of the task around it (before Python 3.13).
    working = asyncio.create_task(work, name=name)
    told = asyncio.create_task(ending.wait(), name=f"end {name}")
    try:
        await asyncio.wait((working, told), return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        told.cancel()
        await asyncio.wait((working, told))
        failed = None if working.cancelled() else working.exception()
    if failed is not None:
        raise failed
