"""One real Kafka and one real Postgres per test run, and a fresh migrated database per test."""

import asyncio
import contextlib
import io
import logging
import os
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import hypothesis
import pytest
import pytest_asyncio
import structlog

from bus.embedded import jars, startup_cache
from bus.embedded.datadir import free_port
from bus.embedded.kafka import Kafka
from bus.embedded.postgres import Postgres
from bus.observe.logging import configure
from bus.store.migrate import migrate

_STOP_WITHIN = 5.0  # seconds


# Finds what takes without end; hypothesis' own 200 ms also finds that the machine is busy.
hypothesis.settings.register_profile("patient", deadline=timedelta(seconds=2))
hypothesis.settings.load_profile("patient")


def pytest_configure() -> None:
    """Hear SIGINT, also in a run that a shell has put in the background: children inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cache() -> Path:
    """Give the cache folder of the developer, so that one download serves all test runs."""
    named = os.environ.get("BUS_CACHE_DIR")
    return Path(named) if named else jars.default_cache(os.environ)


@pytest.fixture(scope="session")
def classpath(cache: Path) -> tuple[Path, ...]:
    """Give the broker's jar files; fetched by the first test run on a machine."""
    mirror = os.environ.get("BUS_MAVEN_MIRROR")
    offline = os.environ.get("BUS_OFFLINE", "").lower() in {"1", "true", "yes", "on"}
    return asyncio.run(jars.fetch(cache=cache, mirror=mirror, offline=offline))


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """Give a folder for the servers of this run, removed after it."""
    with tempfile.TemporaryDirectory(prefix="gemeentebus-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the address of a real Kafka: one for the whole run, or that of BUS_TEST_KAFKA."""
    running = os.environ.get("BUS_TEST_KAFKA")
    if running:
        yield running
        return
    folder: Path = request.getfixturevalue("server_folder")
    classpath: tuple[Path, ...] = request.getfixturevalue("classpath")
    cache: Path = request.getfixturevalue("cache")
    server = Kafka(
        folder=folder,
        port=free_port(),
        controller_port=free_port(),
        classpath=classpath,
        startup_cache=startup_cache.location(cache, classpath),
    )
    try:
        asyncio.run(server.start())
        yield server.bootstrap
    finally:
        asyncio.run(server.stop(_STOP_WITHIN))


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the address of a real Postgres, as superuser: one for the run, or BUS_TEST_POSTGRES."""
    running = os.environ.get("BUS_TEST_POSTGRES")
    if running:
        yield running
        return
    folder: Path = request.getfixturevalue("server_folder")
    cache: Path = request.getfixturevalue("cache")
    server = Postgres(folder=folder, port=free_port(), cache=cache, durable=False)
    try:
        asyncio.run(server.start())
        yield server.dsn("postgres")
    finally:
        asyncio.run(server.stop(_STOP_WITHIN))


@pytest.fixture(scope="session")
def template(postgres: str) -> Iterator[str]:
    """Give the name of a database that has been migrated once."""
    name = f"template_{uuid.uuid4().hex[:12]}"

    async def make() -> None:
        await _administer(postgres, f"CREATE DATABASE {name}")
        await migrate(_with_database(postgres, name))

    asyncio.run(make())
    yield name
    asyncio.run(_administer(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest_asyncio.fixture
async def database_url(postgres: str, template: str) -> AsyncIterator[str]:
    """Give the address of a database of this test's own, migrated; dropped afterwards."""
    async with _database(postgres, template) as url:
        yield url


@pytest_asyncio.fixture
async def empty_database_url(postgres: str) -> AsyncIterator[str]:
    """Give the address of an empty database: a register's, say; dropped afterwards."""
    async with _database(postgres, "template1") as url:
        yield url


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Give the stream that log lines go to, and put things back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    # Not structlog's defaults: loggers of modules that are loaded would write to stdout with them.
    before = structlog.get_config()
    out = io.StringIO()
    configure(role="api", level="info", stream=out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.configure(**before)


@pytest.fixture
def namespace() -> str:
    """Give a name that nobody else uses: it begins this test's topics and groups."""
    return f"t{uuid.uuid4().hex[:10]}"


@contextlib.asynccontextmanager
async def _database(dsn: str, template: str) -> AsyncIterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    await _administer(dsn, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield _with_database(dsn, name)
    finally:
        await _administer(dsn, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(connection.close)
        await connection.execute(statement)


def _with_database(dsn: str, name: str) -> str:
    return urlsplit(dsn)._replace(path=f"/{name}").geturl()
