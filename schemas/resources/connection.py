"""A tenant we read from, write to, or both. It names where its secrets are, never what they are."""

from datetime import date
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

    file: Annotated[str | None, Field(description="path of a file that holds the secret and nothing else")] = None
    env: Annotated[
        str | None, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="name of an environment variable")
    ] = None
    expires: Annotated[
        date | None,
        Field(description="the day it expires, as the vendor said when it was made; for alerts, the APIs do not tell"),
    ] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise ValueError("say where the secret is: exactly one of file and env")
        return self


class Tls(Part):
    """How the vendor's certificate is checked. Switching verification off is logged and counted."""

    verify: Annotated[bool, Field(description="whether the certificate is checked at all")] = True
    ca_file: Annotated[str | None, Field(description="CA bundle that signed it, where the system's does not")] = None


class Reconcile(Part):
    """How often what a destination holds is compared with what we know of it, and what becomes of a difference."""

    interval: Annotated[Duration, Field(description="time between two comparisons, 1m to 7d")] = parse("1h")
    mode: Annotated[
        Literal["repair", "report"],
        Field(description="`repair` puts right what others changed of ours; `report` only tells"),
    ] = "repair"

    @model_validator(mode="after")
    def _range(self) -> Self:
        if not parse("1m") <= self.interval <= parse("7d"):
            raise ValueError("reconcile.interval must be between 1m and 7d")
        return self


class Deploy(Part):
    """How changes of URL lists come into force: the vendor's deploy applies all that wait, whoever made them."""

    others_pending: Annotated[
        Literal["wait", "deploy"],
        Field(
            description="what becomes of ours while changes of other people wait: `wait` holds them until those are "
            "applied or discarded, `deploy` applies those of other people along"
        ),
    ] = "wait"


class _Source(Part):
    """What every connection has."""

    aging: Annotated[
        DurationOrNever,
        Field(
            validate_default=True,
            description="how long an indicator counts after it was last seen; `never`: for ever",
        ),
    ] = parse("90d")
    override_reputation: Annotated[
        Reputation | None, Field(description="reputation of all its indicators, 1 harmless to 10 certainly malicious")
    ] = None


class _Tenant(_Source):
    """What connections to both vendors have."""

    polling: Annotated[bool, Field(description="whether indicators are pulled; false makes it a destination only")] = (
        True
    )
    initial_range: Annotated[Duration, Field(description="how far the first pull looks back, 1d to 365d")] = parse("7d")
    types: Annotated[tuple[IndicatorType, ...], Field(description="types to pull; empty means all")] = ()
    reconcile: Annotated[Reconcile, Field(description="comparisons of what the tenant holds with what it should")] = (
        Reconcile()
    )
    tls: Annotated[Tls, Field(description="how the vendor's certificate is checked")] = Tls()
    proxy: Annotated[Url | None, Field(description="URL of the proxy to go through")] = None

    @model_validator(mode="after")
    def _range(self) -> Self:
        if not parse("1d") <= self.initial_range <= parse("365d"):
            raise ValueError("initialRange must be between 1d and 365d")
        return self


class DefenderTenant(_Tenant):
    """A Microsoft Defender for Endpoint tenant. URLs default to those of the region; each can be overridden."""

    type: Annotated[Literal["defender"], Field(description="which vendor")]
    tenant_id: Annotated[str, Field(min_length=1, description="directory (tenant) id in Entra")]
    app_id: Annotated[str, Field(min_length=1, description="application (client) id of the app registration")]
    app_secret: Annotated[SecretRef, Field(description="where the app's client secret is")]
    region: Annotated[Region, Field(description="where the tenant's data lives; decides the URLs")] = "global"
    api_url: Annotated[Url | None, Field(description="instead of the region's API URL")] = None
    login_url: Annotated[Url | None, Field(description="instead of the region's sign-in URL")] = None
    scope: Annotated[str | None, Field(description="instead of the scope that belongs to the API URL")] = None
    poll_interval: Annotated[Duration, Field(description="time between two pulls")] = parse("5m")
    ioc_source: Annotated[
        str, Field(max_length=200, description="what descriptions of our entries there begin with")
    ] = ""
    actions: Annotated[tuple[str, ...], Field(description="actions to pull; empty means all but Allowed")] = ()
    generate_alert: Annotated[bool | None, Field(description="pull only indicators with this setting")] = None


class NetskopeTenant(_Tenant):
    """A Netskope tenant. The v1 token is needed for file-hash lists only. The server's wait_time paces the polls."""

    type: Annotated[Literal["netskope"], Field(description="which vendor")]
    tenant_url: Annotated[Url, Field(description="for example https://acme.goskope.com")]
    v2_token: Annotated[SecretRef, Field(description="where the REST API v2 token is")]
    v1_token: Annotated[
        SecretRef | None, Field(description="where the REST API v1 token is; needed for file-hash lists only")
    ] = None
    poll_interval: Annotated[Duration, Field(description="upper bound on the server's own wait_time")] = parse("5m")
    wildcard_covers_apex: Annotated[
        bool,
        Field(
            description="whether `*.evil.example` in a URL list of this tenant matches `evil.example`, too: then a "
            "domain is one entry there; false writes both, which is right in every tenant"
        ),
    ] = False
    deploy: Annotated[Deploy, Field(description="how changes of URL lists come into force")] = Deploy()


class ApiSource(_Source):
    """An endpoint of ours where other systems push indicators. It has no write side."""

    type: Annotated[Literal["api"], Field(description="which kind of source")]
    token_hash: Annotated[
        str,
        Field(pattern=r"^\$argon2id\$", description="of the token that pushers show; made by `ioc-bridge token`"),
    ]


class Connection(Resource):
    """A configured tenant, or another source."""

    kind: Annotated[Literal["Connection"], Field(description="which kind of resource")] = "Connection"
    spec: Annotated[
        DefenderTenant | NetskopeTenant | ApiSource,
        Field(discriminator="type", description="the tenant and how to reach it"),
    ]

    @property
    def polls(self) -> bool:
        """Whether a puller works for it."""
        return getattr(self.spec, "polling", False)
