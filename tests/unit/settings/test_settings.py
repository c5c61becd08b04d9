"""Settings: typed, from the environment, with messages that name the variable and the cure."""

import base64
import os

import pytest

from bus.settings import Settings, SettingsError, table, unknown_variables


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start each test without any BUS_ variable."""
    for name in os.environ:
        if name.startswith("BUS_"):
            monkeypatch.delenv(name)


def test_every_setting_has_a_sentence_and_a_type() -> None:
    """`bus settings` has something to say about each."""
    for row in table():
        assert row.variable.startswith("BUS_")
        assert row.sentence.endswith(".")
        assert row.type in {"text", "secret", "number", "yes/no", "list", "path", "word"}


def test_a_role_names_all_that_it_misses() -> None:
    """One message with every missing variable and the role that needs it."""
    with pytest.raises(SettingsError) as caught:
        Settings.load("api")
    for name in ("BUS_KAFKA_BOOTSTRAP", "BUS_DATABASE_URL", "BUS_SECRET_KEY"):
        assert f"{name} is not set, and `bus api` needs it" in str(caught.value)


def test_lists_and_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are written with commas; secrets do not show themselves."""
    key = base64.b64encode(bytes(32)).decode()
    monkeypatch.setenv("BUS_SECRET_KEY", key)
    monkeypatch.setenv("BUS_SINK_ALLOW_CIDRS", "127.0.0.0/8, ::1/128")
    monkeypatch.setenv("BUS_OUTBOX_URLS", "postgresql://u:geheim@h/d")
    settings = Settings.load()
    assert settings.sink_allow_cidrs == ("127.0.0.0/8", "::1/128")
    assert settings.outbox_urls == ("postgresql://u:geheim@h/d",)
    shown = f"{settings!r} {table(settings)!r}"
    assert key not in shown
    assert "geheim" not in shown


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("BUS_SECRET_KEY", "abc", "openssl rand -base64 32"),
        ("BUS_SECRET_KEY", base64.b64encode(b"short").decode(), "5 bytes"),
        ("BUS_MAX_EVENT_BYTES", "65535", "65536"),
        ("BUS_SINK_ALLOW_CIDRS", "127.0.0.1/8", "host bits"),
        ("BUS_API_PORT", "http", "integer"),
    ],
)
def test_a_wrong_value_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    """The message says which variable is wrong and why."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}.*{words}"):
        Settings.load()


def test_a_misspelt_variable_is_found() -> None:
    """`bus doctor` can point at it; variables of the tests are left alone."""
    environ = {"BUS_KAFKA_BOOSTRAP": "x", "BUS_API_PORT": "1", "BUS_TEST_KAFKA": "x", "PATH": ""}
    assert unknown_variables(environ) == ["BUS_KAFKA_BOOSTRAP"]
