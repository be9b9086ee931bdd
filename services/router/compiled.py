"""The policy in the form that evaluation needs: per source, where its indicators go. Made once per policy version."""

from dataclasses import dataclass
from hashlib import blake2b

from schemas.policy import Policy
from schemas.resources import Sharing
from schemas.targets import DefenderAction, Target


def digest(*parts: str) -> str:
    """A short fingerprint of what is said, the same in every process."""
    return blake2b("\x1f".join(parts).encode(), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class Route:
    """One sharing, ready to be followed. `key` names its target among all destinations."""

    sharing: str
    destination: str
    target: Target
    target_id: str
    key: str
    fingerprint: str
    detailed: bool
    """Whether the vendor is told more than the value, so that an edit of severity or comments matters there."""


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """Routes by source, and the policy version they come from."""

    routes: dict[str, tuple[Route, ...]]
    destinations: frozenset[str]
    version: int


def compile_policy(policy: Policy) -> CompiledPolicy:
    """Prepare a policy for evaluation."""
    routes = {source: tuple(map(_route, sharings)) for source, sharings in policy.sharings_by_source.items()}
    destinations = frozenset(route.destination for found in routes.values() for route in found)
    return CompiledPolicy(routes, destinations, policy.version)


def _route(sharing: Sharing) -> Route:
    spec = sharing.spec
    return Route(
        sharing=sharing.name,
        destination=spec.destination,
        target=spec.target,
        target_id=spec.target.id,
        key=f"{spec.destination}/{spec.target.id}",
        fingerprint=digest(spec.target.model_dump_json()),
        detailed=isinstance(spec.target, DefenderAction),
    )
