"""Both servers of `bus dev`: our own, side by side, or those that already run."""

import asyncio
import shutil
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bus.embedded import jars, startup_cache
from bus.embedded.datadir import DataDir
from bus.embedded.errors import EmbeddedProblem
from bus.embedded.kafka import Kafka
from bus.embedded.postgres import Postgres
from bus.embedded.supervise import Say, keep_running
from bus.observe.logging import LogEvent, get

_log = get()
_KAFKA_WITHIN = 1.5  # seconds to stop, as is the next
_POSTGRES_WITHIN = 0.7
_TRAIN_AFTER = 5.0  # seconds; the first events of the first run are not disturbed


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `bus dev` was asked; `environment` is what the roles inherit.

    `kafka_bootstrap` and `database_url` use running servers instead of our own.
    """

    data_dir: Path
    cache: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    kafka_bootstrap: str | None = None
    database_url: str | None = field(default=None, repr=False)
    kafka_port: int | None = None
    postgres_port: int | None = None
    token: str | None = field(default=None, repr=False)
    mirror: str | None = field(default=None, repr=False)
    offline: bool = False


class Servers:
    """Kafka and Postgres; of each at most one process of ours."""

    def __init__(
        self, options: Options, data: DataDir, say: Say, progress: jars.OnProgress
    ) -> None:
        self._options, self._data, self._say, self._progress = options, data, say, progress
        self._kafka: Kafka | None = None
        self._postgres: Postgres | None = None
        self._classpath: tuple[Path, ...] = ()

    async def start(self) -> tuple[str, str]:
        """Start both side by side, or take those that run; give Kafka's and Postgres's address.

        Raises EmbeddedProblem. Whatever it raises, `stop` has to follow.
        """
        try:
            async with asyncio.TaskGroup() as group:
                bootstrap = group.create_task(self._start_kafka())
                url = group.create_task(self._start_postgres())
        except BaseExceptionGroup as problems:
            raise _first(problems) from problems
        return bootstrap.result(), url.result()

    def duties(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Give what has to be done while they run."""
        for service in (self._kafka, self._postgres):
            if service is not None:
                yield keep_running(service, say=self._say)
        if self._kafka is not None:
            yield self._train()

    async def stop(self) -> None:
        """Stop them in order, within some three seconds; nothing of them is left."""
        if self._kafka is not None:
            await self._kafka.stop(_KAFKA_WITHIN)
        if self._postgres is not None:
            await self._postgres.stop(_POSTGRES_WITHIN)

    async def _start_kafka(self) -> str:
        options, data = self._options, self._data
        if options.kafka_bootstrap:
            return options.kafka_bootstrap
        self._classpath = await jars.fetch(
            cache=options.cache,
            mirror=options.mirror,
            offline=options.offline,
            progress=self._progress,
        )
        self._kafka = Kafka(
            folder=data.path,
            port=data.port("kafka", options.kafka_port),
            controller_port=data.port("kafka-controller"),
            classpath=self._classpath,
            startup_cache=startup_cache.location(options.cache, self._classpath),
        )
        await self._kafka.start()
        return self._kafka.bootstrap

    async def _start_postgres(self) -> str:
        options, data = self._options, self._data
        if options.database_url:
            return options.database_url
        port = data.port("postgres", options.postgres_port)
        self._postgres = Postgres(folder=data.path, port=port, cache=options.cache)
        await self._postgres.start()
        return self._postgres.dsn()

    async def _train(self) -> None:
        """Make Kafka's startup cache if there is none yet; without it the next start is slower."""
        folder = self._data.path / "training"
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed meanwhile
        target = startup_cache.location(self._options.cache, self._classpath)
        if not target.exists():
            await asyncio.sleep(_TRAIN_AFTER)
            try:
                await startup_cache.train(target, classpath=self._classpath, folder=folder)
            except (EmbeddedProblem, OSError) as error:
                _log.warning(LogEvent.CHILD_DIED, name="startup-cache", error=error)


def _first(problems: BaseExceptionGroup[BaseException]) -> BaseException:
    """Pick what people should read: a problem of ours before anything else."""
    ours = problems.subgroup(EmbeddedProblem)
    group = ours or problems
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
