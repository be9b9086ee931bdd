"""Where an indicator should be, under a policy. Pure; routing, re-evaluation and every preview use this one function.

The indicator remembers what was asked for last, so the answer is exact: which entries to put, which to withdraw.
"""

from typing import NamedTuple

from schemas.canonical import indicator_id
from schemas.desired import Desired, entry_key
from schemas.indicator import Indicator
from services.router.compiled import CompiledPolicy, Route, digest


class Wish(NamedTuple):
    """One entry at one target, with everyone who wants it there."""

    route: Route
    sources: list[str]
    sharings: list[str]


class Change(NamedTuple):
    """A desired entry to be written: a record, or None as a tombstone."""

    destination: str
    key: str
    entry: Desired | None


class Decision(NamedTuple):
    """What follows from an evaluation: the indicator (the very same object where nothing follows), and what changes.

    `newly_skipped` are destination and reason of targets that could not have it and did not say so before.
    """

    indicator: Indicator
    changes: list[Change]
    newly_skipped: list[tuple[str, str]]


def evaluate(indicator: Indicator, policy: CompiledPolicy, reported_at: int) -> Decision:
    """Decide where the indicator should be. `reported_at` dates the entries that change (milliseconds)."""
    wishes, skipped = _wishes(indicator, policy)
    identity = indicator_id(indicator.type, indicator.value)
    desired: dict[str, str] = {}
    changes: list[Change] = []
    for key, wish in wishes.items():
        content = _content(indicator, wish.route)
        desired[key] = stamp = digest(content, *wish.sources, "", *wish.sharings)
        if indicator.desired.get(key) != stamp:
            entry = _entry(indicator, wish, content, reported_at)
            changes.append(Change(wish.route.destination, entry_key(wish.route.target_id, identity), entry))
    for key in indicator.desired:
        if key not in desired:
            destination, _, target_id = key.partition("/")
            changes.append(Change(destination, entry_key(target_id, identity), None))
    newly = [(key.partition("/")[0], why) for key, why in skipped.items() if indicator.skipped.get(key) != why]
    if not changes and skipped == indicator.skipped:
        return Decision(indicator, changes, newly)
    return Decision(indicator.placed(desired, skipped), changes, newly)


def _wishes(indicator: Indicator, policy: CompiledPolicy) -> tuple[dict[str, Wish], dict[str, str]]:
    wishes: dict[str, Wish] = {}
    skipped: dict[str, str] = {}
    for source, state in indicator.sources.items():
        if state.withdrawn_at is not None:
            continue
        for route in policy.routes.get(source, ()):
            if refusal := route.target.refuses(indicator.type):
                skipped[route.key] = refusal
            elif wish := wishes.get(route.key):
                wish.sources.append(source)
                wish.sharings.append(route.sharing)
            else:
                wishes[route.key] = Wish(route, [source], [route.sharing])
    return wishes, skipped


def _content(indicator: Indicator, route: Route) -> str:
    if not route.detailed:
        return route.fingerprint
    return digest(route.fingerprint, indicator.severity, indicator.comments, *indicator.tags)


def _entry(indicator: Indicator, wish: Wish, content: str, reported_at: int) -> Desired:
    return Desired(
        target=wish.route.target,
        type=indicator.type,
        value=indicator.value,
        severity=indicator.severity,
        reputation=indicator.reputation,
        comments=indicator.comments,
        tags=indicator.tags,
        sources=tuple(sorted(set(wish.sources))),
        sharings=tuple(sorted(wish.sharings)),
        content=content,
        reported_at=reported_at,
    )
