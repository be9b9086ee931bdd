"""Settings of a service: environment variables over a YAML file over defaults. All errors are reported at once.

An environment variable is `IOC_BRIDGE_` and the field in upper case. `IOC_BRIDGE_CONFIG` names the file.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from schemas.topics import DEFAULT_PARTITIONS, Topics
from services.runtime.unknown_settings import PREFIX, unknown_settings, unknown_settings_in_file

ENV_PREFIX = PREFIX
CONFIG_VARIABLE = ENV_PREFIX + "CONFIG"

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class SettingsError(Exception):
    """The settings are unusable; the text has one line per mistake."""


class Settings(BaseSettings):
    """The settings that every service has."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid")

    kafka_bootstrap: Annotated[str, Field(description="brokers, host:port, comma separated")] = "127.0.0.1:9092"
    kafka_security_protocol: Annotated[SecurityProtocol, Field(description="how brokers are spoken to")] = "PLAINTEXT"
    kafka_sasl_mechanism: Annotated[SaslMechanism, Field(description="for SASL protocols")] = "SCRAM-SHA-512"
    kafka_sasl_username: Annotated[str | None, Field(description="for SASL protocols")] = None
    kafka_sasl_password: Annotated[SecretStr | None, Field(description="for SASL protocols")] = None
    kafka_ssl_ca_file: Annotated[str | None, Field(description="CA bundle that signed the brokers' certificates")] = (
        None
    )
    kafka_ssl_cert_file: Annotated[str | None, Field(description="client certificate, for mutual TLS")] = None
    kafka_ssl_key_file: Annotated[str | None, Field(description="key of the client certificate")] = None
    kafka_session_timeout_s: Annotated[
        float, Field(ge=6, le=300, description="silence after which a member of a group is taken for dead, seconds")
    ] = 10.0
    topic_prefix: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="first part of every topic, group and transaction name"
        ),
    ] = "ioc"
    partitions: Annotated[
        int, Field(ge=1, le=1000, description="partitions of reports and indicators; fixed once topics exist")
    ] = DEFAULT_PARTITIONS
    replication: Annotated[int, Field(ge=1, le=9, description="replicas of topics that are created")] = 1
    metrics_host: Annotated[str, Field(description="address of /metrics, /livez and /readyz")] = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65535, description="its port; 0 takes a free one")] = 9464
    otlp_endpoint: Annotated[
        str | None,
        Field(
            pattern=r"^https?://",
            description="OpenTelemetry collector that spans are sent to, as http://collector:4318; none are without it",
        ),
    ] = None
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="least level logged")] = "info"
    settle_s: Annotated[
        float, Field(ge=0, le=60, description="how long a pusher lets a burst settle before it writes, seconds")
    ] = 0.5
    unit_batches: Annotated[int, Field(ge=1, le=256, description="report batches in one unit of the router's work")] = (
        16
    )

    @model_validator(mode="after")
    def _sasl_is_whole(self) -> Self:
        if self.kafka_security_protocol.startswith("SASL") and not (
            self.kafka_sasl_username and self.kafka_sasl_password
        ):
            raise ValueError("a SASL protocol needs kafka_sasl_username and kafka_sasl_password")
        if (self.kafka_ssl_cert_file is None) != (self.kafka_ssl_key_file is None):
            raise ValueError("kafka_ssl_cert_file and kafka_ssl_key_file belong together")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the name is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources: environment over file over defaults."""
        file = os.environ.get(CONFIG_VARIABLE)
        sources = [init_settings, env_settings]
        if file:
            ours = {name: value for name, value in _read_file(file).items() if name in settings_cls.model_fields}
            sources.append(InitSettingsSource(settings_cls, ours))
        return tuple(sources)

    @property
    def topics(self) -> Topics:
        """The topics of this installation."""
        return Topics(self.topic_prefix, self.partitions)


_Kind = TypeVar("_Kind", bound=Settings)


def load_settings(**overrides: object) -> Settings:
    """Read the settings that every service has. Raises SettingsError as `load`."""
    return load(Settings, **overrides)


def load(kind: type[_Kind], **overrides: object) -> _Kind:
    """Read the settings of a service that has some of its own.

    Raises:
        SettingsError: lists every mistake with its field and where to set it.

    """
    wrong = unknown_settings(os.environ, {name.upper() for name in kind.model_fields})
    if file := os.environ.get(CONFIG_VARIABLE):
        wrong += unknown_settings_in_file(file, _read_file(file), kind.model_fields)
    try:
        found = kind(**overrides)  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        lines = [_line(item["loc"], item["msg"]) for item in error.errors()]
        raise SettingsError("\n".join([*lines, *wrong])) from error
    if wrong:
        raise SettingsError("\n".join(wrong))
    return found


def _read_file(name: str) -> dict[str, Any]:
    # Not with pydantic-settings: it ignores a missing file, crashes on a file that is not a mapping, and rejects the
    # settings of other services in a shared file.
    try:
        found: Any = yaml.safe_load(Path(name).read_text("utf-8"))
    except OSError as error:
        raise SettingsError(
            f"{CONFIG_VARIABLE}: cannot read {name} ({error.strerror}); name a readable YAML file or unset it"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{CONFIG_VARIABLE}: {name} is not YAML: {' '.join(str(error).split())}") from error
    found = {} if found is None else found
    if not (isinstance(found, dict) and all(isinstance(key, str) for key in found)):
        raise SettingsError(f"{CONFIG_VARIABLE}: {name} must hold settings, one `name: value` a line")
    return found


def _line(place: tuple[int | str, ...], message: str) -> str:
    field = ".".join(str(part) for part in place)
    return f"{field} ({ENV_PREFIX}{field.upper()}): {message}" if field else message.removeprefix("Value error, ")
