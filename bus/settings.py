"""Every setting, read from `BUS_…` in the environment once, by bus.app and bus.cli alone.

One list, however long it gets: who looks for a setting looks in one place.
"""

import base64
import binascii
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Role = Literal["api", "dispatch", "relay", "migrate"]
PREFIX = "BUS_"


class SettingsError(Exception):
    """Settings are missing or wrong; the text names each variable and what to do."""


def _split(value: object) -> object:
    """Read a list written as `a, b`."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _cidr(value: str) -> str:
    return str(ipaddress.ip_network(value))


def _key(value: SecretStr) -> SecretStr:
    try:
        size = len(base64.b64decode(value.get_secret_value(), validate=True))
    except binascii.Error as error:
        raise ValueError("is not base64; make one with: openssl rand -base64 32") from error
    if size != 32:
        raise ValueError(f"holds {size} bytes, not 32; make one with: openssl rand -base64 32")
    return value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Cidrs = Annotated[
    tuple[Annotated[str, AfterValidator(_cidr)], ...], NoDecode, BeforeValidator(_split)
]


def _needed(*roles: Role) -> dict[str, Any]:
    return {"required_for": list(roles)}


class Settings(BaseSettings):
    """What may differ between installations; what nobody should tune is a constant elsewhere."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore"
    )

    kafka_bootstrap: str | None = Field(
        None,
        description="Kafka brokers to start from, as host:port, separated by commas.",
        json_schema_extra=_needed("api", "dispatch", "relay"),
    )
    database_url: SecretStr | None = Field(
        None,
        description="Postgres of the bus, as postgresql://user:password@host:port/database.",
        json_schema_extra=_needed("api", "dispatch", "relay", "migrate"),
    )
    secret_key: Annotated[SecretStr, AfterValidator(_key)] | None = Field(
        None,
        description="Key that seals the secrets in Postgres: 32 bytes in base64.",
        json_schema_extra=_needed("api", "dispatch"),
    )
    namespace: str = Field(
        "gemeentebus",
        pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$",
        max_length=48,
        description="Begins every name of a topic or group; keeps two buses on one Kafka apart.",
    )
    api_host: str = Field("127.0.0.1", description="Address that the API listens on.")
    api_port: int = Field(8080, ge=0, le=65535, description="Port of the API; 0 takes a free one.")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+$",
        description="How others reach the API, without a path; its host and port when empty.",
    )
    contact_email: str = Field(
        "gemeentebus@example.nl",
        description="Address for questions about this installation, in the API's description.",
    )
    contact_url: str = Field(
        "https://github.com/gemeentebus/gemeentebus",
        description="Page about this installation, in the API's description.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address of /metrics of other roles.")
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of /metrics of dispatch and relay; 0 means none."
    )
    request_seconds: float = Field(
        30.0, gt=0, le=3600, description="How long a request to the API may take to come in whole."
    )
    max_event_bytes: int = Field(
        1_048_576, ge=65_536, description="Largest event taken, in bytes of the request's body."
    )
    max_batch_events: int = Field(1_000, ge=1, description="Most events taken in one batch.")
    max_batch_bytes: int = Field(
        8_388_608, ge=65_536, description="Largest batch taken, in bytes of the request's body."
    )
    sink_allow_http: bool = Field(
        default=False, description="Lets sinks be http:// too, not only https://."
    )
    sink_allow_cidrs: Cidrs = Field(
        (), description="Private networks that sinks may be in, separated by commas."
    )
    sink_allow_hosts: Words = Field(
        (), description="Host names that sinks may have wherever they resolve to, by commas."
    )
    sink_consent: Literal["required", "tried", "skipped"] = Field(
        "tried",
        description="Whether a new sink has to consent (OPTIONS), is asked, or is not.",
    )
    sink_proxy: str | None = Field(
        None,
        pattern=r"^http://[^/\s]+$",
        description="Egress proxy for all that goes to sinks; it then guards private networks.",
    )
    inbox_prefix: str = Field(
        "",
        pattern=r"^([A-Za-z0-9._-]|\{oin\})*$",
        max_length=200,
        description="Begins topics that may be delivered to, as inbox.{oin}. ; empty means none.",
    )
    organisation: str | None = Field(
        None,
        pattern=r"^[0-9]{20}$",
        description="OIN of who runs the bus; for the relay, of the organisation it publishes for.",
        json_schema_extra=_needed("relay"),
    )
    outbox_urls: Words = Field(
        (),
        repr=False,
        description="Databases whose outbox the relay empties, as postgresql://…, by commas.",
        json_schema_extra=_needed("relay"),
    )
    behind_seconds: int = Field(
        60, ge=1, le=86_400, description="A subscription whose events wait longer is behind."
    )
    near_retention_hours: int = Field(
        24, ge=1, le=168, description="Who may lose events sooner than this is told so."
    )
    attempt_days: int = Field(
        7, ge=1, le=3650, description="How long attempts to deliver can be looked up."
    )
    dead_letter_days: int = Field(
        30, ge=1, le=3650, description="How long dead letters and invalid records are kept."
    )
    drain_seconds: float = Field(
        8.0, ge=0, le=300, description="How long a stopping process waits for what is under way."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least important log lines that are written."
    )
    url: str = Field("http://127.0.0.1:8080", description="API that the client commands talk to.")
    token: SecretStr | None = Field(None, description="Bearer token of the client commands.")
    dev_token: SecretStr | None = Field(
        None, description="Token that `bus dev` gives out instead of a random one."
    )
    cache_dir: Path | None = Field(
        None, description="Where downloaded parts of the embedded Kafka are kept."
    )
    maven_mirror: str | None = Field(
        None, description="Maven repository to fetch the embedded Kafka from, instead of Central."
    )
    offline: bool = Field(
        default=False, description="Fetch nothing: the embedded Kafka must be in the cache."
    )

    @classmethod
    def load(cls, role: Role | None = None) -> Self:
        """Read the environment; SettingsError names all that is wrong, or that `role` misses."""
        try:
            settings = cls()
        except ValidationError as error:
            lines = [
                f"{_variable(str(e['loc'][0]))}: {e['msg'].removeprefix('Value error, ')}"
                for e in error.errors()
            ]
            raise SettingsError("\n".join(lines)) from None
        if role is not None:
            settings.require(role)
        return settings

    def require(self, role: Role) -> None:
        """Raise SettingsError that names every variable which `role` cannot do without."""
        lines = [
            f"{row.variable} is not set, and `bus {role}` needs it: {row.sentence}"
            for row in table(self)
            if role in row.required_for and not getattr(self, row.field)
        ]
        if lines:
            raise SettingsError("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Row:
    """One setting, as `bus settings` lists it; `value` is None when secret or not set."""

    field: str
    variable: str
    type: str
    default: str
    value: str | None
    required_for: tuple[str, ...]
    sentence: str


def table(settings: Settings | None = None) -> list[Row]:
    """List every setting in the order of the class."""
    return [
        Row(
            field=name,
            variable=_variable(name),
            type=_type_name(field.annotation),
            default=_shown(field.default) or "",
            value=None if settings is None or not field.repr else _shown(getattr(settings, name)),
            required_for=tuple(_extra(field.json_schema_extra).get("required_for", ())),
            sentence=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """List `BUS_…` variables that no setting reads: probably misspelt."""
    known = {_variable(name) for name in Settings.model_fields}
    return sorted(
        name
        for name in environ
        if name.startswith(PREFIX) and name not in known and not name.startswith("BUS_TEST_")
    )


def _variable(field: str) -> str:
    return f"{PREFIX}{field.upper()}"


def _extra(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _shown(value: object) -> str | None:
    if value is None or isinstance(value, SecretStr):
        return None
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _type_name(annotation: object) -> str:
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    for word, name in (
        ("Literal", "word"),
        ("tuple", "list"),
        ("Secret", "secret"),
        ("Path", "path"),
        ("bool", "yes/no"),
        ("int", "number"),
        ("float", "number"),
    ):
        if word in text:
            return name
    return "text"
