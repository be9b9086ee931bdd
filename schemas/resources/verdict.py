"""A person's verdict on a present or future hold. Written by `ioc-bridge confirm` and `reject`.

It is named after the hold. A confirmation lets the change pass; a rejection keeps it held until it is no longer due. It
is valid for a while only, so that it does not cover the next fault.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.part import Part
from schemas.record import Millis
from schemas.resources.base import Name, Resource

VERDICT_COUNTS_MS = 60 * 60 * 1000
"""How long a verdict is valid."""


class VerdictSpec(Part):
    """The verdict on one hold."""

    connection: Name
    subject: Annotated[str, Field(description="`listing`, or the id of the target")]
    verdict: Annotated[Literal["confirm", "reject"], Field(description="whether it may go through")]
    at: Annotated[Millis, Field(description="when it was said, milliseconds since the epoch")]
    until: Annotated[Millis, Field(description="how long it counts, milliseconds since the epoch")]
    by: Annotated[str, Field(description="who said so")] = ""


class Verdict(Resource):
    """A person's verdict on a hold."""

    kind: Annotated[Literal["Verdict"], Field(description="which kind of resource")] = "Verdict"
    spec: VerdictSpec
