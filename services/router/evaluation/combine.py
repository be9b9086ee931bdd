"""What all sources of an indicator together say, at a moment and under a policy. Pure.

A source vouches while it has not withdrawn the indicator, has not merely met what we put there, and its expiry (its
own, else last seen and the aging of its connection) is to come. It is active as long as any source vouches.
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
    """What a connection says about what it reports. `aging_ms` None: it never ages."""

    aging_ms: int | None = _DEFAULT_AGING_MS
    reputation: Reputation | None = None

    @classmethod
    def of(cls, connection: Connection) -> "SourceTerms":
        """The terms of a connection."""
        aging = connection.spec.aging
        ms = None if aging is None else int(aging.total_seconds() * 1000)
        return cls(ms, connection.spec.override_reputation)

    def expiry(self, state: SourceState) -> int | None:
        """When the source ceases to vouch (milliseconds since the epoch); None: never."""
        if state.expires_at is not None:
            return expiry_of(state.expires_at)
        return None if self.aging_ms is None else expiry_of(shifted(seen(state), self.aging_ms))


_DEFAULT = SourceTerms()


def seen(state: SourceState) -> int:
    """When a source last saw the indicator: no later than we learnt it, although older releases stored such."""
    return min(state.last_seen, state.observed_at)


def asserting(indicator: Indicator, terms: Mapping[str, SourceTerms], now: int) -> dict[str, int | None]:
    """The sources that vouch for an indicator now, each with its expiry."""
    found: dict[str, int | None] = {}
    for name, state in indicator.sources.items():
        if state.withdrawn_at is None and not state.echo:
            expiry = terms.get(name, _DEFAULT).expiry(state)
            if expiry is None or expiry > now:
                found[name] = expiry
    return found


def as_asserted(indicator: Indicator, vouchers: Mapping[str, object]) -> Indicator:
    """The indicator as rules and guards see it: with those sources only that vouch for it."""
    if len(vouchers) == len(indicator.sources):
        return indicator
    return indicator.but(sources={name: indicator.sources[name] for name in vouchers})


def combine(
    indicator: Indicator,
    vouchers: Mapping[str, int | None],
    terms: Mapping[str, SourceTerms],
    merging: MergingSpec,
    now: int,
) -> Indicator:
    """The indicator with what its sources say together; the very same object where that is what it says already.

    Where none vouches any more it says what it said last, and is not active.
    """
    if not vouchers:
        if indicator.inactive_since is not None:
            return indicator
        return indicator.but(active=False, expires_at=None, changes_at=None, inactive_since=now)
    if len(vouchers) == 1:  # the many, and it is half the work for them
        ((name, changes_at),) = vouchers.items()
        expires_at = changes_at
        by_severity = by_reputation = by_tags = name, indicator.sources[name]
    else:
        ends = [end for end in vouchers.values() if end is not None]
        changes_at = min(ends, default=None)
        expires_at = max(ends, default=None) if len(ends) == len(vouchers) else None
        states = [(name, indicator.sources[name]) for name in vouchers]
        by_severity, by_reputation, by_tags = (
            _CHOOSE[choice](states) for choice in (merging.severity, merging.reputation, merging.tags)
        )
    name, state = by_reputation
    reputation = terms.get(name, _DEFAULT).reputation or state.reputation
    said = by_tags[1]
    if (
        indicator.active
        and indicator.expires_at == expires_at
        and indicator.changes_at == changes_at
        and indicator.severity == by_severity[1].severity
        and indicator.reputation == reputation
        and indicator.tags == said.tags
        and indicator.comments == said.comments
    ):
        return indicator
    return indicator.but(
        active=True, expires_at=expires_at, changes_at=changes_at, inactive_since=None,
        severity=by_severity[1].severity, reputation=reputation, tags=said.tags, comments=said.comments,
    )  # fmt: skip


_Spoken = tuple[str, SourceState]


def _newest(states: list[_Spoken]) -> _Spoken:
    return max(states, key=lambda said: seen(said[1]))


def _oldest(states: list[_Spoken]) -> _Spoken:
    return min(states, key=lambda said: said[1].first_seen)


def _highest_severity(states: list[_Spoken]) -> _Spoken:
    return max(states, key=lambda said: (_RANK[said[1].severity], seen(said[1])))


_CHOOSE: dict[Choice, Callable[[list[_Spoken]], _Spoken]] = {
    "newest": _newest,
    "oldest": _oldest,
    "highest_severity": _highest_severity,
}
