"""The merged indicator, as the router keeps it and as `ioc.indicators` carries it.

It says what every source states and, per target, what the router has asked for: so the difference between two
evaluations is exact, and "why is it there" can be answered from one record.
"""

from pydantic import Field

from schemas.record import Millis, Record
from schemas.report import Reputation, Statement
from schemas.types import IndicatorType, Severity


class SourceState(Statement):
    """The latest statement of one source. A withdrawn one no longer vouches, but is kept to explain.

    An `echo` never vouched: the source met what we had put there ourselves.
    """

    observed_at: Millis
    withdrawn_at: Millis | None = None
    echo: bool = False
    hits: int = 1


class Stay(Record):
    """When an indicator was wanted at a destination: since when, and until when if it is not any more."""

    since: Millis
    until: Millis | None = None


class Indicator(Record):
    """What all sources together know of one indicator.

    `desired` and `skipped` are keyed by `<destination>/<target id>`: the fingerprint of what was last asked for, and
    the reason code why a sharing that wanted it there could not have it. `stays` are keyed by destination.
    """

    type: IndicatorType
    value: str
    sources: dict[str, SourceState]
    first_seen: Millis
    last_seen: Millis
    severity: Severity = Severity.UNKNOWN
    reputation: Reputation = 5
    tags: tuple[str, ...] = ()
    comments: str = ""
    active: bool = False
    expires_at: Millis | None = None
    inactive_since: Millis | None = None
    hits: int = 1
    desired: dict[str, str] = Field(default_factory=dict)
    skipped: dict[str, str] = Field(default_factory=dict)
    stays: dict[str, Stay] = Field(default_factory=dict)

    def but(self, **changed: object) -> "Indicator":
        """The same indicator with some fields changed. Quicker than validating what is known to be valid."""
        return Indicator.model_construct(**{**self.__dict__, **changed})
