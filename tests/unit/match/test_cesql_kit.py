"""The test kit of CloudEvents SQL 1.0, where it is at hand: every case of it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.match.cesql import SyntaxFault, evaluate, parse

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("GEMEENTEBUS_VECTORS", ROOT.parent / "shared" / "vectors"))
KIT = FOLDER / "cesql-tck"
CASES = 275


class Loader(yaml.SafeLoader):
    """Leaves timestamps the text that they are."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way to say it
        first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def cases() -> Iterator[Any]:
    """Give each case of the kit as a parameter."""
    for file in sorted(KIT.glob("*.yaml")):
        for case in yaml.load(file.read_text("utf-8"), Loader)["tests"]:  # noqa: S506 - a SafeLoader
            yield pytest.param(case, id=f"{file.stem}: {case['name']}")


def judged(case: dict[str, Any]) -> tuple[object, str | None]:
    """Give value and error of the expression, the error by the kit's name."""
    event = case.get("event") or {
        "specversion": "1.0",
        "id": "1",
        "source": "/s",
        "type": "t",
        **case.get("eventOverrides", {}),
    }
    try:
        value, failure = evaluate(parse(str(case["expression"])), event.get)
    except SyntaxFault:
        return None, "parse"
    kind = failure and re.sub("-(.)", lambda found: found[1].upper(), failure.kind)
    return value, kind


@pytest.mark.parametrize("case", [*cases()])
def test_the_kit(case: dict[str, Any]) -> None:
    """Value, its type, and error are what the kit says; a text that cannot be read has no value."""
    value, error = judged(case)
    assert error == case.get("error")
    if error != "parse":
        assert (type(value), value) == (type(case["result"]), case["result"])


def test_the_kit_is_complete() -> None:
    """All cases of the release, or none and then this says so."""
    if not KIT.is_dir():
        pytest.skip(f"no kit in {KIT}: set GEMEENTEBUS_VECTORS to the folder of vectors")
    assert len([*cases()]) == CASES
