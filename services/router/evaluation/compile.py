"""The compiled policy: for each source, where its indicators go. Made once per policy version.

Mutes end by themselves, so a compiled policy is valid until `next_change`.
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
    """Return a short fingerprint of texts, the same in every process."""
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
    """Whether the vendor gets metadata, so that an edit of severity or comments changes the payload."""
    expires: bool
    """Whether the vendor gets the expiry of the indicator."""
    unsent: str
    """Fingerprint of the fields that only the pusher reads: editing them changes the entry, not the payload."""


@dataclass(slots=True)
class Route:
    """One compiled sharing. `since` is the earliest last seen that its backfill shares; None: any."""

    sharing: str
    source: str
    rule: str
    destination: str
    target: SharingTarget
    created: int
    since: int | None
    _known: dict[tuple[IndicatorType, Severity], ResolvedTarget | Unrepresentable] = field(default_factory=dict)

    def resolved(self, type_: IndicatorType, severity: Severity) -> ResolvedTarget | Unrepresentable:
        """Return the target of an indicator, or why there is none."""
        found = self._known.get((type_, severity))
        if found is None:
            target = self.target.resolve(type_, severity)
            found = target if isinstance(target, Unrepresentable) else _resolved(self.destination, target)
            self._known[type_, severity] = found
        return found

    def is_too_old(self, observed_at: int, last_seen: int) -> bool:
        """Whether the backfill of the sharing leaves out a statement from before the sharing was created."""
        return self.since is not None and observed_at < self.created and last_seen < self.since


def _resolved(destination: str, target: Target) -> ResolvedTarget:
    _ = target.wire  # computes the encoded form once, since it goes into every entry
    return ResolvedTarget(
        destination=destination,
        target=target,
        target_id=target.id,
        key=f"{destination}/{target.id}",
        fingerprint=digest(target.content()),
        detailed=target.sends_metadata,
        expires=target.sends_expiry,
        unsent=digest(target.model_dump_json(include=set(target.unsent))),
    )


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """Routes by source, and all else that evaluation needs. Times are milliseconds since the epoch.

    `rules` holds, by source, the rules that sharings of the source use. `ended` are the routes of sharings that were
    deleted with keep: their entries are released, not withdrawn. `meaning` is a fingerprint of all that evaluation
    depends on: as long as it is the same, nothing needs to be evaluated again.
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
        """All destinations that may get entries."""
        routes = [*self.ended, *(route for found in self.routes.values() for route in found)]
        return frozenset(route.destination for route in routes)


def compile_policy(policy: Policy, now: int) -> CompiledPolicy:
    """Compile a policy for evaluation at `now`."""
    routes = {source: tuple(map(_route, sharings)) for source, sharings in policy.sharings_by_source.items()}
    ended = tuple(_route(sharing) for _, sharing in sorted(policy.sharings.items()) if sharing.metadata.ended)
    used = {source: tuple(sorted({route.rule for route in found})) for source, found in routes.items()}
    predicates = {names: Predicates({name: policy.rules[name] for name in names}, now) for names in set(used.values())}
    mutes = [rule.spec.mute.until for rule in policy.rules.values() if rule.spec.mute and rule.spec.mute.until]
    ends = [from_datetime(until) for until in mutes]
    return CompiledPolicy(
        policy=policy,
        routes=routes,
        ended=ended,
        rules={source: predicates[names] for source, names in used.items()},
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
