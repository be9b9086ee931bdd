"""Source, rule, destination and target: what makes an indicator travel."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.resources.base import Name, Part, Resource
from schemas.resources.rule import ALL
from schemas.targets import Target


class SharingSpec(Part):
    """One direction. Several sharings may feed one target, and one indicator may go to several."""

    source: Annotated[Name, Field(description="the Connection whose indicators are shared")]
    rule: Annotated[Name, Field(description="the Rule that says which of them; `all` is built in")] = ALL
    destination: Annotated[Name, Field(description="the Connection they are shared with")]
    target: Annotated[Target, Field(description="where at the destination they go")]
    enabled: Annotated[bool, Field(description="false withdraws what only this sharing wanted")] = True


class Sharing(Resource):
    """A configured sharing."""

    kind: Annotated[Literal["Sharing"], Field(description="which kind of resource")] = "Sharing"
    spec: Annotated[SharingSpec, Field(description="what travels from where to where")]
