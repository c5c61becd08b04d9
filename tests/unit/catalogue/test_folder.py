"""A catalogue in files: read whole, or every fault with its file and its place in it."""

from pathlib import Path

import pytest

from bus.catalogue.folder import InvalidFolder, read_folder
from bus.catalogue.plan import Catalogue, plan
from tests.unit.catalogue.small_folder import TYPE, write_folder

ROOT = Path(__file__).parents[3]


def faults(folder: Path) -> set[tuple[str, str, str]]:
    """Give file, place and code of every fault."""
    with pytest.raises(InvalidFolder) as refusal:
        read_folder(folder)
    return {
        (str(each.file.relative_to(folder)), each.fault.where, each.fault.code)
        for each in refusal.value.faults
    }


def test_a_sound_folder(tmp_path: Path) -> None:
    """The names of the folders are the name of the type and that of its domain."""
    folder = write_folder(tmp_path)
    (domain,) = read_folder(folder)
    assert read_folder(folder / "bomen")[0].request == domain.request
    (each,) = domain.types
    assert (domain.request.name, each.request.type, each.request.domain) == (
        "nl.proef",
        TYPE,
        "nl.proef",
    )
    assert (len(each.schemas), [event.id for event in each.examples]) == (1, ["1"])


def test_a_type_of_the_bus_itself(tmp_path: Path) -> None:
    """Nobody brings a bus in line with what the bus says of itself."""
    folder = write_folder(tmp_path)
    (folder / "bomen" / TYPE).rename(folder / "bomen" / "nl.vng.gemeentebus.boom")
    assert "reserved" in {code for _, _, code in faults(folder)}


@pytest.mark.parametrize(
    ("file", "text", "where", "code"),
    [
        ("domain.toml", "name = ", "", "not-toml"),
        ("domain.toml", 'name = "Bomen"', "/name", "not-a-domain-name"),
        ("domain.toml", 'name = "nl.proef"\nkleur = 1', "/kleur", "unknown-field"),
        (
            f"{TYPE}/type.toml",
            'description = "x"\ninformation = "rich"',
            "/timeMeaning",
            "required",
        ),
        (
            f"{TYPE}/type.toml",
            'type = "nl.x.y"\ndescription = "x"\ntimeMeaning = "x"\ninformation = "rich"',
            "",
            "misplaced",
        ),
        (f"{TYPE}/schema.1.json", '{"type": "tekst"}', "/type", "not-a-schema"),
        (f"{TYPE}/schema.1.json", '{"$ref": "https://x.example/y"}', "/$ref", "not-local"),
        (f"{TYPE}/schema.2.json", "{}", "/properties", "incompatible"),
        (f"{TYPE}/schema.3.json", '{"properties": {"soort": {"type": "string"}}}', "", "gap"),
        (f"{TYPE}/examples/eik.json", "[]", "", "not-an-object"),
        (
            f"{TYPE}/examples/eik.json",
            '{"specversion": "1.0", "id": "1", "source": "x", "type": "nl.x.y", "data": {}}',
            "",
            "misplaced",
        ),
    ],
)
def test_a_fault_in_a_file(tmp_path: Path, file: str, text: str, where: str, code: str) -> None:
    """Bad TOML, unknown fields, what is no schema, what may not follow, what does not fit."""
    folder = write_folder(tmp_path)
    (folder / "bomen" / file).write_text(text)
    assert (f"bomen/{file}", where, code) in faults(folder)


def test_an_example_that_its_schema_refuses(tmp_path: Path) -> None:
    """An example has to show what is right."""
    folder = write_folder(tmp_path)
    file = folder / "bomen" / TYPE / "examples" / "eik.json"
    file.write_text(file.read_text().replace('"eik"', "7"))
    assert faults(folder) == {(f"bomen/{TYPE}/examples/eik.json", "/data/soort", "type")}


def test_a_folder_of_nothing(tmp_path: Path) -> None:
    """A folder that was mistaken for another is not taken for a catalogue."""
    assert faults(tmp_path) == {(".", "", "no-domains")}


def test_what_is_as_it_should_be_needs_nothing() -> None:
    """The plan for a bus that has nothing makes all, and for one that has all it is empty."""
    folder = read_folder(ROOT / "schemas")
    steps = plan(folder, Catalogue())
    assert {each.act for each in steps} == {"create", "add"}
    types = [each for domain in folder for each in domain.types]
    assert len(steps) == len(folder) + 2 * len(types)
    everything = Catalogue(
        domains={each.request.name: each.document for each in folder},
        types={
            each.request.type: each.request.model_dump(
                mode="json", by_alias=True, exclude_none=True
            )
            for each in types
        },
        schemas={
            (each.request.type, number): schema.document
            for each in types
            for number, schema in enumerate(each.schemas, start=1)
        },
    )
    assert plan(folder, everything) == []


def test_what_cannot_be_mended_is_left(tmp_path: Path) -> None:
    """A version that differs, a type in another domain, and a domain that differs stay."""
    folder = read_folder(write_folder(tmp_path))
    (type_,) = folder[0].types
    now = {"type": TYPE, "domain": "nl.elders"}
    other = {"name": "nl.proef", "partitions": 8, "unknownTypes": "accept"}
    (tmp_path / "bomen" / "domain.toml").write_text(
        'name = "nl.proef"\npartitions = 1\nunknownTypes = "reject"\n'
    )
    elsewhere = Catalogue({"nl.proef": other}, {TYPE: now})
    steps = plan(read_folder(tmp_path), elsewhere)
    assert steps[0].body == {"unknownTypes": "reject"}
    assert [(each.act, each.differs) for each in steps] == [
        ("change", ("unknownTypes",)),
        ("left", ("partitions",)),
        ("left", ("domain",)),
    ]
    shown = type_.request.model_dump(mode="json", by_alias=True, exclude_none=True)
    shown |= {"documentation": "https://x.example/"}
    rewritten = Catalogue({"nl.proef": folder[0].document}, {TYPE: shown}, {(TYPE, 1): {}})
    assert [(each.act, each.differs) for each in plan(folder, rewritten)] == [
        ("change", ("documentation",)),
        ("left", ("schema",)),
    ]
