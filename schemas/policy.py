"""All resources of one moment, and whether they fit together."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from schemas.resources import AnyResource, Connection, Rule, Sharing
from schemas.resources.rule import ALL, RULE_ALL
from schemas.targets import TARGETS_OF, Target


@dataclass(frozen=True, slots=True)
class Misfit:
    """A resource that does not fit the others: which one, at which field, and what to do."""

    kind: str
    name: str
    path: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Policy:
    """A consistent view of all resources. `version` is the offset after the last policy record read."""

    connections: dict[str, Connection] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=lambda: {ALL: RULE_ALL})
    sharings: dict[str, Sharing] = field(default_factory=dict)
    version: int = 0

    @classmethod
    def of(cls, resources: Iterable[AnyResource], version: int = 0) -> "Policy":
        """Gather resources into a policy."""
        policy = cls(version=version)
        for resource in resources:
            match resource:
                case Connection():
                    policy.connections[resource.name] = resource
                case Rule():
                    policy.rules[resource.name] = resource
                case Sharing():
                    policy.sharings[resource.name] = resource
        return policy

    @cached_property
    def sharings_by_source(self) -> dict[str, tuple[Sharing, ...]]:
        """The sharings that are in force, by source and in order of name. A misfit is not in force."""
        out = {(misfit.kind, misfit.name) for misfit in self.misfits()}
        found: dict[str, list[Sharing]] = defaultdict(list)
        for name, sharing in sorted(self.sharings.items()):
            if sharing.spec.enabled and ("Sharing", name) not in out:
                found[sharing.spec.source].append(sharing)
        return {source: tuple(sharings) for source, sharings in found.items()}

    def misfits(self) -> list[Misfit]:
        """Every reason why the resources do not fit together."""
        found = [misfit for _, sharing in sorted(self.sharings.items()) for misfit in self._misfits_of(sharing)]
        return found + self._disagreements()

    def _misfits_of(self, sharing: Sharing) -> list[Misfit]:
        spec, found = sharing.spec, list[Misfit]()

        def misfit(path: str, message: str) -> None:
            found.append(Misfit("Sharing", sharing.name, ("spec", path), message))

        for path, name in (("source", spec.source), ("destination", spec.destination)):
            if name not in self.connections:
                misfit(path, f"there is no Connection named {name}; apply it first or in the same file")
        if spec.rule not in self.rules:
            misfit("rule", f"there is no Rule named {spec.rule}; apply it first or in the same file")
        if spec.source == spec.destination:
            misfit("destination", f"{spec.destination} is also the source; a sharing goes from one tenant to another")
        if (source := self.connections.get(spec.source)) and not source.spec.polling:
            misfit("source", f"Connection {spec.source} has polling: false, so it never reports anything")
        if destination := self.connections.get(spec.destination):
            kinds = TARGETS_OF[destination.spec.type]
            if spec.target.kind not in kinds:
                allowed = " or ".join(kinds)
                misfit(
                    "target", f"{destination.spec.type} connections have no {spec.target.kind} target; use {allowed}"
                )
            elif spec.target.kind == "file-hash-list" and getattr(destination.spec, "v1_token", None) is None:
                misfit("target", f"a file-hash list needs the v1 token: set v1Token in Connection {spec.destination}")
        return found

    def _disagreements(self) -> list[Misfit]:
        """Sharings into one target must describe it alike: the first by name is believed."""
        first: dict[tuple[str, str], tuple[str, Target]] = {}
        found = []
        for name, sharing in sorted(self.sharings.items()):
            key = (sharing.spec.destination, sharing.spec.target.id)
            owner, target = first.setdefault(key, (name, sharing.spec.target))
            if target != sharing.spec.target:
                message = f"Sharing {owner} describes the same target differently; make the two alike"
                found.append(Misfit("Sharing", name, ("spec", "target"), message))
        return found
