"""Whose word counts where several sources speak of one indicator. There is one such resource, `default`."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.part import Part
from schemas.resources.base import Metadata, Resource

DEFAULT = "default"

Choice = Literal["newest", "oldest", "highest_severity"]
"""The source that spoke last; the one that spoke first; the one that holds it the most severe."""


class MergingSpec(Part):
    """Which source each field of the merged indicator is taken from, among those that vouch for it."""

    severity: Annotated[Choice, Field(description="whose severity")] = "newest"
    reputation: Annotated[Choice, Field(description="whose reputation")] = "newest"
    tags: Annotated[Choice, Field(description="whose tags and comments")] = "newest"


class Merging(Resource):
    """The configured way of merging."""

    kind: Annotated[Literal["Merging"], Field(description="which kind of resource")] = "Merging"
    metadata: Metadata = Metadata(name=DEFAULT)
    spec: MergingSpec = MergingSpec()
