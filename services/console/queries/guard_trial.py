"""Tests values against guards, without the router: which guard entries block a value, and which are close to it.

The guards are those of the stored policy or of the policy that files would make; the evaluator is the router's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from schemas.canonical import Refused, identify
from schemas.guard_explained import flawed_entries
from schemas.indicator import Indicator
from schemas.policy import Policy
from schemas.record import Millis
from services.console.manifests.documents import Document
from services.console.manifests.places import dotted
from services.console.manifests.validation import identify as identify_document
from services.console.resources.planning import NotFoundError
from services.guards.guard_set import Match, guard_set
from services.guards.nearest import nearest

ALL = "all"
_NO_SOURCE = "is false for an indicator without tags, sources and severity; use `explain` for a known indicator"


@dataclass(frozen=True, slots=True)
class EntryHit:
    """A guard entry that blocks a value (`reason` is the code), or that is close to it (`reason` is empty).

    `line` is its place in a given file; `connections` are those it blocks the value for.
    """

    guard: str
    field: str
    entry: str
    why: str
    reason: str = ""
    line: str = ""
    connections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GuardAnswer:
    """The guards' answer on one value. `kept_back`: from all, some or no connections; `error`: it is no indicator."""

    value: str
    indicator: str = ""
    kept_back: str = "no"
    by: tuple[EntryHit, ...] = ()
    nearest: tuple[EntryHit, ...] = ()
    error: str = ""


class GuardTrial:
    """The guards of a policy, for one connection or all, ready to test values."""

    def __init__(
        self, policy: Policy, now: Millis, connection: str | None = None, documents: Sequence[Document] = ()
    ) -> None:
        """Prepare the guards. `documents` give the lines of guard entries in files.

        Raises:
            NotFoundError: there is no such connection.

        """
        if connection is not None and connection not in policy.connections:
            raise NotFoundError(f"there is no Connection named {connection}")
        self._policy = policy
        self._now = now
        self._is_for_all = connection is None
        names = sorted(policy.connections) if connection is None else [connection]
        self._sets = {name: guard_set(policy.guards_of(name)) for name in names}
        if not self._sets:  # a policy without connections
            self._sets[ALL] = guard_set([guard for _, guard in sorted(policy.guards.items())])
        self._documents = {id_: one for one in documents if (id_ := identify_document(one)[0]) is not None}

    def ask(self, value: str) -> GuardAnswer:
        """The guards' answer on a value in any spelling."""
        try:
            found = identify(value)
        except Refused as error:
            return GuardAnswer(value, error=str(error))
        indicator = Indicator(type=found.type, value=found.value, sources={}, first_seen=self._now, last_seen=self._now)
        matches = {name: list(guards.matches(indicator)) for name, guards in self._sets.items()}
        blocked = [name for name, hits in matches.items() if hits]
        if not blocked:
            return GuardAnswer(value, found.id, nearest=tuple(self._nearest(indicator)))
        extent = "all" if len(blocked) == len(matches) else "some"
        near = () if extent == "all" else tuple(self._nearest(indicator))
        return GuardAnswer(value, found.id, extent, tuple(self._hits(matches)), near)

    def _hits(self, matches: Mapping[str, Sequence[Match]]) -> list[EntryHit]:
        by: dict[tuple[str, tuple[str | int, ...]], tuple[Match, list[str]]] = {}
        for name, hits in matches.items():
            for hit in hits:
                by.setdefault((hit.guard, hit.path), (hit, []))[1].append(name)
        return [
            EntryHit(
                hit.guard, dotted(hit.path), hit.entry, hit.why, hit.code, self._line(hit.guard, hit.path),
                (ALL,) if len(names) == len(matches) and self._is_for_all else tuple(names),
            )
            for hit, names in by.values()
        ]  # fmt: skip

    def _nearest(self, indicator: Indicator) -> list[EntryHit]:
        found: dict[tuple[str, str], EntryHit] = {}
        for guards in dict.fromkeys(self._sets.values()):
            if next(guards.matches(indicator), None) is not None:
                continue
            for near in nearest(guards, indicator):
                place = dotted(near.path)
                hit = EntryHit(near.guard, place, near.entry, near.why, line=self._line(near.guard, near.path))
                found.setdefault((near.guard, place), hit)
        for name, guard in sorted(self._policy.guards.items()):
            if guard.spec.connections and (hit_ := next(guard_set([guard]).matches(indicator), None)) is not None:
                where = ", ".join(guard.spec.connections)
                why = f"keeps it back ({hit_.why}), for {where} only"
                place = dotted(hit_.path)
                hit = EntryHit(name, place, hit_.entry, why, line=self._line(name, hit_.path))
                found.setdefault((name, place), hit)
            for number, text in enumerate(guard.spec.allow.cel):
                place = f"spec.allow.cel[{number}]"
                found.setdefault((name, place), EntryHit(name, place, text, _NO_SOURCE))
        return list(found.values())

    def _line(self, guard: str, path: tuple[str | int, ...]) -> str:
        document = self._documents.get(("Guard", guard))
        return "" if document is None else str(document.place(path))

    def answers(self, values: Sequence[str]) -> dict[str, Any]:
        """The answers to some values and the unread entries, as JSON has them."""
        return {
            "items": [asdict(self.ask(value)) for value in values],
            "unread": [asdict(entry) for entry in self.unread()],
        }

    def unread(self) -> list[EntryHit]:
        """Invalid entries of all guards: they block nothing."""
        guards = (guard for _, guard in sorted(self._policy.guards.items()))
        return [
            EntryHit(name, dotted(entry.place), entry.text, entry.flaw or "", line=self._line(name, entry.place))
            for name, entry in flawed_entries(guards)
        ]
