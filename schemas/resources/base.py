"""The form of every resource: apiVersion, kind, metadata, spec."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.part import Part
from schemas.record import Millis

NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
NAME_FORM = "lower-case letters, digits and inner dashes, at most 63: it is part of topic and metric names"

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=63, description=NAME_FORM)]


class Metadata(Part):
    """The name of a resource, and what `apply` and `delete` record about it."""

    name: Name
    created: Annotated[Millis | None, Field(description="when it was first applied; noted by `apply`")] = None
    ended: Annotated[
        Literal["keep"] | None, Field(description="a sharing deleted with keep, until every indicator has been told")
    ] = None
    resource_version: Annotated[
        int | None,
        Field(
            ge=0,
            exclude=True,
            description="what `get -o yaml` said; when given, a change is refused if someone else has changed the "
            "resource since. Never stored: it is the offset of the resource's record in `ioc.policy`",
        ),
    ] = None


class Resource(Part):
    """Base of every resource."""

    api_version: Annotated[Literal["ioc-bridge/v1"], Field(description="the version of this form")] = "ioc-bridge/v1"
    metadata: Annotated[Metadata, Field(description="what the resource is called")]

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.metadata.name
