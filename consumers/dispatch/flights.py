"""What is on the wire of one partition."""

import asyncio


class Flights:
    """The requests of one partition on the wire, and until when new ones may start.

    `until` ends when Postgres has not confirmed the fence for a while: an owner cut off from it
    stops by itself.
    """

    __slots__ = ("_landed", "out", "until")

    def __init__(self) -> None:
        self.out = 0
        self.until = 0.0
        self._landed = asyncio.Event()

    def started(self) -> None:
        """Count a request that goes out."""
        self.out += 1

    def ended(self) -> None:
        """Count a request that has its outcome."""
        self.out -= 1
        if not self.out:
            self._landed.set()

    async def all_landed(self) -> None:
        """Wait until nothing is on the wire."""
        while self.out:
            self._landed.clear()
            await self._landed.wait()
