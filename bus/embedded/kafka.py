"""A real Apache Kafka as a child process: one broker in KRaft mode, on loopback ports."""

import asyncio
import base64
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from bus.embedded.errors import StartFailed
from bus.embedded.java import java_command, record_cache, scratch, use_cache
from bus.embedded.kafka_probe import serves
from bus.embedded.process import Child, Command, run

_WITHIN = 60.0  # seconds, for each step
_POLL = 0.03
_NODE = 1
_DATA = "log"
_FORMAT = ("kafka.tools.StorageTool", "format")

_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": str(_NODE),
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "auto.leader.rebalance.enable": "false",
    # After kill -9 the controller must forget the old broker first: 3 s instead of 12.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "400",
    "group.initial.rebalance.delay.ms": "0",
    # One broker; few partitions start faster.
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # A small heap and few cores.
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
}


class Kafka:
    """One broker with its data in `folder`/kafka; made on the first start.

    `classpath` are its jar files. With `startup_cache`, a file that `startup_cache.train` makes,
    it starts in a second instead of two; one that does not fit is removed and done without. With
    `record` it writes at its end what such a file is made of.
    """

    name = "kafka"

    def __init__(
        self,
        *,
        folder: Path,
        port: int,
        controller_port: int,
        classpath: Sequence[Path],
        startup_cache: Path | None = None,
        record: Path | None = None,
        nice: int = 0,
    ) -> None:
        self.port = port
        self._controller_port = controller_port
        self._folder = folder / "kafka"
        self._log = folder / "logs" / "kafka.log"
        self._classpath = tuple(classpath)
        self._startup_cache = startup_cache
        self._record = record
        self._nice = nice
        self._child: Child | None = None

    @property
    def child(self) -> Child | None:
        """Give the running broker, None before `start`."""
        return self._child

    @property
    def bootstrap(self) -> str:
        """Give the address for clients."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it and wait until it serves, after a crash too.

        Raises StartFailed when it ends or does not serve within a minute, PartsMissing.
        """
        scratch(self._folder)
        self._write_properties("server.properties", _DATA)
        if not (self._folder / _DATA).exists():
            await self._format()
        if self._startup_cache is not None and self._startup_cache.exists():
            try:
                await self._begin(*use_cache(self._startup_cache))
            except StartFailed:
                # Most likely made by another Java or for other files: Java then refuses to start.
                self._startup_cache.unlink(missing_ok=True)
            else:
                return
        await self._begin(*(record_cache(self._record) if self._record else ()))

    async def stop(self, within: float) -> None:
        """Stop it: clients are told, everything is written."""
        if self._child is not None:
            await self._child.stop(within)

    def _write_properties(self, name: str, data: str) -> None:
        broker, controller = f"127.0.0.1:{self.port}", f"127.0.0.1:{self._controller_port}"
        settings = _PROPERTIES | {
            "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
            "controller.quorum.voters": f"{_NODE}@{controller}",
            # Seen from its working folder: a comma in the whole path would make two of it.
            "log.dirs": data,
        }
        lines = [f"{key}={value}\n" for key, value in settings.items()]
        (self._folder / name).write_text("".join(lines))

    async def _format(self) -> None:
        """Make the storage beside its place and move it there when it is whole."""
        new = self._folder / "log.new"
        shutil.rmtree(new, ignore_errors=True)
        self._write_properties("format.properties", new.name)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # In one word: an id that begins with a dash would be read as an option.
        named = f"--cluster-id={cluster}"
        await run(self._command(*_FORMAT, named, "-c", "format.properties"), _WITHIN)
        new.rename(self._folder / _DATA)

    def _command(self, *arguments: str) -> Command:
        return java_command(
            *arguments,
            name=self.name,
            classpath=self._classpath,
            folder=self._folder,
            log=self._log,
            nice=self._nice,
        )

    async def _begin(self, *flags: str) -> None:
        child = Child.start(self._command(*flags, "kafka.Kafka", "server.properties"))
        self._child = child
        try:
            async with asyncio.timeout(_WITHIN):
                while not await serves(self.port):
                    if child.returncode is not None:
                        raise StartFailed("Kafka", f"ended with {child.returncode}", self._log)
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            await child.stop(0)
            raise StartFailed("Kafka", f"did not serve within {_WITHIN:.0f} s", self._log) from None
