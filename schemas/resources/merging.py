"""Merging: whose statement counts if several sources report one indicator. There is one such resource, `default`."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.part import Part
from schemas.resources.base import Metadata, Resource

DEFAULT = "default"

Choice = Literal["newest", "oldest", "highest_severity"]
"""The source with the newest statement, the oldest statement, or the highest severity."""


class MergingSpec(Part):
    """The source of each field of the merged indicator, among those that assert it."""

    severity: Annotated[Choice, Field(description="whose severity")] = "newest"
    reputation: Annotated[Choice, Field(description="whose reputation")] = "newest"
    tags: Annotated[Choice, Field(description="whose tags and comments")] = "newest"


class Merging(Resource):
    """The configured way of merging."""

    kind: Annotated[Literal["Merging"], Field(description="which kind of resource")] = "Merging"
    metadata: Metadata = Metadata(name=DEFAULT)
    spec: MergingSpec = MergingSpec()
