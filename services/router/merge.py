"""Merging one source's report into the indicator. Pure, and idempotent: a repeat changes nothing.

A later statement of a source replaces its earlier one; first seen only moves back and last seen only forward. What all
sources together say is taken from the one that spoke of it last.
"""

from schemas.indicator import Indicator, SourceState
from schemas.report import Report, Verb

_STATEMENT = ("severity", "reputation", "comments", "tags", "link", "external_id", "expires_at")


def merge(indicator: Indicator | None, source: str, report: Report) -> Indicator | None:
    """The indicator with the report merged in, or None where the report says nothing new."""
    stored = indicator.sources.get(source) if indicator else None
    state = _withdrawn(stored, report) if report.verb is Verb.WITHDRAW else _updated(stored, report)
    if state is None:
        return None
    sources = {**indicator.sources, source: state} if indicator else {source: state}
    return _combine(report, sources, indicator)


def _withdrawn(stored: SourceState | None, report: Report) -> SourceState | None:
    if stored is None or stored.withdrawn_at is not None:
        return None
    return stored.model_copy(update={"withdrawn_at": report.observed_at, "observed_at": report.observed_at})


def _updated(stored: SourceState | None, report: Report) -> SourceState | None:
    if stored is None:
        return _state(report, report.first_seen, report.last_seen, hits=1)
    if report.last_seen < stored.last_seen:  # an older statement that came late: it can only move first seen
        if report.first_seen >= stored.first_seen:
            return None
        return stored.model_copy(update={"first_seen": report.first_seen})
    seen_again = report.last_seen > stored.last_seen
    first_seen = min(stored.first_seen, report.first_seen)
    if (
        not seen_again
        and stored.withdrawn_at is None
        and first_seen == stored.first_seen
        and all(getattr(stored, name) == getattr(report, name) for name in _STATEMENT)
    ):
        return None
    return _state(report, first_seen, report.last_seen, hits=stored.hits + seen_again)


def _state(report: Report, first_seen: int, last_seen: int, hits: int) -> SourceState:
    return SourceState(
        first_seen=first_seen,
        last_seen=last_seen,
        severity=report.severity,
        reputation=report.reputation,
        comments=report.comments,
        tags=report.tags,
        link=report.link,
        external_id=report.external_id,
        expires_at=report.expires_at,
        observed_at=report.observed_at,
        hits=hits,
    )


def _combine(report: Report, sources: dict[str, SourceState], before: Indicator | None) -> Indicator:
    states = sources.values()
    vouching = [state for state in states if state.withdrawn_at is None]
    newest = max(vouching or states, key=lambda state: state.last_seen) if len(sources) > 1 else next(iter(states))
    return Indicator(
        type=report.type,
        value=report.value,
        sources=sources,
        first_seen=min(state.first_seen for state in states),
        last_seen=max(state.last_seen for state in states),
        severity=newest.severity,
        reputation=newest.reputation,
        comments=newest.comments,
        tags=newest.tags,
        active=bool(vouching),
        hits=sum(state.hits for state in states),
        desired=before.desired if before else {},
        skipped=before.skipped if before else {},
    )
