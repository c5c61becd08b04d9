"""/v1/asyncapi.json and /v1/registry: open, complete, and read by the tools of others."""

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.contract.api.bus_under_test import DOMAIN, OIN, Bus
from tests.contract.api.test_event_types import register

pytestmark = pytest.mark.asyncio(loop_scope="session")

NODE = Path(__file__).parent / "node"
TYPE, OTHER = f"{DOMAIN}.beschreven", f"{DOMAIN}.beschreven-07"
SCHEMAS: dict[str, dict[str, Any]] = {
    TYPE: {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://schemas.example.nl/beschreven",
        "$defs": {"naam": {"type": "string"}, "boom": {"items": {"$ref": "#/$defs/boom"}}},
        "properties": {
            "naam": {"$ref": "#/$defs/naam"},
            "zelf": {"$ref": "#"},
            "paar": {"prefixItems": [{"const": 1}, {"const": 2}], "items": False},
            "items": {"enum": [{"prefixItems": 1}]},
        },
    },
    OTHER: {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"naam": {"type": "string"}},
        "properties": {"naam": {"$ref": "#/definitions/naam"}},
    },
}


@pytest.fixture(scope="session")
def asyncapi_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which AsyncAPI's own tools are installed."""
    folder = tmp_path_factory.mktemp("asyncapi") / "node"
    shutil.copytree(NODE, folder, ignore=shutil.ignore_patterns("node_modules"))
    return folder


async def described(bus: Bus, path: str) -> Any:  # noqa: ANN401 - JSON out
    """Register two types, one of them at its end, and give a description; no token is asked."""
    if (await bus.call("GET", f"/v1/event-types/{TYPE}")).status == 404:
        await register(bus, TYPE, documentation="https://docs.example.nl/")
        await register(bus, OTHER, deprecation={"since": "2026-01-01", "replacedBy": TYPE})
        for type_, schema in SCHEMAS.items():
            added = await bus.call("POST", f"/v1/event-types/{type_}/schemas", json=schema)
            assert added.status == 201, added.text
    reply = await bus.call("GET", path, who=None)
    assert reply.status == 200, reply.text
    assert (await bus.call("GET", f"{path}?x=1", who=None)).status == 400
    return reply.json


def references(document: object) -> set[str]:
    """Give what every $ref in a document refers to."""
    return set(re.findall(r'"\$ref": "([^"]*)"', json.dumps(document)))


async def test_asyncapi_says_what_there_is(bus: Bus) -> None:
    """A topic per domain, a message per type and binding; every reference leads somewhere in it."""
    document = await described(bus, "/v1/asyncapi.json")
    assert document["asyncapi"] == "3.1.0"
    channel = document["channels"][f"log.{DOMAIN}"]
    assert channel["address"] == bus.topic
    assert channel["bindings"]["kafka"]["topicConfiguration"] == {"retention.ms": 1_209_600_000}
    assert {f"{TYPE}.kafka", f"{OTHER}.kafka"} <= set(channel["messages"])
    message = document["components"]["messages"][f"{TYPE}.kafka"]
    assert message["headers"]["properties"]["ce_type"]["const"] == TYPE
    assert message["x-organisation"] == OIN
    assert document["components"]["messages"][f"{OTHER}.http"]["deprecated"] is True
    for reference in references(document):
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    data = jsonschema_rs.Draft7Validator(
        {**document, "$ref": f"#/components/schemas/{TYPE}"}, offline=True
    )
    assert data.is_valid(
        {
            "naam": "x",
            "zelf": {"naam": "y"},
            "paar": [1, 2],
            "items": {"prefixItems": 1},
        }
    )
    for wrong in (
        {"naam": 1},
        {"zelf": {"naam": 1}},
        {"paar": [2]},
        {"paar": [1, 2, 3]},
        {"items": {"items": 1}},
    ):
        assert not data.is_valid(wrong), wrong


@pytest.mark.skipif(shutil.which("npm") is None, reason="Node is not on this machine")
async def test_asyncapis_own_tools_read_it(bus: Bus, asyncapi_tools: Path) -> None:
    """Its parser finds every channel and message, and no error; nor does its schema."""
    document = await described(bus, "/v1/asyncapi.json")
    await _run(
        asyncapi_tools,
        "npm",
        "ci",
        "--no-audit",
        "--no-fund",
        "--prefer-offline",
        "--ignore-scripts",
    )
    out = await _run(asyncapi_tools, "node", "read.mjs", stdin=json.dumps(document).encode())
    found = json.loads(out)
    assert found["faults"] == []
    assert found["version"] == "3.1.0"
    assert set(found["channels"]) == set(document["channels"])
    assert set(found["messages"]) == set(document["components"]["messages"])
    definition = asyncapi_tools / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.1.0.json"
    own = jsonschema_rs.validator_for(json.loads(definition.read_text()), offline=True)
    assert [error.instance_path for error in own.iter_errors(document)] == []
    document["channels"][f"log.{DOMAIN}"]["adress"] = "x"
    assert not own.is_valid(document)


async def test_the_registry(bus: Bus) -> None:
    """A message per type, and its schemas, each with an address that gives it."""
    document = await described(bus, "/v1/registry")
    assert (document["specversion"], document["xid"]) == ("1.0-rc4", "/")
    assert document["self"] == f"{bus.url}/v1/registry"
    messages = document["messagegroups"][DOMAIN]["messages"]
    message = messages[TYPE]
    assert message["envelopemetadata"]["type"] == {
        "type": "string",
        "value": TYPE,
        "required": True,
    }
    assert message["documentation"] == "https://docs.example.nl/"
    assert messages[OTHER]["deprecated"]["alternative"].endswith(f"/messages/{TYPE}")
    _, group, name, _, type_ = message["dataschemaxid"].split("/")
    schema = document[group][name]["schemas"][type_]
    assert (schema["versionid"], schema["format"]) == ("1", "JsonSchema/draft/2020-12")
    raw = await bus.call("GET", schema["schemaurl"].removeprefix(bus.url), who=None)
    assert json.loads(raw.text) == SCHEMAS[TYPE]
    for name in ("messagegroups", "schemagroups"):
        assert document[f"{name}count"] == len(document[name])
    addresses = re.findall(r'"[a-z]*(?:self|url)": "([^"]+)"', json.dumps(document))
    for address in (each for each in addresses if "#" in each):
        place: Any = document
        for step in address.partition("#/")[2].split("/"):
            place = place[step]


async def _run(folder: Path, *command: str, stdin: bytes = b"") -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await process.communicate(stdin)
    assert process.returncode == 0, said.decode()
    return out.decode()
