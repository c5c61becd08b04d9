"""The list of the broker's jar files: coordinates, SHA-256 and size, from jars.toml."""

import importlib.resources
import tomllib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned file."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """Give the file's name in the repository and in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def pinned() -> tuple[Jar, ...]:
    """List the files of the broker, from jars.toml."""
    text = importlib.resources.files("bus.embedded").joinpath("jars.toml").read_text()
    return tuple(
        _jar(row["coordinate"], row["sha256"], row["size"]) for row in tomllib.loads(text)["jar"]
    )


def _jar(coordinate: str, sha256: str, size: int) -> Jar:
    group, artifact, version = coordinate.split(":")
    return Jar(group, artifact, version, sha256, size)
