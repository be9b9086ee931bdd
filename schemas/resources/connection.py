"""A tenant we read from, write to, or both. It names where its secrets are, never what they are."""

from typing import Annotated, Literal, Self

from pydantic import Field, HttpUrl, PlainSerializer, model_validator

from schemas.report import Reputation
from schemas.resources.base import Part, Resource
from schemas.resources.duration import Duration, DurationOrNever, parse
from schemas.types import IndicatorType

Url = Annotated[HttpUrl, PlainSerializer(str)]
Region = Literal["global", "us", "eu", "uk", "au", "swa", "ina", "aea", "gcc", "gcc-high"]


class SecretRef(Part):
    """Where a secret is: in a file or in an environment variable of the services that use the connection."""

    file: str | None = None
    env: Annotated[str | None, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise ValueError("say where the secret is: exactly one of file and env")
        return self


class Tls(Part):
    """How the vendor's certificate is checked. Switching verification off is logged and counted."""

    verify: bool = True
    ca_file: str | None = None


class _Source(Part):
    """What every connection has."""

    aging: Annotated[
        DurationOrNever, Field(description="how long after it was last seen an indicator is active, or never to age")
    ] = parse("90d")
    override_reputation: Annotated[Reputation | None, Field(description="in place of what the source says")] = None


class _Tenant(_Source):
    """What connections to both vendors have."""

    polling: Annotated[bool, Field(description="whether its indicators are pulled")] = True
    initial_range: Annotated[Duration, Field(description="how far the first pull looks back, 1d to 365d")] = parse("7d")
    types: Annotated[tuple[IndicatorType, ...], Field(description="types to pull; empty means all")] = ()
    tls: Tls = Tls()
    proxy: Url | None = None

    @model_validator(mode="after")
    def _range(self) -> Self:
        if not parse("1d") <= self.initial_range <= parse("365d"):
            raise ValueError("initialRange must be between 1d and 365d")
        return self


class DefenderTenant(_Tenant):
    """A Microsoft Defender for Endpoint tenant. URLs default to those of the region; each can be overridden."""

    type: Literal["defender"]
    tenant_id: Annotated[str, Field(min_length=1)]
    app_id: Annotated[str, Field(min_length=1)]
    app_secret: SecretRef
    region: Region = "global"
    api_url: Url | None = None
    login_url: Url | None = None
    scope: str | None = None
    poll_interval: Duration = parse("5m")
    ioc_source: Annotated[str, Field(max_length=200)] = ""
    actions: Annotated[tuple[str, ...], Field(description="actions to pull; empty means all but Allowed")] = ()
    generate_alert: Annotated[bool | None, Field(description="pull only indicators with this setting")] = None


class NetskopeTenant(_Tenant):
    """A Netskope tenant. The v1 token is needed for file-hash lists only. The server's wait_time paces the polls."""

    type: Literal["netskope"]
    tenant_url: Url
    v2_token: SecretRef
    v1_token: SecretRef | None = None
    poll_interval: Annotated[Duration, Field(description="upper bound on the server's own wait_time")] = parse("5m")


class ApiSource(_Source):
    """An endpoint of ours where other systems push indicators. It has no write side."""

    type: Literal["api"]
    token_hash: Annotated[
        str,
        Field(pattern=r"^\$argon2id\$", description="of the token that pushers show; made by `ioc-bridge token`"),
    ]


Tenant = DefenderTenant | NetskopeTenant
"""What is polled and written to."""


class Connection(Resource):
    """A configured tenant, or another source."""

    kind: Literal["Connection"] = "Connection"
    spec: Annotated[DefenderTenant | NetskopeTenant | ApiSource, Field(discriminator="type")]

    @property
    def polls(self) -> bool:
        """Whether a puller works for it."""
        return getattr(self.spec, "polling", False)
