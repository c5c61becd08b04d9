"""The compose file, by running: its commands, healthchecks and stops, on real servers."""

import base64
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.embedded.java import java_command
from bus.embedded.postgres_install import binaries
from bus.embedded.process import run
from tests.contract.deploy.container import Composed, port_of
from tests.contract.deploy.files import example, services

OIN = "00000001823288444000"
"""Who the relay publishes for."""

CLUSTER_ID = "dGVzdHRlc3R0ZXN0dGVzdA"
NOBODY_LISTENS = "1"


@pytest.fixture
def composed(
    kafka: str, empty_database_url: str, namespace: str, tmp_path: Path
) -> Iterator[Composed]:
    """Give the services with .env filled in; the register is the bus's own database."""
    values = example() | {
        "POSTGRES_PASSWORD": "s3cret",
        "BUS_SECRET_KEY": base64.b64encode(os.urandom(32)).decode(),
        "BUS_ORGANISATION": OIN,
        "BUS_OUTBOX_URLS": empty_database_url,
    }
    with Composed(
        values, tmp_path, kafka=kafka, database_url=empty_database_url, namespace=namespace
    ) as opened:
        yield opened


def test_the_roles_start_are_healthy_and_stop(composed: Composed) -> None:
    """In compose's order: migrate ends, the roles become healthy, SIGTERM ends each with code 0.

    None needs a package that the image lacks, nor writes a file outside /tmp.
    """
    roles = ("api", "dispatch", "relay")
    assert "applied 0001" in composed.run("migrate")
    assert composed.run("migrate").strip() == "nothing to do"
    assert not composed.healthy("api")
    for role in roles:
        composed.start(role)
    for role in roles:
        composed.becomes_healthy(role)
    for role in roles:
        code, log = composed.stop(role)
        assert code == 0, log
        assert "Traceback" not in log
        assert "read-only" not in log
        assert not composed.healthy(role)


def test_a_relay_without_a_register_says_what_it_lacks(composed: Composed) -> None:
    """Turned on before .env names an outbox, it does not work in silence."""
    empty = {"BUS_OUTBOX_URLS": "", "BUS_ORGANISATION": ""}
    composed.services["relay"]["environment"] |= empty
    composed.start("relay")
    code, log = composed.ended("relay")
    assert code == 2
    assert "BUS_OUTBOX_URLS is not set" in log
    assert "BUS_ORGANISATION is not set" in log


def test_the_healthchecks_of_the_servers(kafka: str, postgres: str) -> None:
    """Each says yes to a real server and no to a port without one."""
    for service, address, usual in (("kafka", kafka, "9092"), ("postgres", postgres, "5432")):
        words = [str(word) for word in services({})[service]["healthcheck"]["test"]]
        assert words[0] == "CMD"
        for port, expected in ((str(port_of(address)), True), (NOBODY_LISTENS, False)):
            argv = [word.replace(f"/{usual}", f"/{port}") for word in words[1:]]
            path = f"{binaries()}:{os.environ['PATH']}"
            environment = {"PATH": path, "PGPORT": port}
            done = subprocess.run(  # noqa: S603 - of the compose file
                argv, env=environment, capture_output=True, check=False
            )
            assert (done.returncode == 0) == expected, (service, port)


async def test_kafka_takes_its_settings(classpath: tuple[Path, ...], tmp_path: Path) -> None:
    """Kafka's own tool makes a storage by them: listeners, roles and voters fit together.

    The image makes properties of the variables in the way of this test.
    """
    given: dict[str, str] = services({})["kafka"]["environment"]
    properties = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in given.items()
        if name != "KAFKA_HEAP_OPTS"
    } | {"log.dirs": str(tmp_path / "data")}
    lines = [f"{name}={value}\n" for name, value in properties.items()]
    (tmp_path / "server.properties").write_text("".join(lines))
    tool = ("kafka.tools.StorageTool", "format", f"--cluster-id={CLUSTER_ID}")
    log = tmp_path / "format.log"
    command = java_command(
        *tool,
        *("-c", "server.properties"),
        name="format",
        classpath=classpath,
        folder=tmp_path,
        log=log,
    )
    await run(command, 60)
    assert (tmp_path / "data" / "meta.properties").exists(), log.read_text()
