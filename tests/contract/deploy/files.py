"""deploy/ as its tools see it: the compose file filled in, the steps of the container file."""

import json
import re
import runpy
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"

_VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")
_SECONDS = {"s": 1, "m": 60}


@dataclass(frozen=True, slots=True)
class Variable:
    """A use of `${NAME:-word}` (has a default), `${NAME:?word}` (is needed) or `${NAME}`."""

    name: str
    kind: str
    word: str


def project() -> dict[str, Any]:
    """Read pyproject.toml."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return found


def variables() -> list[Variable]:
    """List what the compose file takes from .env."""
    text = (DEPLOY / "compose.yaml").read_text()
    return [Variable(*found) for found in _VARIABLE.findall(text)]


def example(path: Path = DEPLOY / ".env.example") -> dict[str, str]:
    """Read deploy/.env.example, or what was made of it."""
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def services(values: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Read the services of the compose file, with `values` in the place of .env."""
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    filled: dict[str, dict[str, Any]] = _fill(document["services"], values)
    return filled


def _fill(node: object, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - any YAML
    if isinstance(node, dict):
        return {key: _fill(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(value, values) for value in node]
    if isinstance(node, str):
        return _VARIABLE.sub(lambda m: values.get(m[1]) or (m[3] if m[2] == "-" else ""), node)
    return node


def seconds(duration: str) -> int:
    """Read a duration of compose: 30s, 1m."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]


def steps() -> list[tuple[str, str]]:
    """Read the container file: each instruction with its text on one line."""
    text = (DEPLOY / "Containerfile").read_text()
    joined = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    lines = [" ".join(line.split()) for line in joined.splitlines() if line.strip()]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def final_steps() -> list[tuple[str, str]]:
    """Read the steps of the stage that becomes the image."""
    found = steps()
    last = max(i for i, (word, _) in enumerate(found) if word == "FROM")
    return found[last:]


def entrypoint() -> list[str]:
    """Read what the image runs before the command of compose."""
    return [str(word) for word in json.loads(dict(final_steps())["ENTRYPOINT"])]


def image_environment() -> dict[str, str]:
    """Read the variables that the image sets, but for the path to its own programs."""
    found = " ".join(rest for word, rest in final_steps() if word == "ENV")
    pairs = dict(pair.split("=", 1) for pair in found.split())
    return {name: value for name, value in pairs.items() if name != "PATH"}


def compiled_modules() -> tuple[str, ...]:
    """List the modules that are compiled for the image."""
    found: tuple[str, ...] = runpy.run_path(str(DEPLOY / "compiling.py"))["MODULES"]
    return found


def locked(path: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Read a lock: the version of each package, and the hashes that its files may have."""
    text = re.sub(r"^ *#.*\n", "", (ROOT / path).read_text(), flags=re.MULTILINE)
    entries = [entry.split() for entry in re.split(r"\n(?=\S)", text.strip())]
    return {
        words[0].partition("==")[0]: (
            words[0].partition("==")[2],
            frozenset(word for word in words if word.startswith("--hash=")),
        )
        for words in entries
    }
