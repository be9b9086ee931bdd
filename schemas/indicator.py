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
    """When the puller learnt what the source says now."""
    withdrawn_at: Millis | None = None
    """When the source took it back; absent while it vouches."""
    echo: bool = False
    """Whether the source only met what we had put there."""
    hits: int = 1
    """How often the source has reported it."""


class Stay(Record):
    """When an indicator was wanted at a destination: since when, and until when if it is not any more."""

    since: Millis
    """Since when it was first wanted there."""
    until: Millis | None = None
    """Until when; absent while it is wanted."""

    @classmethod
    def of(cls, since: Millis, until: Millis | None = None) -> "Stay":
        """A stay of moments that are known to be valid."""
        return cls.trusted({"v": 1, "since": since, "until": until})


class Indicator(Record):
    """What all sources together know of one indicator.

    `desired` and `skipped` are keyed by `<destination>/<target id>`: the fingerprint of what was last asked for, and
    the reason code why a sharing that wanted it there could not have it. `stays` are keyed by destination.
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
    severity: Severity = Severity.UNKNOWN
    """Merged severity."""
    reputation: Reputation = 5
    """Merged reputation."""
    tags: tuple[str, ...] = ()
    """Labels of all sources that vouch."""
    comments: str = ""
    """Merged comments."""
    active: bool = False
    """Whether any source vouches for it."""
    expires_at: Millis | None = None
    """When the last source ceases to vouch by itself; absent means never."""
    changes_at: Millis | None = None
    """When the next source ceases to vouch by itself; absent means none will."""
    inactive_since: Millis | None = None
    """Since when no source vouches for it."""
    hits: int = 1
    """How often all sources together have reported it."""
    desired: dict[str, str] = Field(default_factory=dict)
    """Content hash last asked for, by `<destination>/<target id>`."""
    skipped: dict[str, str] = Field(default_factory=dict)
    """Why it cannot be at a place where a sharing wants it: reason code, by `<destination>/<target id>`."""
    stays: dict[str, Stay] = Field(default_factory=dict)
    """When it was wanted at each destination."""

    @classmethod
    def new(cls, type_: IndicatorType, value: str, source: str, state: SourceState) -> "Indicator":
        """What one source was the first to state, before it is evaluated. The parts are known to be valid."""
        return cls.trusted(
            {
                **_AT_FIRST,
                "type": type_,
                "value": value,
                "sources": {source: state},
                "first_seen": state.first_seen,
                "last_seen": state.last_seen,
                "hits": state.hits,
                "desired": {},
                "skipped": {},
                "stays": {},
            }
        )

    def but(self, **changed: object) -> "Indicator":
        """The same indicator with some fields changed. Quicker than validating what is known to be valid."""
        return Indicator.trusted({**self.__dict__, **changed})


_AT_FIRST = {
    name: field.get_default()
    for name, field in Indicator.model_fields.items()
    if not field.is_required() and field.default_factory is None
}
