"""Which indicators. The rule `all` exists from the start and matches everything."""

from typing import Literal

from schemas.resources.base import Metadata, Part, Resource

ALL = "all"


class RuleSpec(Part):
    """What a rule matches, with a description for people and a folder to find it in."""

    description: str = ""
    folder: str = ""
    match: Literal["all"] = "all"


class Rule(Resource):
    """A named predicate over an indicator."""

    kind: Literal["Rule"] = "Rule"
    spec: RuleSpec = RuleSpec()


RULE_ALL = Rule(metadata=Metadata(name=ALL), spec=RuleSpec(description="every indicator"))
