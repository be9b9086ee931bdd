"""The policy: all resources at one moment, and whether they fit together."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from schemas.resources import BUILT_IN, AnyResource, Connection, Guard, Merging, Reconciliation, Rule, Sharing, Verdict
from schemas.resources.merging import DEFAULT as MERGING
from schemas.targets import SharingTarget


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
    rules: dict[str, Rule] = field(default_factory=dict)
    sharings: dict[str, Sharing] = field(default_factory=dict)
    guards: dict[str, Guard] = field(default_factory=dict)
    mergings: dict[str, Merging] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    reconciliations: dict[str, Reconciliation] = field(default_factory=dict)
    version: int = 0

    @classmethod
    def of(cls, resources: Iterable[AnyResource], version: int = 0) -> "Policy":
        """A policy of these resources and the built-in ones."""
        policy = cls(version=version)
        for resource in (*BUILT_IN, *resources):
            policy._by_kind(resource)[resource.name] = resource
        return policy

    def _by_kind(self, resource: AnyResource) -> dict[str, AnyResource]:
        found: dict[type[AnyResource], Any] = {
            Connection: self.connections, Rule: self.rules, Sharing: self.sharings, Guard: self.guards,
            Merging: self.mergings, Verdict: self.verdicts, Reconciliation: self.reconciliations,
        }  # fmt: skip
        by_name: dict[str, AnyResource] = found[type(resource)]
        return by_name

    def __iter__(self) -> Iterator[AnyResource]:
        """Every resource, by kind and name."""
        kinds: tuple[Mapping[str, AnyResource], ...] = (
            self.connections, self.rules, self.sharings, self.guards, self.mergings, self.verdicts,
            self.reconciliations,
        )  # fmt: skip
        for by_name in kinds:
            yield from (by_name[name] for name in sorted(by_name))

    @property
    def merging(self) -> Merging:
        """How statements of several sources are merged."""
        return self.mergings.get(MERGING, Merging())

    @property
    def destinations(self) -> list[str]:
        """The sorted names of connections with a write side, whether or not anything is shared to them."""
        return [name for name, found in sorted(self.connections.items()) if found.vendor.targets]

    @cached_property
    def out_of_force(self) -> frozenset[str]:
        """The names of sharings that do not fit the other resources."""
        return frozenset(misfit.name for misfit in self.misfits() if misfit.kind == "Sharing")

    @cached_property
    def sharings_by_source(self) -> dict[str, tuple[Sharing, ...]]:
        """The sharings in force, by source and in order of name. Disabled, deleted and misfit ones are not in force."""
        found: dict[str, list[Sharing]] = defaultdict(list)
        for name, sharing in sorted(self.sharings.items()):
            if sharing.spec.enabled and sharing.metadata.ended is None and name not in self.out_of_force:
                found[sharing.spec.source].append(sharing)
        return {source: tuple(sharings) for source, sharings in found.items()}

    def guards_of(self, connection: str) -> list[Guard]:
        """The guards of a connection, in order of name."""
        return [
            guard for _, guard in sorted(self.guards.items())
            if not guard.spec.connections or connection in guard.spec.connections
        ]  # fmt: skip

    def misfits(self) -> list[Misfit]:
        """Every reason why the resources do not fit together."""
        found = [misfit for _, sharing in sorted(self.sharings.items()) for misfit in self._misfits_of(sharing)]
        found += [misfit for _, guard in sorted(self.guards.items()) for misfit in self._misfits_of_guard(guard)]
        found += [
            Misfit("Merging", name, ("metadata", "name"), f"there is one Merging only; call it {MERGING}")
            for name in self.mergings if name != MERGING
        ]  # fmt: skip
        return found + self._disagreements()

    def _misfits_of_guard(self, guard: Guard) -> list[Misfit]:
        return [
            Misfit(
                "Guard",
                guard.name,
                ("spec", "connections", str(number)),
                _unknown("Connection", name, self.connections),
            )
            for number, name in enumerate(guard.spec.connections)
            if name not in self.connections
        ]

    def _misfits_of(self, sharing: Sharing) -> list[Misfit]:
        spec, found = sharing.spec, list[Misfit]()

        def misfit(path: str, message: str) -> None:
            found.append(Misfit("Sharing", sharing.name, ("spec", path), message))

        for path, name in (("source", spec.source), ("destination", spec.destination)):
            if name not in self.connections:
                misfit(path, _unknown("Connection", name, self.connections))
        if spec.rule not in self.rules:
            misfit("rule", _unknown("Rule", spec.rule, self.rules))
        if spec.source == spec.destination:
            misfit("destination", f"{spec.destination} is also the source; a sharing goes from one tenant to another")
        if (source := self.connections.get(spec.source)) and not source.spec.is_source:
            misfit("source", f"Connection {spec.source} has polling: false, so it never reports anything")
        if destination := self.connections.get(spec.destination):
            found += self._misfits_of_target(sharing, destination)
        return found

    @staticmethod
    def _misfits_of_target(sharing: Sharing, destination: Connection) -> list[Misfit]:
        kind, vendor = sharing.spec.target.kind, destination.vendor
        kinds = vendor.target_kinds
        if not kinds:
            path, why = "destination", f"connections of type {vendor.name} have no write side; they can only be sources"
        elif kind not in kinds:
            path, why = "target", f"{vendor.name} connections have no {kind} target; use {' or '.join(kinds)}"
        elif missing := destination.spec.lacks(kind):
            path, why = "target", f"{missing} in Connection {destination.name}"
        else:
            return []
        return [Misfit("Sharing", sharing.name, ("spec", path), why)]

    def _disagreements(self) -> list[Misfit]:
        """Sharings that describe one list differently from the first by name, and targets that share a list."""
        first: dict[tuple[str, str], tuple[str, SharingTarget]] = {}
        of: dict[tuple[str, str], tuple[str, str]] = {}
        found = []
        for name, sharing in sorted(self.sharings.items()):
            spec = sharing.spec
            if not spec.target.is_shared:
                continue
            owner, target = first.setdefault((spec.destination, spec.target.id), (name, spec.target))
            if target != spec.target:
                message = f"Sharing {owner} describes the same target differently; make the two alike"
                found.append(Misfit("Sharing", name, ("spec", "target"), message))
                continue
            for list_name in target.containers:
                other, target_id = of.setdefault((spec.destination, list_name), (name, target.id))
                if target_id != target.id:
                    message = f"the list {list_name!r} is one of Sharing {other}'s target, too; name another one"
                    found.append(Misfit("Sharing", name, ("spec", "target"), message))
        return found


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]}? Else " if near else ""
    return f"there is no {kind} named {name}; {meant}apply it first or in the same file"
