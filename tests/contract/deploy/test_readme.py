"""deploy/README.md, by pasting it: from a clone to a register whose changes are in the log."""

import os
import re
import time
from pathlib import Path

import asyncpg

from tests.contract.deploy.container import PATIENCE, Composed, shell, stand_in
from tests.contract.deploy.files import DEPLOY, example

START, FIRST_STEPS, REGISTER = re.findall(
    r"^```sh\n(.*?)^```", (DEPLOY / "README.md").read_text(), flags=re.DOTALL | re.MULTILINE
)

DOCKER = """
[ "$2" = exec ] || exit 0
until [ "$1" = api ]; do
  case "$1" in BUS_TOKEN=*) export "$1" ;; esac
  shift
done
shift
exec "$@"
"""
"""In the place of a container engine: a command in the API's container is run right here."""

COUNT = """
bus topics --json | python -c '
import json, sys
print(sum(p["endOffset"] for topic in json.load(sys.stdin) for p in topic["partitions"]))'
"""

OIN = "00000001823288444000"
"""The organisation that the README makes."""


async def test_from_a_clone_to_a_register_that_publishes(
    kafka: str, empty_database_url: str, database_url: str, namespace: str, tmp_path: Path
) -> None:
    """Each command that the README prints works as printed, one after another."""
    programs, register_url = tmp_path / "programs", database_url
    stand_in(programs, "docker", DOCKER)
    stand_in(programs, "curl", "exit 0")
    values = settings_made_by(START, tmp_path / "clone", programs)
    values |= {"BUS_ORGANISATION": OIN, "BUS_OUTBOX_URLS": register_url}
    with Composed(
        values, tmp_path, kafka=kafka, database_url=empty_database_url, namespace=namespace
    ) as composed:
        composed.run("migrate")
        composed.start("api")
        composed.becomes_healthy("api")
        inside = composed.environment("api")
        inside["PATH"] = f"{programs}:{inside['PATH']}"
        inside["BUS_URL"] = f"http://127.0.0.1:{composed.ports['api']}"
        inside["REGISTER_URL"] = register_url

        def paste(script: str) -> str:
            return shell(script, cwd=tmp_path, environment=inside)

        said = paste(f"{FIRST_STEPS}\necho token=$BUS_TOKEN\n{COUNT}")
        assert "is ready" in said
        assert "wrong" not in said
        assert said.splitlines()[-1] == "1"

        inside["BUS_TOKEN"] = said.rpartition("token=")[2].split()[0]
        function = next(line for line in FIRST_STEPS.splitlines() if line.startswith("bus()"))
        register = await asyncpg.connect(register_url)
        await register.execute("CREATE TABLE zaken (id integer PRIMARY KEY)")
        paste(f"{function}\n{REGISTER}")
        composed.start("relay")
        await register.execute("INSERT INTO zaken VALUES (1)")
        await register.close()
        until = time.monotonic() + PATIENCE
        while paste(function + COUNT).strip() != "2":
            assert time.monotonic() < until, composed.stop("relay")


def settings_made_by(script: str, clone: Path, programs: Path) -> dict[str, str]:
    """Run what makes deploy/.env in a clone; give what is in it. Nobody else may read it."""
    folder = clone / "deploy"
    folder.mkdir(parents=True)
    (folder / ".env.example").write_bytes((DEPLOY / ".env.example").read_bytes())
    shell(script, cwd=clone, environment={"PATH": f"{programs}:{os.environ['PATH']}"})
    assert (folder / ".env").stat().st_mode & 0o077 == 0
    return example(folder / ".env")
