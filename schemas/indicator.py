"""The merged indicator, as the router keeps it and as `ioc.indicators` carries it.

It says what every source states and, per target, what the router has asked for: so the difference between two
evaluations is exact, and "why is it there" can be answered from one record.
"""

from pydantic import Field

from schemas.record import Millis, Record
from schemas.report import Reputation, Statement
from schemas.types import IndicatorType, Severity


class SourceState(Statement):
    """The latest statement of one source. A withdrawn one no longer vouches, but is kept to explain."""

    observed_at: Millis
    withdrawn_at: Millis | None = None
    hits: int = 1


class Indicator(Record):
    """What all sources together know of one indicator.

    `desired` and `skipped` are keyed by `<destination>/<target id>`: the content hash last asked for, and the reason
    code why a sharing that wanted it there could not have it.
    """

    type: IndicatorType
    value: str
    sources: dict[str, SourceState]
    first_seen: Millis
    last_seen: Millis
    severity: Severity
    reputation: Reputation
    tags: tuple[str, ...] = ()
    comments: str = ""
    active: bool
    hits: int
    desired: dict[str, str] = Field(default_factory=dict)
    skipped: dict[str, str] = Field(default_factory=dict)

    def placed(self, desired: dict[str, str], skipped: dict[str, str]) -> "Indicator":
        """The same indicator, wanted elsewhere."""
        return Indicator(**{**self.__dict__, "desired": desired, "skipped": skipped})
