"""A real Kafka and a real Postgres as child processes, for as long as a test run takes."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bus.embedded import jars, startup_cache
from bus.embedded.datadir import free_port
from bus.embedded.kafka import Kafka
from bus.embedded.postgres import Postgres

_STOP_WITHIN = 5.0  # seconds


def cache() -> Path:
    """Give the cache folder of the developer, so that one download serves all test runs."""
    named = os.environ.get("BUS_CACHE_DIR")
    return Path(named) if named else jars.default_cache(os.environ)


def classpath() -> tuple[Path, ...]:
    """Give the broker's jar files; fetched by the first test run on a machine."""
    mirror = os.environ.get("BUS_MAVEN_MIRROR")
    offline = os.environ.get("BUS_OFFLINE", "").lower() in {"1", "true", "yes", "on"}
    return asyncio.run(jars.fetch(cache=cache(), mirror=mirror, offline=offline))


@contextmanager
def kafka(folder: Path) -> Iterator[str]:
    """Run a Kafka; give its address."""
    files = classpath()
    server = Kafka(
        folder=folder,
        port=free_port(),
        controller_port=free_port(),
        classpath=files,
        startup_cache=startup_cache.location(cache(), files),
    )
    with _running(server):
        yield server.bootstrap


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a Postgres; give its address, as superuser."""
    server = Postgres(folder=folder, port=free_port(), cache=cache(), durable=False)
    with _running(server):
        yield server.dsn("postgres")


@contextmanager
def _running(server: Kafka | Postgres) -> Iterator[None]:
    try:
        asyncio.run(server.start())
        yield
    finally:
        asyncio.run(server.stop(_STOP_WITHIN))
