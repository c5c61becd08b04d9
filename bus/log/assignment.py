"""Assignment: which partitions are read, from where; it outlives the client that reads them."""

import asyncio
from collections.abc import Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from bus.log.errors import LogError
from bus.log.record import Partition
from bus.log.stall import Stall


class Assignment:
    """
    Positions, and what is paused or stopped; kept true in the consumer while there is one.

    A consumer can only be given a whole new assignment, which drops what it has read ahead of
    every partition. So `add` and `remove` collect until the end of the loop's turn; meanwhile
    (`changing`) the positions here are the true ones, not the consumer's.
    """

    def __init__(self, positions: Mapping[Partition, int], stall: Stall) -> None:
        self._positions = dict(positions)
        self._stall = stall
        self._paused: set[Partition] = set()
        self.stopped: dict[Partition, LogError] = {}
        self.changing = False
        self.consumer: AIOKafkaConsumer | None = None

    def add(self, positions: Mapping[Partition, int]) -> None:
        """Read these too, or from there."""
        self._change(positions)
        self._positions |= positions

    def remove(self, partitions: Iterable[Partition]) -> None:
        """Read these no more."""
        gone = set(partitions)
        self._change(gone)
        for partition in gone:
            self._positions.pop(partition, None)

    def seek(self, partition: Partition, offset: int) -> None:
        """Go on from there; a stopped partition goes on with it."""
        if partition not in self._positions:
            raise KeyError(partition)
        self._positions[partition] = offset
        self._stall.moved(partition)
        stopped = self.stopped.pop(partition, None)
        if live := self._live():
            live.seek(TopicPartition(*partition), offset)
            if stopped is not None and partition not in self._paused:
                live.resume(TopicPartition(*partition))

    def position(self, partition: Partition) -> int:
        """Give the next offset to be read."""
        known = self._positions[partition]
        live = self._live()
        return position_in(live, partition) if live else known

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Hold these."""
        new = set(partitions) & self._positions.keys()
        self._paused |= new
        self._hold(new)

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Go on with these, unless they are stopped."""
        old = set(partitions) & self._paused
        self._paused -= old
        for partition in old:
            self._stall.moved(partition)
        if live := self._live():
            live.resume(*(TopicPartition(*each) for each in old - self.stopped.keys()))

    def stop(self, partition: Partition, error: LogError) -> None:
        """Hold this one until it is sought or removed."""
        if partition in self._positions:
            self.stopped[partition] = error
            self._hold([partition])

    def awake(self) -> dict[Partition, int]:
        """Give the position of each partition that is neither paused nor stopped."""
        keys = self._positions.keys() - self._paused - self.stopped.keys()
        return {partition: self.position(partition) for partition in keys}

    def attach(self, consumer: AIOKafkaConsumer) -> None:
        """Let this consumer read."""
        self.consumer = consumer
        self._apply()

    def detach(self) -> None:
        """Take over where the consumer stands: it is about to be thrown away."""
        self._remember()
        self.consumer = None

    def _live(self) -> AIOKafkaConsumer | None:
        return None if self.changing else self.consumer

    def _hold(self, partitions: Iterable[Partition]) -> None:
        if live := self._live():
            live.pause(*(TopicPartition(*partition) for partition in partitions))

    def _change(self, partitions: Iterable[Partition]) -> None:
        if not self.changing:
            self._remember()
            self.changing = True
            asyncio.get_running_loop().call_soon(self._apply)
        for partition in partitions:
            self.stopped.pop(partition, None)
            self._paused.discard(partition)
            self._stall.moved(partition)

    def _remember(self) -> None:
        if live := self._live():
            for partition in self._positions:
                self._positions[partition] = position_in(live, partition)

    def _apply(self) -> None:
        self.changing = False
        if self.consumer is None:
            return
        self.consumer.assign([TopicPartition(*partition) for partition in self._positions])
        # Positions in the same breath: one without would be looked up in a group.
        for partition, offset in self._positions.items():
            self.consumer.seek(TopicPartition(*partition), offset)
        self._hold(self._paused | self.stopped.keys())


def position_in(consumer: AIOKafkaConsumer, partition: Partition) -> int:
    """Give the next offset it will read; its own method for this is a coroutine."""
    assigned = consumer._subscription.subscription.assignment  # noqa: SLF001 - see above
    position: int = assigned.state_value(TopicPartition(*partition)).position
    return position
