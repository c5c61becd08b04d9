"""The compose file, by reading: settings that exist, no secret of its own, nothing left open."""

from typing import Any

import pytest

from bus.settings import Settings, table
from tests.contract.deploy.files import example, project, seconds, services, variables

SECRETS = {"POSTGRES_PASSWORD", "BUS_SECRET_KEY"}
ROLES = ("migrate", "api", "dispatch", "relay")

Services = dict[str, dict[str, Any]]


@pytest.fixture
def filled() -> Services:
    """Give the services with the secrets filled in."""
    return services(example() | dict.fromkeys(SECRETS, "s3cret"))


def test_what_has_no_default_is_needed_and_says_how_to_make_it() -> None:
    """Compose refuses to start without a secret, and prints the command that makes one."""
    needed = {each.name: each.word for each in variables() if each.kind == "?"}
    assert set(needed) == SECRETS
    assert all("`openssl rand " in word and "deploy/.env" in word for word in needed.values())
    assert {each.name for each in variables() if each.kind != "-"} == SECRETS


def test_the_example_has_every_variable_and_no_secret() -> None:
    """What can be set is in .env.example, at its default; what is in there is used."""
    shown = example()
    assert {name for name, value in shown.items() if name in SECRETS and value} == set()
    assert set(shown) - {"COMPOSE_PROFILES"} == {each.name for each in variables()}
    for each in variables():
        if each.kind == "-":
            assert shown[each.name] == each.word, each.name


def test_every_setting_exists_and_each_role_has_what_it_needs(filled: Services) -> None:
    """No BUS_ variable is misspelt; none that the role requires is forgotten."""
    rows = {row.variable: row for row in table()}
    for role in ROLES:
        given = set(filled[role]["environment"])
        assert given <= set(rows), role
        assert {name for name, row in rows.items() if role in row.required_for} <= given, role


def test_a_role_gets_no_secret_that_it_does_not_use(filled: Services) -> None:
    """Migrating and relaying need no key; only Postgres has the password by itself."""
    holders = {name for name in filled if "BUS_SECRET_KEY" in filled[name].get("environment", {})}
    assert holders == {"api", "dispatch"}
    assert "env_file" not in {key for service in filled.values() for key in service}


def test_only_loopback_is_published(filled: Services) -> None:
    """Nobody else on the network can reach what compose starts."""
    ports = [port for service in filled.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_our_containers_may_do_little(filled: Services) -> None:
    """Read-only, without capabilities, from the image of this version, within a bound of memory."""
    for role in ROLES:
        service = filled[role]
        assert service["image"] == f"gemeentebus:{project()['project']['version']}"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    assert all("mem_limit" in service for service in filled.values())


def test_a_stop_waits_longer_than_the_drain(filled: Services) -> None:
    """Compose does not kill a role that is still finishing what was under way."""
    longest = Settings.model_fields["drain_seconds"].default
    for role in ("api", "dispatch", "relay"):
        assert seconds(filled[role]["stop_grace_period"]) >= 2 * longest


def test_who_is_waited_for_can_be_waited_for(filled: Services) -> None:
    """The schema comes after Postgres, the roles after both and Kafka; each wait can end."""
    for role in ("api", "dispatch", "relay"):
        assert set(filled[role]["depends_on"]) == {"migrate", "kafka"}
    assert set(filled["migrate"]["depends_on"]) == {"postgres"}
    for service in filled.values():
        for name, on in service.get("depends_on", {}).items():
            if on["condition"] == "service_healthy":
                assert "healthcheck" in filled[name]
            else:
                assert on["condition"] == "service_completed_successfully"
                assert filled[name]["restart"] == "no"


def test_data_is_kept_where_the_images_write_it(filled: Services) -> None:
    """Postgres 18 keeps its data below /var/lib/postgresql; Kafka where it is told to."""
    assert filled["postgres"]["image"] == "postgres:18"
    assert filled["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    folder = filled["kafka"]["environment"]["KAFKA_LOG_DIRS"]
    assert filled["kafka"]["volumes"] == [f"kafka:{folder}"]
