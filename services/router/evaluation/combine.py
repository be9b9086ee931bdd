"""Combines the statements of all sources of an indicator, at a time and under a policy. Pure.

A source asserts an indicator unless it has withdrawn it, its statement is an echo of our own entry, or it has expired
(at its stated expiry, else at last seen plus the aging of the connection). An indicator is active while any source
asserts it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.indicator import Indicator, SourceState
from schemas.moment import expiry as expiry_of
from schemas.moment import shifted
from schemas.report import Reputation
from schemas.resources.connection import Connection
from schemas.resources.merging import Choice, MergingSpec
from schemas.types import Severity

DAY_MS = 24 * 60 * 60 * 1000
_DEFAULT_AGING_MS = 90 * DAY_MS
_RANK = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class SourceTerms:
    """How a connection's reports count. `aging_ms` None: they never age."""

    aging_ms: int | None = _DEFAULT_AGING_MS
    reputation: Reputation | None = None

    @classmethod
    def of(cls, connection: Connection) -> "SourceTerms":
        """Return the terms of a connection."""
        aging = connection.spec.aging
        ms = None if aging is None else int(aging.total_seconds() * 1000)
        return cls(ms, connection.spec.override_reputation)

    def expiry(self, state: SourceState) -> int | None:
        """Return when the statement expires, in milliseconds since the epoch; None: never."""
        if state.expires_at is not None:
            return expiry_of(state.expires_at)
        return None if self.aging_ms is None else expiry_of(shifted(seen(state), self.aging_ms))


_DEFAULT = SourceTerms()


def seen(state: SourceState) -> int:
    """Return when a source last saw the indicator. Never after we learnt it, which older releases did not ensure."""
    return min(state.last_seen, state.observed_at)


def asserting(indicator: Indicator, terms: Mapping[str, SourceTerms], now: int) -> dict[str, int | None]:
    """Return the sources that assert the indicator at `now`, each with its expiry."""
    found: dict[str, int | None] = {}
    for name, state in indicator.sources.items():
        if state.withdrawn_at is None and not state.echo:
            expiry = terms.get(name, _DEFAULT).expiry(state)
            if expiry is None or expiry > now:
                found[name] = expiry
    return found


def as_asserted(indicator: Indicator, assertions: Mapping[str, object]) -> Indicator:
    """Return the indicator as rules and guards see it: only with the sources that assert it."""
    if len(assertions) == len(indicator.sources):
        return indicator
    return indicator.but(sources={name: indicator.sources[name] for name in assertions})


def combine(
    indicator: Indicator,
    assertions: Mapping[str, int | None],
    terms: Mapping[str, SourceTerms],
    merging: MergingSpec,
    now: int,
) -> Indicator:
    """Return the indicator with its combined statement; the same object if that is unchanged.

    Without an asserting source the indicator keeps its last statement and becomes inactive.
    """
    if not assertions:
        if indicator.inactive_since is not None:
            return indicator
        return indicator.but(active=False, expires_at=None, changes_at=None, inactive_since=now)
    if len(assertions) == 1:  # most indicators, and this halves their cost
        ((name, changes_at),) = assertions.items()
        expires_at = changes_at
        by_severity = by_reputation = by_tags = name, indicator.sources[name]
    else:
        ends = [end for end in assertions.values() if end is not None]
        changes_at = min(ends, default=None)
        expires_at = max(ends, default=None) if len(ends) == len(assertions) else None
        states = [(name, indicator.sources[name]) for name in assertions]
        by_severity, by_reputation, by_tags = (
            _CHOOSE[choice](states) for choice in (merging.severity, merging.reputation, merging.tags)
        )
    name, state = by_reputation
    reputation = terms.get(name, _DEFAULT).reputation or state.reputation
    tagged = by_tags[1]
    if (
        indicator.active
        and indicator.expires_at == expires_at
        and indicator.changes_at == changes_at
        and indicator.severity == by_severity[1].severity
        and indicator.reputation == reputation
        and indicator.tags == tagged.tags
        and indicator.comments == tagged.comments
    ):
        return indicator
    return indicator.but(
        active=True, expires_at=expires_at, changes_at=changes_at, inactive_since=None,
        severity=by_severity[1].severity, reputation=reputation, tags=tagged.tags, comments=tagged.comments,
    )  # fmt: skip


_Statement = tuple[str, SourceState]
"""A source and its state."""


def _newest(statements: list[_Statement]) -> _Statement:
    return max(statements, key=lambda found: seen(found[1]))


def _oldest(statements: list[_Statement]) -> _Statement:
    return min(statements, key=lambda found: found[1].first_seen)


def _highest_severity(statements: list[_Statement]) -> _Statement:
    return max(statements, key=lambda found: (_RANK[found[1].severity], seen(found[1])))


_CHOOSE: dict[Choice, Callable[[list[_Statement]], _Statement]] = {
    "newest": _newest,
    "oldest": _oldest,
    "highest_severity": _highest_severity,
}
