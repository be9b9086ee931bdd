"""A person's request for a drift check of a connection. Written by `ioc-bridge reconcile`.

It is named after the connection, so a new request replaces an earlier one. It is part of the policy, so a service that
is down carries it out later; but only for a while, since every service checks when it starts anyway.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.part import Part
from schemas.record import Millis
from schemas.resources.base import Resource

RECONCILIATION_COUNTS_MS = 60 * 60 * 1000
"""How long a request is valid."""


class ReconciliationSpec(Part):
    """One request for a drift check."""

    id: Annotated[str, Field(min_length=1, max_length=64, description="what the answers are told by")]
    at: Annotated[Millis, Field(description="when it was asked, milliseconds since the epoch")]
    until: Annotated[Millis, Field(description="how long it counts, milliseconds since the epoch")]
    by: Annotated[str, Field(description="who asked")] = ""


class Reconciliation(Resource):
    """A request for a drift check of a connection."""

    kind: Annotated[Literal["Reconciliation"], Field(description="which kind of resource")] = "Reconciliation"
    spec: ReconciliationSpec
