"""The policy in the form that evaluation needs: per source, where its indicators go. Made once per policy version.

Mutes end by themselves: `next_change` says when, and the policy is then to be compiled again for the moment.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b

from schemas.moment import from_datetime
from schemas.policy import Policy
from schemas.predicates import Predicates
from schemas.resources import Connection, Reconciliation, Sharing, Verdict, encode_resource
from schemas.resources.merging import MergingSpec
from schemas.targets import SharingTarget, Target, Unrepresentable
from schemas.types import IndicatorType, Severity
from services.guards.guard_set import GuardSet, guard_data, guard_set
from services.router.evaluation.combine import SourceTerms


def digest(*parts: str) -> str:
    """A short fingerprint of what is said, the same in every process."""
    return blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """One concrete target at one destination. `key` names it among all destinations."""

    destination: str
    target: Target
    target_id: str
    key: str
    fingerprint: str
    detailed: bool
    """Whether the vendor is told more than the value, so that an edit of severity or comments matters there."""
    expires: bool
    """Whether the vendor is told when the indicator expires."""
    untold: str
    """What the pusher must know of the target and the vendor is not told: an edit of it is no reason for a call."""


@dataclass(slots=True)
class Route:
    """One sharing, ready to be followed. `since` is the earliest last seen that it shares, if any is too early."""

    sharing: str
    source: str
    rule: str
    destination: str
    target: SharingTarget
    created: int
    since: int | None
    _spots: dict[tuple[IndicatorType, Severity], ResolvedTarget | Unrepresentable] = field(default_factory=dict)

    def resolved(self, type_: IndicatorType, severity: Severity) -> ResolvedTarget | Unrepresentable:
        """Where an indicator goes, or why it cannot."""
        found = self._spots.get((type_, severity))
        if found is None:
            target = self.target.resolve(type_, severity)
            found = target if isinstance(target, Unrepresentable) else _spot(self.destination, target)
            self._spots[type_, severity] = found
        return found

    def is_too_old(self, observed_at: int, last_seen: int) -> bool:
        """Whether the sharing leaves out what its source said before it was made."""
        return self.since is not None and observed_at < self.created and last_seen < self.since


def _spot(destination: str, target: Target) -> ResolvedTarget:
    _ = target.wire  # it goes into every entry
    return ResolvedTarget(
        destination=destination,
        target=target,
        target_id=target.id,
        key=f"{destination}/{target.id}",
        fingerprint=digest(target.content()),
        detailed=target.sends_metadata,
        expires=target.sends_expiry,
        untold=digest(target.model_dump_json(include=set(target.unsent))),
    )


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """Routes by source, and everything else that evaluation asks for. Times are milliseconds since the epoch.

    `rules` are by source, too: of an indicator nothing is asked that no sharing of its sources depends on.
    `ended` are the routes of sharings deleted with keep: what they wanted is released, not withdrawn. `meaning` is a
    fingerprint of all that evaluation depends on: where it is the same, nothing needs to be evaluated again.
    """

    policy: Policy
    routes: dict[str, tuple[Route, ...]]
    ended: tuple[Route, ...]
    rules: dict[str, Predicates]
    terms: dict[str, SourceTerms]
    merging: MergingSpec
    guards: dict[str, GuardSet]
    version: int
    meaning: str
    next_change: int | None

    @property
    def destinations(self) -> frozenset[str]:
        """Every destination that something may be written for."""
        routes = [*self.ended, *(route for found in self.routes.values() for route in found)]
        return frozenset(route.destination for route in routes)


def compile_policy(policy: Policy, now: int) -> CompiledPolicy:
    """Prepare a policy for evaluation at a moment."""
    routes = {source: tuple(map(_route, sharings)) for source, sharings in policy.sharings_by_source.items()}
    ended = tuple(_route(sharing) for _, sharing in sorted(policy.sharings.items()) if sharing.metadata.ended)
    used = {source: tuple(sorted({route.rule for route in found})) for source, found in routes.items()}
    asked = {names: Predicates({name: policy.rules[name] for name in names}, now) for names in set(used.values())}
    mutes = [rule.spec.mute.until for rule in policy.rules.values() if rule.spec.mute and rule.spec.mute.until]
    ends = [from_datetime(until) for until in mutes]
    return CompiledPolicy(
        policy=policy,
        routes=routes,
        ended=ended,
        rules={source: asked[names] for source, names in used.items()},
        terms={name: SourceTerms.of(connection) for name, connection in policy.connections.items()},
        merging=policy.merging.spec,
        guards={name: guard_set(policy.guards_of(name)) for name in policy.connections},
        version=policy.version,
        meaning=_meaning(policy, max((end for end in ends if end <= now), default=0)),
        next_change=min((end for end in ends if end > now), default=None),
    )


def _meaning(policy: Policy, last_change: int) -> str:
    terms = [f"{name} {SourceTerms.of(connection)}" for name, connection in sorted(policy.connections.items())]
    passing = Connection | Verdict | Reconciliation
    other = [encode_resource(found).decode() for found in policy if not isinstance(found, passing)]
    return digest(str(last_change), guard_data(), *sorted(policy.out_of_force), *terms, *other)


def _route(sharing: Sharing) -> Route:
    spec, created = sharing.spec, sharing.metadata.created or 0
    since: int | None = None
    if isinstance(spec.backfill, timedelta):
        since = created - int(spec.backfill.total_seconds() * 1000)
    elif spec.backfill == "none":
        since = created
    return Route(sharing.name, spec.source, spec.rule, spec.destination, spec.target, created, since)
