"""Compares what the model expects not to be shared with what the services count: nothing is dropped in silence.

A skip is counted when it first happens and never taken back, so it is gathered over all worlds; a rejection stands for
as long as the entry is wanted, so the last world tells.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from schemas.desired import AppliedState
from services.sandbox.demo.counters import ServiceCounters
from services.sandbox.demo.expect import REJECTED, Expected, Place, refused
from services.sandbox.demo.world import World

EXPLAINED = frozenset({"ours"})
"""Reasons whose count depends on the time of polls, so the model expects none."""


class Line(NamedTuple):
    """How often something was not shared: as the model expects, and as services count it."""

    connection: str
    reason: str
    foreseen: int | None
    told: int
    example: str = ""


class Account:
    """Follows the worlds of a run."""

    def __init__(self) -> None:
        self._skipped: dict[tuple[str, str], set[tuple[Place | None, str]]] = {}
        self._foreseen: Mapping[Place, Expected] = {}

    def follow(self, world: World, foreseen: Mapping[Place, Expected]) -> None:
        """Add the expectations of the model for a world."""
        self._foreseen = foreseen
        for place, expected in foreseen.items():
            for reason, ids in expected.skipped.items():
                self._skipped.setdefault((place.destination, reason), set()).update((place, one) for one in ids)
        for (source, reason), values in refused(world).items():
            self._skipped.setdefault((source, reason), set()).update((None, one) for one in values)

    def lines(self, told: ServiceCounters) -> list[Line]:
        """Return everything that was not shared, expected or not."""
        skips = told.skipped()
        found = []
        for connection, reason in sorted(self._skipped.keys() | skips.keys()):
            ids = self._skipped.get((connection, reason), set())
            foreseen = None if reason in EXPLAINED else len(ids)
            example = min((one for _, one in ids), default="")
            found.append(Line(connection, reason, foreseen, skips[connection, reason], example))
        return found + self._entries(told)

    def _entries(self, told: ServiceCounters) -> list[Line]:
        """Return desired entries that are not applied: rejected, held or failed. Only rejections are ever expected."""
        wanted: dict[str, set[str]] = {}
        for place, expected in self._foreseen.items():
            wanted.setdefault(place.destination, set()).update(expected.rejected_keys())
        found = []
        for destination, entries in told.unapplied.items():
            by_reason = Counter(reason for state, reason, _ in entries.values() if state is not AppliedState.SKIPPED)
            for reason in sorted(by_reason.keys() | ({REJECTED} if wanted.get(destination) else set())):
                foreseen = len(wanted.get(destination, ())) if reason == REJECTED else 0
                detail = next((text for _, code, text in entries.values() if code == reason), "")
                found.append(Line(destination, reason, foreseen, by_reason[reason], detail))
        return found


def agrees(lines: list[Line]) -> bool:
    """Whether services count what the model expects."""
    return all(line.foreseen in (None, line.told) for line in lines)
