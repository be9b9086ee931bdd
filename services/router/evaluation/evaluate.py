"""Where an indicator should be, under a policy and at a moment. Pure; routing, re-evaluation, expiry and every preview
use this one function.

The indicator remembers what was asked for last, so the answer is exact: which entries to put, which to withdraw.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from schemas.canonical import indicator_id
from schemas.desired import Desired, entry_key
from schemas.indicator import Indicator, Stay
from schemas.moment import rounded_up
from schemas.record import Millis, Reason
from schemas.request import Verdict
from schemas.targets import Unrepresentable
from services.guards.guard_set import GUARD_FAILED, GuardSet
from services.router.evaluation.combine import DAY_MS, as_asserted, asserting, combine, seen
from services.router.evaluation.compile import CompiledPolicy, ResolvedTarget, Route, digest

_HOUR_MS = 60 * 60 * 1000
_FAILED = (Verdict.RULE_FAILED, GUARD_FAILED)


# Those below are made for every report: as frozen ones, or as tuples with names, they would take twice as long.
@dataclass(slots=True)
class DesiredEntry:
    """One entry at one target, with everyone who wants it there."""

    resolved: ResolvedTarget
    sources: list[str]
    sharings: list[str]


@dataclass(slots=True)
class Change:
    """A desired entry to be written: a record, or None as a tombstone."""

    destination: str
    key: str
    entry: Desired | None


@dataclass(slots=True)
class Decision:
    """What follows from an evaluation: the indicator (the very same object where nothing follows), and what changes.

    `skipped` are destination and reason of targets that could not have it and did not say so before. `failing` names
    the rules and guards whose expressions could not be evaluated for it.
    """

    indicator: Indicator
    changes: list[Change]
    newly_skipped: list[tuple[str, str]]
    failing: set[str]


def evaluate(indicator: Indicator, policy: CompiledPolicy, now: Millis, reported_at: Millis) -> Decision:
    """Decide where the indicator should be. `reported_at` dates the entries that change."""
    vouchers = asserting(indicator, policy.terms, now)
    known = combine(indicator, vouchers, policy.terms, policy.merging, now)
    desired_entries, skipped, failing = desired_entries_of(known, vouchers, policy)
    identity = indicator_id(indicator.type, indicator.value)
    before = known.desired
    desired: dict[str, str] = {}
    changes: list[Change] = []
    for key, desired_entry in desired_entries.items():
        resolved = desired_entry.resolved
        said = payload_of(known, resolved)
        desired[key] = stamp = digest(
            said.content, resolved.untold, *desired_entry.sources, "", *desired_entry.sharings
        )
        if before.get(key) != stamp:
            entry = entry_of(known, desired_entry, said, reported_at)
            changes.append(Change(resolved.destination, entry_key(resolved.target_id, identity), entry))
    if moved := before.keys() != desired.keys():
        changes += [_end(known, key, identity, policy, reported_at) for key in before if key not in desired]
    newly = [(key.partition("/")[0], why) for key, why in skipped.items() if known.skipped.get(key) != why]
    if desired != before or skipped != known.skipped:
        stays = _stays(known.stays, desired, now) if moved else known.stays
        if known is indicator:
            known = indicator.but(desired=desired, skipped=skipped, stays=stays)
        else:  # made above, and nobody has seen it yet
            known.__dict__.update(desired=desired, skipped=skipped, stays=stays)
    return Decision(known, changes, newly, failing)


class Blocked(NamedTuple):
    """A target, by destination and name, that was wanted and cannot have the indicator; with a stable reason code."""

    key: str
    code: str
    detail: str = ""


Judgement = ResolvedTarget | Blocked | Verdict
"""What came of one route: the place it leads to, why it cannot lead there, or why it is not taken at all."""


def match_routes(
    indicator: Indicator, vouchers: Mapping[str, object], policy: CompiledPolicy
) -> Iterator[tuple[str, Route, Judgement]]:
    """Follow every route of every source that vouches."""
    indicator = as_asserted(indicator, vouchers)
    kept: dict[GuardSet, Reason | None] = {}
    for source in vouchers:
        routes = policy.routes.get(source)
        if not routes:
            continue
        matches, state = policy.rules[source](indicator), indicator.sources[source]
        for route in routes:
            matched = matches[route.rule]
            if matched is False:
                yield source, route, Verdict.NOT_MATCHED
            elif route.is_too_old(state.observed_at, seen(state)):
                yield source, route, Verdict.BEFORE_SHARING
            elif matched is None:
                yield source, route, Blocked(_name(route), Verdict.RULE_FAILED, f"rule {route.rule}")
            elif isinstance(resolved := route.resolved(indicator.type, indicator.severity), Unrepresentable):
                yield source, route, Blocked(_name(route), resolved)
            else:
                guards = policy.guards[route.destination]  # the same one for all destinations with the same guards
                if guards not in kept:
                    kept[guards] = guards(indicator)
                reason = kept[guards]
                yield source, route, Blocked(resolved.key, reason.code, reason.detail) if reason else resolved


def desired_entries_of(
    indicator: Indicator, vouchers: Mapping[str, object], policy: CompiledPolicy
) -> tuple[dict[str, DesiredEntry], dict[str, str], set[str]]:
    """Who wants the indicator where, and why it cannot be where it was wanted; both by destination and target.

    Third: the rules and guards whose expressions could not be evaluated, each as "rule <name>" or "guard <name>".
    """
    desired_entries: dict[str, DesiredEntry] = {}
    skipped: dict[str, str] = {}
    failing: set[str] = set()
    for source, route, judgement in match_routes(indicator, vouchers, policy):
        if isinstance(judgement, ResolvedTarget):
            if desired_entry := desired_entries.get(judgement.key):
                desired_entry.sources.append(source)
                desired_entry.sharings.append(route.sharing)
            else:
                desired_entries[judgement.key] = DesiredEntry(judgement, [source], [route.sharing])
        elif isinstance(judgement, Blocked):
            skipped[judgement.key] = judgement.code
            if judgement.code in _FAILED:
                failing.add(judgement.detail.partition(":")[0])
    return desired_entries, skipped, failing


def _name(route: Route) -> str:
    """A target by name where no concrete one fits the indicator."""
    return f"{route.destination}/{getattr(route.target, 'id', route.target.kind)}"


def _told_expiry(indicator: Indicator, resolved: ResolvedTarget) -> Millis | None:
    """When the vendor shall let the entry expire by itself, should we ever be unable to withdraw it on time.

    Rounded up, to the hour where the indicator lives for less than two days and else to the day: each new sighting
    moves an expiry, and that must not mean a call each.
    """
    if indicator.expires_at is None or not resolved.expires:
        return None
    step = _HOUR_MS if indicator.expires_at - indicator.last_seen < 2 * DAY_MS else DAY_MS
    return rounded_up(indicator.expires_at, step)


@dataclass(slots=True)
class Payload:
    """What a vendor is told of an indicator, as a fingerprint, and when it shall let the entry expire by itself."""

    content: str
    expires_at: Millis | None


def payload_of(indicator: Indicator, resolved: ResolvedTarget) -> Payload:
    """What the vendor is told at a place."""
    if not resolved.detailed:
        return Payload(resolved.fingerprint, None)
    expiry = _told_expiry(indicator, resolved)
    text = digest(resolved.fingerprint, indicator.severity, indicator.comments, str(expiry), *indicator.tags)
    return Payload(text, expiry)


def entry_of(
    indicator: Indicator,
    desired_entry: DesiredEntry,
    said: Payload,
    reported_at: Millis,
    resend_at: Millis | None = None,
) -> Desired:
    """The desired entry of a wish."""
    return Desired.trusted(
        {
            "v": 1,
            "target": desired_entry.resolved.target,
            "type": indicator.type,
            "value": indicator.value,
            "severity": indicator.severity,
            "reputation": indicator.reputation,
            "comments": indicator.comments,
            "tags": indicator.tags,
            "expires_at": said.expires_at,
            "sources": _in_order(desired_entry.sources),
            "sharings": _in_order(desired_entry.sharings),
            "content": said.content,
            "reported_at": reported_at,
            "resend_at": resend_at,
            "released": False,
        }
    )


def _in_order(names: list[str]) -> tuple[str, ...]:
    """Each name once. Most entries have one."""
    return tuple(names) if len(names) == 1 else tuple(sorted(set(names)))


def resend(
    indicator: Indicator,
    policy: CompiledPolicy,
    now: Millis,
    sharing: str | None,
    places: Container[str] | None = None,
) -> Iterator[Change]:
    """The entries that are wanted (by one sharing, or any), to be written again even where they are there.

    `places`: only those at these, each `<destination>/<target id>`.
    """
    desired_entries, _, _ = desired_entries_of(indicator, asserting(indicator, policy.terms, now), policy)
    identity = indicator_id(indicator.type, indicator.value)
    for place, desired_entry in desired_entries.items():
        if (sharing is None or sharing in desired_entry.sharings) and (places is None or place in places):
            entry = entry_of(
                indicator, desired_entry, payload_of(indicator, desired_entry.resolved), now, resend_at=now
            )
            yield Change(
                desired_entry.resolved.destination, entry_key(desired_entry.resolved.target_id, identity), entry
            )


def _end(indicator: Indicator, key: str, identity: str, policy: CompiledPolicy, now: Millis) -> Change:
    """What follows where nobody wants an entry any more: withdrawn, or released where its sharing ended that way."""
    destination, _, target_id = key.partition("/")
    entry = None
    for route in policy.ended:
        resolved = route.resolved(indicator.type, indicator.severity)
        if route.source in indicator.sources and not isinstance(resolved, Unrepresentable) and resolved.key == key:
            desired_entry = DesiredEntry(resolved, list(indicator.sources), [route.sharing])
            said = Payload("", _told_expiry(indicator, resolved))
            entry = entry_of(indicator, desired_entry, said, now).model_copy(update={"released": True})
    return Change(destination, entry_key(target_id, identity), entry)


def _stays(stays: Mapping[str, Stay], desired: Mapping[str, str], now: Millis) -> dict[str, Stay]:
    """When the indicator was wanted at each destination, brought up to date."""
    wanted = {key.partition("/")[0] for key in desired}
    if not stays:
        return {name: Stay.of(now) for name in wanted}
    found = {
        name: stay if name in wanted or stay.until is not None else Stay.of(stay.since, now)
        for name, stay in stays.items()
    }
    for name in wanted:
        before = found.get(name)
        if before is None or before.until is not None:
            found[name] = Stay.of(before.since if before else now)
    return found
