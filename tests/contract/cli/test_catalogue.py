"""`bus catalogue`: a folder and a bus become alike; and the catalogue that we ship is sound."""

import json
import shutil
from pathlib import Path

import pytest

from bus.catalogue.folder import read_folder
from bus.codec import json as codec
from tests.contract.api.bus_under_test import STRUCTURED, Bus
from tests.contract.cli.command import Result, environment, run
from tests.unit.catalogue.small_folder import TYPE, write_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEMAS = Path(__file__).parents[3] / "schemas"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a catalogue of one event type with one schema and one example."""
    return write_folder(tmp_path)


async def apply(bus: Bus, folder: Path, *options: str) -> Result:
    """Apply a folder; the steps come as JSON."""
    return await run("catalogue", "apply", str(folder), *options, "--json", env=environment(bus))


async def test_apply_shows_asks_does_and_has_nothing_left(bus: Bus, folder: Path) -> None:
    """Neither a dry run nor one that nobody said yes to does anything; done twice is done once."""
    expected = [
        ("create", "domain nl.proef"),
        ("create", f"event type {TYPE}"),
        ("add", f"schema {TYPE} 1"),
    ]
    unasked = await apply(bus, folder)
    assert (unasked.code, "--yes" in unasked.err) == (1, True)
    for options in (["--dry-run"], ["--yes"]):
        steps = (await apply(bus, folder, *options)).json()
        assert [(step["act"], step["what"]) for step in steps] == expected
    assert (await apply(bus, folder, "--yes")).json() == []
    shown = (await run("catalogue", "list", "--json", env=environment(bus))).json()
    assert TYPE in [each["type"] for each in shown]

    (folder / "bomen" / "domain.toml").write_text('name = "nl.proef"\ndescription = "Bomen"\n')
    file = folder / "bomen" / TYPE / "type.toml"
    file.write_text(file.read_text() + 'schemaCheck = "warn"\n')
    (folder / "bomen" / TYPE / "schema.2.json").write_text("{}")
    file.write_text(file.read_text() + 'compatibility = "backward"\n')
    steps = (await apply(bus, folder, "--yes")).json()
    assert [(step["act"], step["differs"]) for step in steps] == [
        ("change", ["description"]),
        ("change", ["schemaCheck", "compatibility"]),
        ("add", []),
    ]
    assert (await apply(bus, folder, "--yes")).json() == []
    (folder / "bomen" / TYPE / "schema.1.json").write_text('{"properties": {"soort": {}}}')
    rewritten = await apply(bus, folder, "--yes")
    assert (rewritten.code, "never changes" in rewritten.err) == (1, True)


async def test_apply_that_is_refused_in_the_middle(bus: Bus, folder: Path) -> None:
    """Each step is told as it is taken; what came before the refused one is done and stays."""
    name = "nl.zoo"
    made = await bus.call(
        "POST", "/v1/domains", json={"name": name, "partitions": 1}, who="foreign"
    )
    assert made.status == 201
    (folder / "bomen" / "domain.toml").write_text('name = "nl.proef"\ndescription = "Nieuw"\n')
    (folder / "zoo").mkdir()
    (folder / "zoo" / "domain.toml").write_text(f'name = "{name}"\ndescription = "Van ons"\n')
    refused = await apply(bus, folder, "--yes")
    assert refused.code == 1
    steps = [step["what"] for step in json.loads(refused.out)]
    told = refused.err.splitlines()
    assert [line.split(" ", 2)[2] for line in told[: len(steps)]] == steps
    assert "Cure: mend this, and apply again" in refused.err
    again = await apply(bus, folder, "--dry-run")
    assert [step["what"] for step in again.json()] == [f"domain {name}"]


async def test_a_folder_that_is_not_right(folder: Path) -> None:
    """`check` needs no bus; each fault is told with its file and its place in it."""
    right = await run("catalogue", "check", str(folder), "--json", env=environment(None))
    assert right.json() == [{"type": TYPE, "schemas": 1, "examples": 1}]
    (folder / "bomen" / TYPE / "schema.1.json").write_text('{"type": "tekst"}')
    result = await run("catalogue", "check", str(folder), env=environment(None))
    assert (result.code, result.out) == (1, "")
    assert f"bomen/{TYPE}/schema.1.json /type: " in result.err


async def test_every_example_of_ours_is_accepted_at_the_door(bus: Bus, tmp_path: Path) -> None:
    """What we ship can be applied, and each example published: nothing is even warned of."""
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    assert (await apply(bus, tmp_path / "schemas", "--yes")).code == 0
    types = [each for domain in read_folder(SCHEMAS) for each in domain.types]
    assert all(each.examples and each.schemas for each in types)
    for event in (example for each in types for example in each.examples):
        reply = await bus.call(
            "POST", "/v1/events", body=codec.encode(event), headers={"Content-Type": STRUCTURED}
        )
        assert reply.status == 202, (event.type, reply.text)
        assert "warnings" not in reply.json, (event.type, reply.text)
        assert reply.json["topic"].endswith(event.type.rpartition(".")[0])
