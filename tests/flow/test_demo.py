"""`bus demo` as people start it, and what it says of a component that asks for the wrong thing."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bus.demo import register
from bus.demo.components import COMPONENTS
from bus.demo.play import Stage, play
from bus.demo.register import CREATED, REMOVED
from bus.demo.show import JsonLines
from tests.cluster import SOURCE, Cluster

_BUS = Path(sys.executable).with_name("bus")
_WITHIN = 90.0  # seconds, on a machine that does other things too


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give an empty folder to start from."""
    with tempfile.TemporaryDirectory(prefix="gemeentebus-demo-test-") as name:
        yield Path(name)


@pytest.fixture
def environment(classpath: tuple[Path, ...], cache: Path) -> dict[str, str]:
    """Give an environment without settings, but with the shared cache of Kafka's files."""
    assert classpath
    plain = {name: text for name, text in os.environ.items() if not name.startswith("BUS_")}
    return plain | {"BUS_CACHE_DIR": str(cache), "PYTHONWARNINGS": "error"}


def test_once_checks_every_delivery_and_leaves_nothing(
    folder: Path, environment: dict[str, str]
) -> None:
    """Exit code 0 and `ok`, a line for each attempt, and no file where it was started."""
    environment |= {"TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir()
    folder.chmod(0o711)  # Postgres may not run as root, and looks for a file in there
    ended = subprocess.run(  # noqa: S603 - our own command
        [_BUS, "demo", "--once"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_WITHIN,
        check=False,
    )
    lines = ended.stdout.splitlines()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert lines[-1] == "ok"
    assert ended.stderr == ""
    assert [line.split()[2:4] for line in lines if line.endswith("failed")] == [
        ["archief", "1"]
    ] * 2
    assert sum("archief      2 " in line for line in lines) == 2
    assert [path.name for path in folder.rglob("*")] == ["tmp"]


def test_it_goes_on_until_ctrl_c_and_starts_again_where_it_was(
    folder: Path, environment: dict[str, str]
) -> None:
    """A second demonstration in the same folder is not confused by what the first one left."""
    data = folder / "data"
    command = [str(_BUS), "demo", "--data-dir", str(data), "--json"]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        facts = json.loads(running.stdout.readline())
        assert facts["token"] == str(data / "token")
        assert facts["descriptions"].endswith("/v1/openapi.json")
        components = {json.loads(running.stdout.readline())["component"] for _ in range(4)}
        assert components <= {each.name for each in COMPONENTS}
        running.send_signal(signal.SIGINT)
        running.stdout.read()
    assert running.returncode == 0

    again = subprocess.run(  # noqa: S603 - our own command
        [*command, "--once"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_WITHIN,
        check=False,
    )
    assert again.returncode == 0, again.stdout + again.stderr
    verdict = json.loads(again.stdout.splitlines()[-1])
    assert verdict["ok"]
    assert verdict["differences"] == []
    assert verdict["taken"] >= 24


async def test_a_component_that_asks_for_the_wrong_thing_is_found_out(
    kafka: str,
    database_url: str,
    empty_database_url: str,
    namespace: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One asks for less than it should have, one for more: both are named, within the time.

    All were there when the bus asked them whether it may deliver, and said that it may.
    """
    dossier, permits, archive = COMPONENTS
    components = (
        replace(dossier, terms={"types": [REMOVED]}),
        replace(permits, terms={}),
        archive,
    )
    await register.prepare(empty_database_url, source=SOURCE)
    async with Cluster.open(
        kafka=kafka, database_url=database_url, namespace=namespace, folder=tmp_path
    ) as cluster:
        await cluster.start("api")
        await cluster.start("dispatch")
        await cluster.start("relay", BUS_OUTBOX_URLS=empty_database_url)
        stage = Stage(
            url=cluster.url,
            token=cluster.environment["BUS_TOKEN"],
            register_url=empty_database_url,
        )
        wrong = await play(stage, JsonLines(), once=True, components=components, within=15)
        async with cluster.http.get("/v1/subscriptions") as answer:
            made = (await answer.json(content_type=None))["items"]
    assert [each["consent"]["result"] for each in made] == ["granted"] * len(components)
    assert [line.split(": ")[0::2] for line in wrong] == [
        ["dossier", f"{CREATED} did not come"],
        ["vergunningen", f"{CREATED} came, and should not have"],
    ]
    verdict = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert verdict == {"ok": False, "taken": 2, "differences": wrong}
