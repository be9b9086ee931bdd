"""The merged indicator: the router's state, kept in `ioc.indicators`.

It holds every source's statement and, for each target, the content last desired. So the difference between two
evaluations is exact, and one record explains why an indicator is at a target.
"""

from pydantic import Field

from schemas.record import Millis, Record
from schemas.report import Reputation, Statement
from schemas.types import IndicatorType, Severity


class SourceState(Statement):
    """The latest statement of one source. A withdrawn statement asserts nothing, but is kept for explanations.

    An `echo` never asserted the indicator: the source only saw an entry that we had written.
    """

    observed_at: Millis
    """When the puller read this statement."""
    withdrawn_at: Millis | None = None
    """When the source withdrew it; absent while it asserts the indicator."""
    echo: bool = False
    """Whether the source only saw an entry that we had written."""
    hits: int = 1
    """How often the source has reported it."""


class Stay(Record):
    """The period in which an indicator was desired at a destination."""

    since: Millis
    """When it was first desired there."""
    until: Millis | None = None
    """When it ceased to be; absent while it is desired."""

    @classmethod
    def of(cls, since: Millis, until: Millis | None = None) -> "Stay":
        """A stay, without validation of the moments."""
        return cls.trusted({"v": 1, "since": since, "until": until})


class Indicator(Record):
    """One indicator with the statements of all sources and the result of merging them.

    `desired` and `skipped` are keyed by `<destination>/<target id>`, `stays` by destination.
    """

    type: IndicatorType
    """Type of the indicator."""
    value: str
    """Canonical value of the indicator."""
    sources: dict[str, SourceState]
    """The statement of each source, by the name of its connection."""
    first_seen: Millis
    """The earliest first sighting among asserting sources."""
    last_seen: Millis
    """The latest sighting among asserting sources."""
    severity: Severity = Severity.UNKNOWN
    """Merged severity."""
    reputation: Reputation = 5
    """Merged reputation."""
    tags: tuple[str, ...] = ()
    """Merged tags."""
    comments: str = ""
    """Merged comments."""
    active: bool = False
    """Whether any source asserts it."""
    expires_at: Millis | None = None
    """When the statement of the last source expires; absent means never."""
    changes_at: Millis | None = None
    """When the statement of the next source expires; absent means none will."""
    inactive_since: Millis | None = None
    """Since when no source asserts it."""
    hits: int = 1
    """How often all sources together have reported it."""
    desired: dict[str, str] = Field(default_factory=dict)
    """Content hash last desired, by `<destination>/<target id>`."""
    skipped: dict[str, str] = Field(default_factory=dict)
    """Reason code of why it is not at a target of a sharing, by `<destination>/<target id>`."""
    stays: dict[str, Stay] = Field(default_factory=dict)
    """The period in which it was desired, by destination."""

    @classmethod
    def new(cls, type_: IndicatorType, value: str, source: str, state: SourceState) -> "Indicator":
        """The indicator of a first report, before evaluation. Does not validate the parts."""
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
        """The indicator with some fields changed. Does not validate them, for speed."""
        return Indicator.trusted({**self.__dict__, **changed})


_AT_FIRST = {
    name: field.get_default()
    for name, field in Indicator.model_fields.items()
    if not field.is_required() and field.default_factory is None
}
