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
from tests.contract.api.test_event_types import register, wish
from tests.contract.api.xregistry_rules import faults

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
    assert messages[OTHER]["meta"]["deprecated"]["alternative"].endswith(f"/messages/{TYPE}")
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


async def test_the_registry_keeps_the_rules_of_xregistry(bus: Bus) -> None:
    """Ids, addresses, epochs, times, versions, and what a message says of its schema."""
    long = f"{DOMAIN}.{'zeer-' * 30}lang"
    if (await bus.call("GET", f"/v1/event-types/{long}")).status == 404:
        await register(bus, long, deprecation={"since": "2026-01-01", "replacedBy": "nl.nog.niet"})
        added = await bus.call("POST", f"/v1/event-types/{long}/schemas", json=SCHEMAS[TYPE])
        assert added.status == 201
    document = await described(bus, "/v1/registry")
    assert faults(document) == []
    before = message_of(document, long)
    assert len(before["messageid"]) == 128
    put = await bus.call("PUT", f"/v1/event-types/{long}", json=wish(long, description="Anders."))
    assert put.status == 200
    after = message_of(await described(bus, "/v1/registry"), long)
    assert after["epoch"] > before["epoch"]
    assert after["modifiedat"] > before["modifiedat"]
    assert after["createdat"] == before["createdat"]


def message_of(document: Any, type_: str) -> Any:  # noqa: ANN401 - JSON
    """Give the message of a type."""
    messages = document["messagegroups"][DOMAIN]["messages"].values()
    return next(message for message in messages if message["name"] == type_)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("epoch",), "1"),
        (("createdat",), "1970-01-01T00:00:00Z"),
        (("xid",), "/elsewhere"),
        (("self",), "https://elsewhere.example/"),
        (("meta", "defaultversionid"), "7"),
        (("meta", "defaultversionurl"), "https://elsewhere.example/"),
        (("metaurl",), "https://elsewhere.example/"),
        (("versionscount",), 7),
        (("versionsurl",), "https://elsewhere.example/"),
        (("versions", "1", "ancestorid"), "7"),
        (("versions", "1", "isdefault"), False),
        (("messageid",), "another"),
        (("envelope",), "Other/1.0"),
        (("meta", "deprecated"), {"alternative": "#/messagegroups/none"}),
        (("dataschemaxid",), "/schemagroups/none"),
        (("dataschemaformat",), "Avro/1.9"),
        (("Upper",), 1),
    ],
)
async def test_a_rule_of_xregistry_that_is_broken_would_be_found(
    bus: Bus, path: tuple[str, ...], value: object
) -> None:
    """Each is a check that can fail."""
    document = await described(bus, "/v1/registry")
    *steps, last = path
    place = document["messagegroups"][DOMAIN]["messages"][TYPE]
    for step in steps:
        place = place[step]
    place[last] = value
    assert faults(document) != []


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
