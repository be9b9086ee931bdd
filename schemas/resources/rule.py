"""Rules: which indicators are shared. The rule `all` is built in and matches everything."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from schemas.part import Part
from schemas.resources.base import Metadata, Resource

ALL = "all"

Expression = Annotated[
    str, Field(min_length=1, max_length=4_000, description="CEL over `ioc.*` that says true or false of an indicator")
]


class Exemption(Part):
    """An exception of a rule: an expression, or any of these tags."""

    cel: Expression | None = None
    tags: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(description="any of these tags")] = ()
    description: str = ""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.cel is None) == (not self.tags):
            raise ValueError("an exception is either an expression (cel) or a list of tags")
        return self


class Mute(Part):
    """A muted rule matches nothing, until a time if one is given."""

    until: Annotated[AwareDatetime | None, Field(description="when it ends by itself; absent: when it is removed")] = (
        None
    )

    def is_over(self, now: datetime) -> bool:
        """Whether the rule matches again."""
        return self.until is not None and self.until <= now


def _read_mute(said: object) -> object:
    return {} if said is True else None if said is False else said


class RuleSpec(Part):
    """What a rule matches, with a description for people and a folder to find it in."""

    description: Annotated[str, Field(description="for people: what it is for")] = ""
    folder: Annotated[str, Field(max_length=200, description="where people find it, for example phishing/mail")] = ""
    match: Expression = "true"
    exceptions: Annotated[tuple[Exemption, ...], Field(max_length=100, description="what it does not match")] = ()
    mute: Annotated[
        Mute | None, BeforeValidator(_read_mute), Field(description="true, or {until: <time>}: it matches nothing")
    ] = None


class Rule(Resource):
    """A named predicate over an indicator."""

    kind: Annotated[Literal["Rule"], Field(description="which kind of resource")] = "Rule"
    spec: Annotated[RuleSpec, Field(description="what it matches")] = RuleSpec()


RULE_ALL = Rule(metadata=Metadata(name=ALL), spec=RuleSpec(description="every indicator"))
