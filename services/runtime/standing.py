"""How a destination stands: for every entry what is desired and what is known to be there, hence what is left to do.

Invariant: an entry is in exactly one place, decided by `place_of` alone, so nothing is forgotten and nothing done
twice. Pure: no clock, no I/O; used by one thread. About 550 bytes an entry (measured by tests/unit/test_standing.py).
"""

import heapq
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from schemas.desired import Applied, AppliedState, Desired, split_key
from schemas.targets import Target
from services.runtime.item import (
    ID_UNKNOWN,
    RELEASED,
    UNCERTAIN,
    UNCONFIRMED,
    Item,
    Kept,
    Outcome,
    Place,
    place_of,
)

__all__ = ["ID_UNKNOWN", "UNCONFIRMED", "Changes", "Item", "Outcome", "Place", "Standing", "Tally"]

Changes = dict[Item, str | None]
"""Entries that changed, each with the remote id that it had before."""


@dataclass(slots=True)
class Tally:
    """Entries of one target: those `there` (but for those confirmed to go), and those to leave or come unconfirmed."""

    there: int = 0
    leaving: int = 0
    coming: int = 0


class Standing:
    """All entries of one destination. `detailed` keeps comments and tags, for vendors that are told them."""

    def __init__(self, *, detailed: bool) -> None:
        self.targets: dict[str, Target] = {}
        """The latest by id: what a list is made by. An entry has its own in `Item.target`."""
        self.items: dict[str, dict[str, Item]] = {}
        self.places: dict[Place, dict[Item, None]] = {place: {} for place in Place if place is not Place.SETTLED}
        self.states: Counter[str] = Counter()
        """Entries by state, and how many are `desired`."""
        self.tallies: dict[str, Tally] = {}
        self._distinct: dict[Target, Target] = {}
        self._kept: dict[str, Kept] = {}
        self._detailed = detailed
        self._alarms: list[tuple[float, int, Item]] = []
        self._serial = count()
        self._watched: dict[str, Changes] = {}

    def __iter__(self) -> Iterator[Item]:
        for items in self.items.values():
            yield from items.values()

    @property
    def pending(self) -> int:
        """Entries with work left to do."""
        return sum(len(self.places[place]) for place in (Place.PUT, Place.WITHDRAW, Place.WAITING))

    def watch(self, target_id: str) -> Changes:
        """Note from now on which entries of a target change: in what is returned, to be emptied by who reads it."""
        self._watched[target_id] = changes = Changes()
        return changes

    def unwatch(self, target_id: str) -> None:
        """Note nothing any more, and forget what was noted."""
        self._watched.pop(target_id, None)

    def desire(self, key: str, desired: Desired | None) -> None:
        """Take in the latest desired record of a key; None is a tombstone."""
        item = self._find(key, create=desired is not None)
        if item is None:
            return
        self._lift(item)
        if desired is None or desired.content != item.wanted or _is_later(desired.resend_at, item.resend_at):
            item.attempts, item.retry_at, item.form = 0, 0.0, None
        if desired is None:
            item.wanted = None
        elif desired.released:
            item.wanted, item.released = None, True
        else:
            # What was released is ours again when it has been written, not before.
            item.wanted, item.released = sys.intern(desired.content), item.because == RELEASED.code
            if _is_later(desired.resend_at, item.resend_at):
                item.resend_at = desired.resend_at
            item.severity, item.expires_at = desired.severity, desired.expires_at
            item.reported_at, item.reputation = desired.reported_at, desired.reputation
            if self._detailed:
                item.comments, item.tags = sys.intern(desired.comments), desired.tags
            item.target = self._learn(item.target_id, desired.target)
        self._put_down(item)

    def know(self, key: str, applied: Applied | None) -> None:
        """Take in what the applied topic says of a key, before what is desired."""
        item = self._find(key, create=applied is not None)
        if item is None:
            return
        self._lift(item)
        if applied is None:
            item.state, item.remote_id, item.reason, item.content, item.uncertain = None, None, None, "", False
            item.at, item.since, item.confirmed = 0, None, None
        else:
            item.state, item.remote_id, item.reason = applied.state, applied.remote_id, applied.reason
            item.content, item.reported_at = sys.intern(applied.content), applied.reported_at
            item.uncertain = applied.reason is not None and applied.reason.code in UNCERTAIN
            item.attempts = applied.attempts
            item.at, item.since, item.confirmed = applied.at, applied.since, applied.confirmed
            item.released = applied.reason is not None and applied.reason.code == RELEASED.code
            item.target = self._learn(item.target_id, applied.target)
        self._put_down(item)

    def record(self, outcome: Outcome, at: int) -> Applied | None:
        """The record of an outcome; None is a tombstone."""
        item, state = outcome.item, outcome.state
        if state is None:
            return None
        at = max(at, item.resend_at or 0)
        sent = outcome.reason is not None and outcome.reason.code == UNCONFIRMED
        return Applied(
            state=state,
            target=item.target or self.targets[item.target_id],
            type=item.type,
            value=item.value,
            content="" if sent else self._spoken_of(item),
            remote_id=outcome.remote_id,
            reason=outcome.reason,
            reported_at=item.reported_at,
            at=at,
            attempts=item.attempts + 1,
            since=outcome.since(at),
            confirmed=outcome.confirmed,
        )

    def settle(self, outcome: Outcome, retry_at: float = 0.0, at: int = 0) -> None:
        """Take in what became of an entry, and when. `retry_at` is when a failed one shall be tried again."""
        item = outcome.item
        at = max(at, item.resend_at or 0)  # the clock of whoever asked for another write may be ahead
        self._lift(item)
        item.since, item.confirmed, item.at = outcome.since(at), outcome.confirmed, at
        item.content = "" if outcome.state is None else self._spoken_of(item)
        item.state, item.remote_id, item.reason = outcome.state, outcome.remote_id, outcome.reason
        item.uncertain = outcome.reason is not None and outcome.reason.code in UNCERTAIN
        failed = outcome.state is AppliedState.FAILED
        item.attempts = item.attempts + 1 if failed else 0
        item.retry_at = retry_at if failed else 0.0
        item.released = item.released and item.wanted is None
        self._put_down(item)

    def sent(self, item: Item, remote_id: str | None, at: int = 0) -> None:
        """The entry is about to be written: from now on it may be there."""
        self._lift(item)
        item.since = item.since if item.present else at
        item.released = False
        item.uncertain = True
        item.remote_id = remote_id
        self._put_down(item)

    def lost(self, item: Item) -> None:
        """The entry was found to be gone from the vendor: it is to be written again."""
        self._lift(item)
        item.remote_id, item.content, item.uncertain = None, "", False
        self._put_down(item)

    def keep(self, target_id: str, kept: Kept) -> None:
        """Keep back what a guard says of a target, also of what is still to come, and nothing else."""
        if self._kept.get(target_id, Kept.NOTHING) is kept:
            return
        self._kept[target_id] = kept
        for item in list(self.items.get(target_id, {}).values()):
            self._lift(item)
            self._put_down(item)

    def confirm(self, item: Item) -> None:
        """Let through what is to be done with an entry now, whatever a guard says."""
        self._lift(item)
        item.confirmed = item.wanted or ""
        self._put_down(item)

    def wake(self, now: float) -> float:
        """Let the failed whose time has come be tried again. Returns when the next one's comes (inf: none waits)."""
        while self._alarms:
            at, _, item = self._alarms[0]
            current = item.place is Place.WAITING and item.retry_at == at
            if current and at > now:
                return at
            heapq.heappop(self._alarms)
            if current:
                self._lift(item)
                item.retry_at = 0.0
                self._put_down(item)
        return float("inf")

    @staticmethod
    def _spoken_of(item: Item) -> str:
        return item.content if item.wanted is None else item.wanted

    def _find(self, key: str, *, create: bool) -> Item | None:
        target_id, indicator_id = split_key(key)
        items = self.items.get(target_id)
        item = items.get(indicator_id) if items else None
        if item is None and create:
            target_id = sys.intern(target_id)
            item = Item(target_id, indicator_id)
            self.items.setdefault(target_id, {})[indicator_id] = item
        return item

    def _learn(self, target_id: str, target: Target) -> Target:
        """The one copy of a target; it is the latest of its id from now on."""
        latest = self.targets.get(target_id)
        if latest == target:
            return latest
        self.targets[target_id] = found = self._distinct.setdefault(target, target)
        return found

    def _lift(self, item: Item) -> None:
        changes = self._watched.get(item.target_id)
        if changes is not None:
            changes.setdefault(item, item.remote_id)
        if item.place is None:
            return
        if item.place is not Place.SETTLED:
            del self.places[item.place][item]
        self._count(item, -1)
        item.place = None

    def _put_down(self, item: Item) -> None:
        place = place_of(item, self._kept.get(item.target_id, Kept.NOTHING))
        if place is None:
            del self.items[item.target_id][item.indicator_id]
            return
        item.place = place
        if place is not Place.SETTLED:
            self.places[place][item] = None
        if place is Place.WAITING:
            heapq.heappush(self._alarms, (item.retry_at, next(self._serial), item))
        self._count(item, 1)

    def _count(self, item: Item, step: int) -> None:
        if item.wanted is not None:
            self.states["desired"] += step
        if item.state is not None:
            self.states[item.state] += step
        tally = self.tallies.get(item.target_id)
        if tally is None:
            tally = self.tallies[item.target_id] = Tally()
        if item.leaving:
            if not item.let_through:
                tally.leaving += step
                tally.there += step
        elif item.present:
            if not item.released:
                tally.there += step
        elif item.place in _COMING and item.new and not item.let_through:
            tally.coming += step


_COMING = frozenset({Place.PUT, Place.GUARDED, Place.WAITING})


def _is_later(asked: int | None, before: int | None) -> bool:
    return asked is not None and asked > (before or 0)
