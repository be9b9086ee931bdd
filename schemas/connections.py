"""Settings that every connection has: the base of each vendor's own settings (`schemas.vendors`)."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, HttpUrl, PlainSerializer, model_validator

from schemas.duration import Duration, DurationOrNever, parse
from schemas.part import Part
from schemas.report import Reputation
from schemas.types import IndicatorType

Url = Annotated[HttpUrl, PlainSerializer(str)]


class SecretRef(Part):
    """Where a secret is: in a file or in an environment variable of the services that use the connection."""

    file: Annotated[str | None, Field(description="path of a file that holds the secret and nothing else")] = None
    env: Annotated[
        str | None, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="name of an environment variable")
    ] = None
    expires: Annotated[
        date | None,
        Field(description="the day it expires, as the vendor showed it; needed for alerts, as no API returns it"),
    ] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise ValueError("set where the secret is: exactly one of file and env")
        return self


class Tls(Part):
    """How the vendor's certificate is checked. Switching verification off is logged and counted."""

    verify: Annotated[bool, Field(description="whether the certificate is checked at all")] = True
    ca_file: Annotated[str | None, Field(description="CA bundle that signed it; default: the system's")] = None


class Reconcile(Part):
    """How often a destination is checked for drift, and what happens to a difference."""

    interval: Annotated[Duration, Field(description="time between two comparisons, 1m to 7d")] = parse("1h")
    mode: Annotated[
        Literal["repair", "report"],
        Field(description="`repair` restores our entries that others changed; `report` only reports them"),
    ] = "repair"

    @model_validator(mode="after")
    def _range(self) -> Self:
        if not parse("1m") <= self.interval <= parse("7d"):
            raise ValueError("reconcile.interval must be between 1m and 7d")
        return self


class ConnectionSpec(Part):
    """Settings of every connection. `type` names its vendor: the key of the registration."""

    if TYPE_CHECKING:
        type: str

    aging: Annotated[
        DurationOrNever,
        Field(
            validate_default=True,
            description="how long an indicator stays valid after it was last seen; `never`: no limit",
        ),
    ] = parse("90d")
    override_reputation: Annotated[
        Reputation | None, Field(description="reputation of all its indicators, 1 harmless to 10 certainly malicious")
    ] = None

    @property
    def is_source(self) -> bool:
        """Whether it reports indicators: a puller reads it, or other systems push to it."""
        return False

    @property
    def is_polled(self) -> bool:
        """Whether a puller reads it."""
        return False

    @property
    def has_wide_wildcard(self) -> bool:
        """Whether `*.host` in a list of the tenant covers `host`, too."""
        return False

    def lacks(self, kind: str) -> str | None:  # noqa: ARG002  # for vendors whose targets need settings of their own
        """Return what must be set before a sharing can name a target of this kind; None: nothing is missing."""
        return None


class TenantSpec(ConnectionSpec):
    """Settings of connections to tenants, which are read, written, or both."""

    polling: Annotated[bool, Field(description="whether indicators are pulled; false makes it a destination only")] = (
        True
    )
    initial_range: Annotated[Duration, Field(description="how far the first pull looks back, 1d to 365d")] = parse("7d")
    types: Annotated[tuple[IndicatorType, ...], Field(description="types to pull; empty means all")] = ()
    reconcile: Annotated[Reconcile, Field(description="drift checks: what the tenant holds against what it should")] = (
        Reconcile()
    )
    tls: Annotated[Tls, Field(description="how the vendor's certificate is checked")] = Tls()
    proxy: Annotated[Url | None, Field(description="URL of the proxy to go through")] = None

    @model_validator(mode="after")
    def _range(self) -> Self:
        if not parse("1d") <= self.initial_range <= parse("365d"):
            raise ValueError("initialRange must be between 1d and 365d")
        return self

    @property
    def is_source(self) -> bool:
        """Whether it reports indicators."""
        return self.polling

    @property
    def is_polled(self) -> bool:
        """Whether a puller reads it."""
        return self.polling
