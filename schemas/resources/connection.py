"""Connections: tenants that are read, written or both. A connection names where its secrets are, not their values."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.resources.base import Resource
from schemas.vendors.registry import AnyConnectionSpec, vendor_of
from schemas.vendors.vendor import Vendor


class Connection(Resource):
    """A configured tenant, or another source."""

    kind: Annotated[Literal["Connection"], Field(description="which kind of resource")] = "Connection"
    spec: Annotated[AnyConnectionSpec, Field(discriminator="type", description="the tenant and how to reach it")]

    @property
    def vendor(self) -> Vendor:
        """The registration of its type. Raises UnknownVendorError where there is none."""
        return vendor_of(self.spec.type)

    @property
    def polls(self) -> bool:
        """Whether a puller works for it."""
        return self.spec.is_polled

    @property
    def puller(self) -> str | None:
        """The service that reads it; None: no service does."""
        service = self.vendor.puller
        return service.name if service and self.polls else None

    @property
    def pusher(self) -> str | None:
        """The service that writes to it; None: it can only be a source."""
        service = self.vendor.pusher
        return service.name if service else None
