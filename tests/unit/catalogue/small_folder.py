"""A small catalogue in files, for tests to break."""

from pathlib import Path

TYPE = "nl.proef.boom-geplant"


def write_folder(root: Path) -> Path:
    """Write a catalogue of one event type with one schema and one example."""
    domain = root / "bomen"
    (domain / TYPE / "examples").mkdir(parents=True)
    (domain / "domain.toml").write_text('name = "nl.proef"\npartitions = 1\n')
    (domain / TYPE / "type.toml").write_text(
        'description = "Er is een boom geplant."\ntimeMeaning = "Moment van registratie."\n'
        'information = "rich"\n'
    )
    (domain / TYPE / "schema.1.json").write_text('{"properties": {"soort": {"type": "string"}}}')
    (domain / TYPE / "examples" / "eik.json").write_text(
        '{"specversion": "1.0", "id": "1", "source": "urn:nld:x", "type": "nl.proef.boom-geplant",'
        ' "data": {"soort": "eik"}}'
    )
    return root
