"""Requests that schemathesis makes up from the description: no 5xx, no answer it does not name."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bus.api.operation import Operation
from bus.api.table import DESCRIBED
from tests.contract.api.bus_under_test import (
    DOMAIN,
    Bus,
    on_a_database_of_its_own,
    subscription,
)
from tests.contract.api.test_event_types import wish

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SEED = 20261125
EXAMPLES = 10
"""Requests of each kind, sound and unsound, for each operation."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def target(kafka: str, postgres: str, template: str) -> AsyncIterator[Bus]:
    """Give an API that nobody else counts on."""
    async with on_a_database_of_its_own(kafka, postgres, template) as bus:
        yield bus


@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        pytest.param(operation, mode, id=f"{operation.name}-{mode.value}")
        for operation in DESCRIBED
        for mode in GenerationMode
        # One without token and body has nothing that could be unsound.
        if mode is GenerationMode.POSITIVE or operation.roles is not None
    ],
)
async def test_every_answer_is_described(
    target: Bus, operation: Operation, mode: GenerationMode
) -> None:
    """Whatever is asked, sound or not, of what is there or not: the answer is one that is told."""
    made = await target.call("POST", "/v1/subscriptions", json=subscription())
    there = {"id": made.json["id"], "name": DOMAIN, "topic": target.topic, **await typed(target)}
    document = (await target.call("GET", "/v1/openapi.json")).json
    path, method = operation.path.removeprefix("/v1"), operation.method
    described = schemathesis.openapi.from_dict(document)[path][method]
    # In a thread: the server runs on this loop.
    await asyncio.to_thread(partial(ask, target, described, mode, there))


async def typed(bus: Bus) -> dict[str, str]:
    """Register an event type with a schema, unless they are there."""
    type_ = f"{DOMAIN}.vreemd"
    made = await bus.call("POST", "/v1/event-types", json=wish(type_, compatibility="none"))
    assert made.status in {201, 409}
    await bus.call("POST", f"/v1/event-types/{type_}/schemas", json={})
    return {"type": type_, "version": "1"}


def ask(bus: Bus, operation: APIOperation, mode: GenerationMode, there: dict[str, str]) -> None:
    """Ask an operation many times, half of them about something that is there."""
    session = requests.Session()
    headers = {"Authorization": f"Bearer {bus.tokens['all']}"}  # in the place of one made up
    asked = 0

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(mode))
    def one(case: schemathesis.Case) -> None:
        nonlocal asked
        asked += 1
        if asked % 2 and case.path_parameters:
            case.path_parameters = {
                name: there.get(name, made_up) for name, made_up in case.path_parameters.items()
            }
        response = case.call(base_url=f"{bus.url}/v1", session=session, headers=headers)
        case.validate_response(response, checks=CHECKS)

    with session:
        one()
    assert asked
