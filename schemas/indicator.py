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
    """When the puller learnt what the source says now."""
    withdrawn_at: Millis | None = None
    """When the source took it back; absent while it vouches."""
    hits: int = 1
    """How often the source has reported it."""


class Indicator(Record):
    """What all sources together know of one indicator.

    `desired` and `skipped` are keyed by `<destination>/<target id>`: the content hash last asked for, and the reason
    code why a sharing that wanted it there could not have it.
    """

    type: IndicatorType
    """Type of the indicator."""
    value: str
    """Canonical value of the indicator."""
    sources: dict[str, SourceState]
    """What each source says, by the name of its connection."""
    first_seen: Millis
    """The earliest first sight of the sources that vouch."""
    last_seen: Millis
    """The latest sight of the sources that vouch."""
    severity: Severity
    """Merged severity."""
    reputation: Reputation
    """Merged reputation."""
    tags: tuple[str, ...] = ()
    """Labels of all sources that vouch."""
    comments: str = ""
    """Merged comments."""
    active: bool
    """Whether any source vouches for it."""
    hits: int
    """How often all sources together have reported it."""
    desired: dict[str, str] = Field(default_factory=dict)
    """Content hash last asked for, by `<destination>/<target id>`."""
    skipped: dict[str, str] = Field(default_factory=dict)
    """Why it cannot be at a place where a sharing wants it: reason code, by `<destination>/<target id>`."""

    def placed(self, desired: dict[str, str], skipped: dict[str, str]) -> "Indicator":
        """The same indicator, wanted elsewhere."""
        return Indicator(**{**self.__dict__, "desired": desired, "skipped": skipped})
