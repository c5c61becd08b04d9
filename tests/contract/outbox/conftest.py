"""Registers to try the outbox on."""

from collections.abc import AsyncIterator

import pytest

from bus.store.database import Database
from producers.outbox.install import install
from tests.contract.outbox.bus_side import Bus, open_bus
from tests.contract.outbox.register import ZAAK, Register, new_database, new_role


@pytest.fixture
async def role(postgres: str) -> AsyncIterator[str]:
    """Give an ordinary role; it outlives the register, in which it may own things."""
    async with new_role(postgres) as name:
        yield name


@pytest.fixture
async def empty(postgres: str, role: str) -> AsyncIterator[Register]:
    """Give a register without an outbox. `role` is asked for only so that it is dropped later."""
    del role
    async with (
        new_database(postgres) as url,
        Database.open(url, application_name="tests", max_size=40) as database,
    ):
        yield Register(url, database)


@pytest.fixture
async def register(empty: Register) -> Register:
    """Give a register with an outbox and a table that nobody watches yet."""
    await install(empty.database)
    await empty.run("CREATE TABLE zaak (id bigint PRIMARY KEY, titel text, fase integer)")
    return empty


@pytest.fixture
async def watched(register: Register) -> Register:
    """Give a register whose table is watched."""
    await register.outbox.watch(ZAAK)
    return register


@pytest.fixture
async def bus(database_url: str, kafka: str, namespace: str) -> AsyncIterator[Bus]:
    """Give a bus with the domain nl.zaken."""
    async with open_bus(url=database_url, kafka=kafka, namespace=namespace) as bus:
        yield bus
