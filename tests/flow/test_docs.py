"""The documentation keeps its word: its command blocks run as printed, beside a real `bus dev`.

Only the ports that are printed make place for free ones. The word after the language of a block
says what becomes of it: `sh test` runs in one shell per document, `sh background` in a terminal of
its own until the document ends, `sql test` in the register's database; `python file=NAME` is
written to that file; every line of `text expect` has to appear in what was printed, no line of
`text absent` may. Other blocks are not looked at.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

from bus.embedded.datadir import free_port

_ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w+) ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PORT = re.compile(r"\b80\d\d\b")
_KINDS = {"sh test", "sh background", "sql test", "text expect", "text absent"}
_READY_WITHIN = 90.0  # seconds, as are the next
_WITHIN = 30.0
_POLL = 0.05
_SQL = """
import asyncio, os, sys, asyncpg
async def main():
    connection = await asyncpg.connect(os.environ["BUS_REGISTER_URL"])
    await connection.execute(sys.stdin.read())
    await connection.close()
asyncio.run(main())
"""


@dataclass
class Reader:
    """Somebody who follows a document: an open terminal, and others that were opened on the way."""

    folder: Path
    environment: dict[str, str]
    screen: Path
    terminals: list[subprocess.Popen[bytes]] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        """Open the first terminal, which ends at the first command that fails."""
        self.terminal = self._open("bash", "-eo", "pipefail")

    def run(self, command: str) -> None:
        """Run commands in the first terminal; all of them have to exit with 0."""
        self.steps += 1
        done = self.screen.with_suffix(f".done-{self.steps}")
        keys = self.terminal.stdin
        assert keys is not None
        keys.write(f"{command}\ntouch {done}\n".encode())
        keys.flush()
        self._until(done.exists, f"this does not end well:\n{command}")

    def start(self, command: str) -> None:
        """Run commands in a terminal of their own, until the end."""
        self._open("bash", "-ec", command)

    def sees(self, line: str) -> None:
        """Wait until a line is printed somewhere."""
        self._until(lambda: line in self.screen.read_text(), f"this is not printed: {line}")

    def close(self) -> None:
        """Close the terminals, with what runs in them."""
        for terminal in self.terminals:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(terminal.pid, signal.SIGKILL)
            terminal.communicate()

    def _open(self, *argv: str) -> subprocess.Popen[bytes]:
        output: IO[bytes]
        with self.screen.open("ab") as output:
            terminal = subprocess.Popen(  # noqa: S603 - what our documents say
                argv,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.terminals.append(terminal)
        return terminal

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _WITHIN
        while not condition():
            ended = self.terminal.poll() is not None
            assert not ended, f"{what}\n{self.screen.read_text()}"
            assert time.monotonic() < deadline, f"{what}\n{self.screen.read_text()}"
            time.sleep(_POLL)


class Ports(dict[str, str]):
    """The ports that are printed, and the free ones that stand in for them here."""

    def __missing__(self, printed: str) -> str:
        """Take a free port for one that is met for the first time."""
        self[printed] = str(free_port())
        return self[printed]

    def stand_in(self, text: str) -> str:
        """Give the text with every port replaced."""
        return _PORT.sub(lambda found: self[found[0]], text)


@pytest.fixture(scope="module")
def ports() -> Ports:
    """Give the ports of this run."""
    return Ports()


@pytest.fixture(scope="module")
def environment(classpath: tuple[Path, ...], cache: Path) -> dict[str, str]:
    """Give an environment without settings, but with the shared cache of Kafka's files."""
    assert classpath
    plain = {name: text for name, text in os.environ.items() if not name.startswith("BUS_")}
    return plain | {"BUS_CACHE_DIR": str(cache)}


@pytest.fixture(scope="module")
def folder(environment: dict[str, str], ports: Ports) -> Iterator[Path]:
    """Give the folder in which `bus dev` runs, with the environment that `make setup` makes."""
    if shutil.which("curl") is None:
        pytest.skip("the documents use curl, which is not installed")
    with tempfile.TemporaryDirectory(prefix="gemeentebus-docs-") as name:
        folder = Path(name)
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / "schemas").symlink_to(_ROOT / "schemas")
        said = folder / "dev.log"
        with (
            said.open("wb") as output,
            subprocess.Popen(  # noqa: S603 - our own command
                [folder / ".venv" / "bin" / "bus", "dev", "--port", ports["8080"]],
                cwd=folder,
                env=environment,
                stdout=output,
                stderr=output,
            ) as dev,
        ):
            try:
                _wait_ready(dev, said)
                yield folder
            finally:
                dev.terminate()


def _wait_ready(dev: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while "Ctrl-C stops everything" not in said.read_text():
        assert dev.poll() is None, said.read_text()
        assert time.monotonic() < deadline, said.read_text()
        time.sleep(_POLL)


@pytest.mark.parametrize(
    "name",
    [
        "getting-started.md",
        "publish-from-your-register.md",
        "subscribe-your-component.md",
        "operate.md",
        "catalogue.md",
        "profile.md",
    ],
)
def test_the_commands_of_a_document_run_as_printed(
    folder: Path, environment: dict[str, str], ports: Ports, name: str
) -> None:
    """Each exits with 0, and what the document says will be printed is printed."""
    document = ports.stand_in((_ROOT / "docs" / name).read_text())
    reader = Reader(folder, environment, folder / f"{Path(name).stem}.screen")
    try:
        for language, word, text in _BLOCK.findall(document):
            _follow(reader, f"{language} {word}", text)
    finally:
        reader.close()


def _follow(reader: Reader, kind: str, text: str) -> None:
    if kind.startswith("python file="):
        (reader.folder / kind.removeprefix("python file=")).write_text(text)
        return
    assert kind in _KINDS, f"a block is marked as `{kind}`"
    match kind:
        case "sh test":
            reader.run(text)
        case "sh background":
            reader.start(text)
        case "sql test":
            (reader.folder / "run.py").write_text(_SQL)
            reader.run(f"python run.py <<'END_OF_SQL'\n{text}END_OF_SQL")
        case "text expect":
            for line in text.splitlines():
                reader.sees(line)
        case "text absent":
            for line in text.splitlines():
                assert line not in reader.screen.read_text()


def test_a_component_is_at_most_twenty_lines() -> None:
    """What a component needs of our own helper stays small enough to be read at a glance."""
    text = (_ROOT / "docs" / "subscribe-your-component.md").read_text()
    programs = {word: body for _, word, body in _BLOCK.findall(text)}
    assert len(programs["file=vergunningen.py"].splitlines()) <= 20


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md has a row for each dependency of pyproject.toml, and no other."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.split(r"[^a-z0-9_-]", each)[0] for group in groups for each in group}
    text = (_ROOT / "docs" / "dependencies.md").read_text()
    assert set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)) == names


def test_links_between_documents_lead_somewhere() -> None:
    """Each relative link in the README and in docs/ names a file that is there."""
    for document in [_ROOT / "README.md", *(_ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name} links to {link}"
