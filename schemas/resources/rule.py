"""Which indicators. The rule `all` exists from the start and matches everything."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.resources.base import Metadata, Part, Resource

ALL = "all"


class RuleSpec(Part):
    """What a rule matches, with a description for people and a folder to find it in."""

    description: Annotated[str, Field(description="for people: what it is for")] = ""
    folder: Annotated[str, Field(description="for people: where to find it")] = ""
    match: Annotated[Literal["all"], Field(description="what it matches; `all` is every indicator")] = "all"


class Rule(Resource):
    """A named predicate over an indicator."""

    kind: Annotated[Literal["Rule"], Field(description="which kind of resource")] = "Rule"
    spec: Annotated[RuleSpec, Field(description="what it matches")] = RuleSpec()


RULE_ALL = Rule(metadata=Metadata(name=ALL), spec=RuleSpec(description="every indicator"))
