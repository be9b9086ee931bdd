"""What a person asks of the services of a connection: compare now what the tenant holds with what we know of it.

Named after the connection, so that asking again takes the place of having asked. It is in the policy, which every
service follows, so that a service that is down carries it out when it is back; for a while only, since each of them
compares when it starts and then at its own pace anyway. Written by `ioc-bridge reconcile`.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.part import Part
from schemas.record import Millis
from schemas.resources.base import Resource

RECONCILIATION_COUNTS_MS = 60 * 60 * 1000
"""How long a service that was down still carries it out."""


class ReconciliationSpec(Part):
    """One request to compare."""

    id: Annotated[str, Field(min_length=1, max_length=64, description="what the answers are told by")]
    at: Annotated[Millis, Field(description="when it was asked, milliseconds since the epoch")]
    until: Annotated[Millis, Field(description="how long it counts, milliseconds since the epoch")]
    by: Annotated[str, Field(description="who asked")] = ""


class Reconciliation(Resource):
    """A person's wish that a connection be compared now."""

    kind: Annotated[Literal["Reconciliation"], Field(description="which kind of resource")] = "Reconciliation"
    spec: ReconciliationSpec
