"""Evaluates where an indicator should be, under a policy and at a time. Pure. Routing, re-evaluation, expiry and all
previews use this function.

The indicator stores its last desired entries, so the result is exact: which entries to put and which to withdraw.
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


# Made for every report: frozen dataclasses or named tuples would take twice as long.
@dataclass(slots=True)
class DesiredEntry:
    """One entry at one target, with the sources and sharings that desire it."""

    resolved: ResolvedTarget
    sources: list[str]
    sharings: list[str]


@dataclass(slots=True)
class Change:
    """A change of a desired entry: the new record, or None as a tombstone."""

    destination: str
    key: str
    entry: Desired | None


@dataclass(slots=True)
class Decision:
    """The result of an evaluation: the indicator (the same object if nothing changes) and the changed entries.

    `newly_skipped` holds (destination, reason) of targets that newly cannot have it. `failing` names the rules and
    guards whose expressions failed for it.
    """

    indicator: Indicator
    changes: list[Change]
    newly_skipped: list[tuple[str, str]]
    failing: set[str]


def evaluate(indicator: Indicator, policy: CompiledPolicy, now: Millis, reported_at: Millis) -> Decision:
    """Decide where the indicator should be. `reported_at` dates the entries that change."""
    assertions = asserting(indicator, policy.terms, now)
    known = combine(indicator, assertions, policy.terms, policy.merging, now)
    desired_entries, skipped, failing = desired_entries_of(known, assertions, policy)
    identity = indicator_id(indicator.type, indicator.value)
    before = known.desired
    desired: dict[str, str] = {}
    changes: list[Change] = []
    for key, desired_entry in desired_entries.items():
        resolved = desired_entry.resolved
        payload = payload_of(known, resolved)
        desired[key] = stamp = digest(
            payload.content, resolved.unsent, *desired_entry.sources, "", *desired_entry.sharings
        )
        if before.get(key) != stamp:
            entry = entry_of(known, desired_entry, payload, reported_at)
            changes.append(Change(resolved.destination, entry_key(resolved.target_id, identity), entry))
    if moved := before.keys() != desired.keys():
        changes += [_end(known, key, identity, policy, reported_at) for key in before if key not in desired]
    newly = [(key.partition("/")[0], why) for key, why in skipped.items() if known.skipped.get(key) != why]
    if desired != before or skipped != known.skipped:
        stays = _stays(known.stays, desired, now) if moved else known.stays
        known = known.but(desired=desired, skipped=skipped, stays=stays)
    return Decision(known, changes, newly, failing)


class Blocked(NamedTuple):
    """A target, as `<destination>/<target id>`, that cannot have the indicator, with a stable reason code."""

    key: str
    code: str
    detail: str = ""


Judgement = ResolvedTarget | Blocked | Verdict
"""The result of one route: its target, why the target is blocked, or why the route does not apply."""


def match_routes(
    indicator: Indicator, assertions: Mapping[str, object], policy: CompiledPolicy
) -> Iterator[tuple[str, Route, Judgement]]:
    """Yield (source, route, result) for every route of every asserting source."""
    indicator = as_asserted(indicator, assertions)
    answers: dict[GuardSet, Reason | None] = {}
    for source in assertions:
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
                guards = policy.guards[route.destination]  # destinations with the same guards share one object
                if guards not in answers:
                    answers[guards] = guards(indicator)
                reason = answers[guards]
                yield source, route, Blocked(resolved.key, reason.code, reason.detail) if reason else resolved


def desired_entries_of(
    indicator: Indicator, assertions: Mapping[str, object], policy: CompiledPolicy
) -> tuple[dict[str, DesiredEntry], dict[str, str], set[str]]:
    """Return the desired entries and the reason codes of blocked targets, both by destination and target.

    Third: the rules and guards whose expressions failed, each as "rule <name>" or "guard <name>".
    """
    desired_entries: dict[str, DesiredEntry] = {}
    skipped: dict[str, str] = {}
    failing: set[str] = set()
    for source, route, judgement in match_routes(indicator, assertions, policy):
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
    """Return the name of a route's target for an indicator that has no concrete one."""
    return f"{route.destination}/{getattr(route.target, 'id', route.target.kind)}"


def _sent_expiry(indicator: Indicator, resolved: ResolvedTarget) -> Millis | None:
    """Return when the vendor lets the entry expire by itself if we cannot withdraw it in time.

    Rounded up to the hour for indicators that live for less than two days, else to the day, so that not every new
    sighting, which moves the expiry, causes a call.
    """
    if indicator.expires_at is None or not resolved.expires:
        return None
    step = _HOUR_MS if indicator.expires_at - indicator.last_seen < 2 * DAY_MS else DAY_MS
    return rounded_up(indicator.expires_at, step)


@dataclass(slots=True)
class Payload:
    """The fingerprint of what a vendor gets for an indicator, and the expiry that it gets."""

    content: str
    expires_at: Millis | None


def payload_of(indicator: Indicator, resolved: ResolvedTarget) -> Payload:
    """Return the payload of an indicator for a target."""
    if not resolved.detailed:
        return Payload(resolved.fingerprint, None)
    expiry = _sent_expiry(indicator, resolved)
    text = digest(resolved.fingerprint, indicator.severity, indicator.comments, str(expiry), *indicator.tags)
    return Payload(text, expiry)


def entry_of(
    indicator: Indicator,
    desired_entry: DesiredEntry,
    payload: Payload,
    reported_at: Millis,
    resend_at: Millis | None = None,
) -> Desired:
    """Return the record of a desired entry."""
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
            "expires_at": payload.expires_at,
            "sources": _in_order(desired_entry.sources),
            "sharings": _in_order(desired_entry.sharings),
            "content": payload.content,
            "reported_at": reported_at,
            "resend_at": resend_at,
            "released": False,
        }
    )


def _in_order(names: list[str]) -> tuple[str, ...]:
    """Return each name once, sorted. Most entries have one."""
    return tuple(names) if len(names) == 1 else tuple(sorted(set(names)))


def resend(
    indicator: Indicator,
    policy: CompiledPolicy,
    now: Millis,
    sharing: str | None,
    places: Container[str] | None = None,
) -> Iterator[Change]:
    """Yield the desired entries (of one sharing, or any) so that they are written again even if they are applied.

    `places` limits them to these targets, each `<destination>/<target id>`.
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
    """Return the change for an entry that is no longer desired: a withdrawal, or a release if its sharing ended so."""
    destination, _, target_id = key.partition("/")
    entry = None
    for route in policy.ended:
        resolved = route.resolved(indicator.type, indicator.severity)
        if route.source in indicator.sources and not isinstance(resolved, Unrepresentable) and resolved.key == key:
            desired_entry = DesiredEntry(resolved, list(indicator.sources), [route.sharing])
            payload = Payload("", _sent_expiry(indicator, resolved))
            entry = entry_of(indicator, desired_entry, payload, now).model_copy(update={"released": True})
    return Change(destination, entry_key(target_id, identity), entry)


def _stays(stays: Mapping[str, Stay], desired: Mapping[str, str], now: Millis) -> dict[str, Stay]:
    """Return since when, and until when, the indicator has been desired at each destination."""
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
