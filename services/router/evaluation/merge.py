"""Merges one source's report into the indicator. Pure and idempotent: a repeat changes nothing.

A source's last statement counts, in the order of `ioc.reports`, regardless of when the source saw the indicator. Of
sightings, which are dated events, the latest counts in any order of arrival. First seen only moves back; last seen only
moves forward, up to the time at which we learnt it. `combine` combines the sources, since that depends on policy and
time.
"""

from schemas.indicator import Indicator, SourceState
from schemas.report import Report, Verb
from services.router.evaluation.combine import seen

ECHO_MS = 60 * 60 * 1000
"""How long after a withdrawal a sighting at the same tenant may still be caused by our entry."""
_WITHDRAW = Verb.WITHDRAW
_STATEMENT = ("severity", "reputation", "comments", "tags", "link", "external_id", "expires_at")


def merge(indicator: Indicator | None, source: str, report: Report) -> Indicator | None:
    """Return the indicator with the report merged in, or None if the report changes nothing."""
    stored = indicator.sources.get(source) if indicator else None
    if report.verb is _WITHDRAW:
        state = _withdrawn(stored, report)
    else:
        state = _updated(stored, report, echo=_is_echo(indicator, source, report))
    if state is None:
        return None
    if indicator is None:
        return Indicator.new(report.type, report.value, source, state)
    sources = {**indicator.sources, source: state}
    first_seen, last_seen, hits = state.first_seen, state.last_seen, state.hits
    if len(sources) > 1:
        states = sources.values()
        first_seen = min(state.first_seen for state in states)
        last_seen = max(seen(state) for state in states)
        hits = sum(state.hits for state in states)
    return indicator.but(sources=sources, first_seen=first_seen, last_seen=last_seen, hits=hits)


def is_superseded(indicator: Indicator | None, source: str, report: Report) -> bool:
    """Whether the source has made a later statement, for reports that arrive out of order."""
    stored = indicator.sources.get(source) if indicator else None
    return stored is not None and not report.sighting and report.observed_at < stored.observed_at


def _is_echo(indicator: Indicator | None, source: str, report: Report) -> bool:
    """Whether the sighting is caused by our own entry: the source did not assert the indicator before we wrote it."""
    if not report.sighting or indicator is None:
        return False
    stay, stored = indicator.stays.get(source), indicator.sources.get(source)
    if stay is None or (stored is not None and not stored.echo and stored.withdrawn_at is None):
        return False
    return stay.since <= report.last_seen and (stay.until is None or report.last_seen <= stay.until + ECHO_MS)


def _withdrawn(stored: SourceState | None, report: Report) -> SourceState | None:
    if stored is None or stored.withdrawn_at is not None:
        return None
    return stored.model_copy(
        update={"withdrawn_at": report.observed_at, "observed_at": max(stored.observed_at, report.observed_at)}
    )


def _updated(stored: SourceState | None, report: Report, *, echo: bool) -> SourceState | None:
    last = min(report.last_seen, report.observed_at)
    first = min(report.first_seen, last)
    if stored is None:
        return _state(report, report.observed_at, first, last, hits=1, echo=echo)
    known = seen(stored)
    if report.sighting and last < known:  # a late older event can only move first seen
        return stored.model_copy(update={"first_seen": first}) if first < stored.first_seen else None
    seen_again = last > known
    first_seen, last_seen = min(stored.first_seen, first), max(known, last)
    if (
        last_seen == stored.last_seen
        and not seen_again
        and stored.withdrawn_at is None
        and stored.echo == echo
        and first_seen == stored.first_seen
        and all(getattr(stored, name) == getattr(report, name) for name in _STATEMENT)
    ):
        return None
    observed_at = max(stored.observed_at, report.observed_at)  # clocks may go back; the order of statements stays
    return _state(report, observed_at, first_seen, last_seen, hits=stored.hits + seen_again, echo=echo)


def _state(report: Report, observed_at: int, first_seen: int, last_seen: int, *, hits: int, echo: bool) -> SourceState:
    return SourceState.trusted(
        {
            "v": 1,
            "first_seen": first_seen,
            "last_seen": last_seen,
            "severity": report.severity,
            "reputation": report.reputation,
            "comments": report.comments,
            "tags": report.tags,
            "link": report.link,
            "external_id": report.external_id,
            "expires_at": report.expires_at,
            "observed_at": observed_at,
            "withdrawn_at": None,
            "echo": echo,
            "hits": hits,
        }
    )
