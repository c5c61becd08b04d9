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

from bus.observe.logging import configure
from bus.store.migrate import migrate
from tests import servers

# Finds what takes without end; hypothesis' own 200 ms also finds that the machine is busy.
hypothesis.settings.register_profile("patient", deadline=timedelta(seconds=2))
hypothesis.settings.load_profile("patient")


def pytest_configure() -> None:
    """Hear SIGINT, also in a run that a shell has put in the background: children inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Start the servers that all processes of a run share; they find them by their environment."""
    started = (("BUS_TEST_KAFKA", servers.kafka), ("BUS_TEST_POSTGRES", servers.postgres))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gemeentebus-")))
        for name, server in started:
            if not os.environ.get(name):
                os.environ[name] = stack.enter_context(server(folder))
        config.add_cleanup(stack.pop_all().close)


@pytest.fixture(scope="session")
def cache() -> Path:
    """Give the cache folder of the developer."""
    return servers.cache()


@pytest.fixture(scope="session")
def classpath() -> tuple[Path, ...]:
    """Give the broker's jar files."""
    return servers.classpath()


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
    with servers.kafka(request.getfixturevalue("server_folder")) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the address of a real Postgres, as superuser: one for the run, or BUS_TEST_POSTGRES."""
    running = os.environ.get("BUS_TEST_POSTGRES")
    if running:
        yield running
        return
    with servers.postgres(request.getfixturevalue("server_folder")) as dsn:
        yield dsn


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
