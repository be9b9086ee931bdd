"""How a destination stands: for every entry what is desired and what is known to be there, hence what is left to do.

Invariant: an entry is in exactly one place, decided by `_place_of` alone, so nothing is forgotten and nothing done
twice. Pure: no clock, no I/O; used by one thread. About 700 bytes an entry (measured by tests/unit/test_standing.py).
"""

import heapq
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from schemas.desired import Applied, AppliedState, Desired, entry_key, split_key
from schemas.record import Reason
from schemas.targets import Target
from schemas.types import IndicatorType, Severity

UNCONFIRMED = "unconfirmed"
"""Reason code of an entry that was sent and whose outcome is not known (yet): it may be there."""
ID_UNKNOWN = "id_unknown"
"""Reason code of an entry that is there under an id the vendor did not tell."""
_UNCERTAIN = frozenset({UNCONFIRMED, ID_UNKNOWN})


class Place(StrEnum):
    """Where an entry stands between what is desired and what is there."""

    PUT = "put"
    """To be written: new, changed, or due to be tried again."""
    WITHDRAW = "withdraw"
    """No longer desired, and there (or perhaps there)."""
    FORGET = "forget"
    """No longer desired and not there: only its record is left to be removed."""
    HELD = "held"
    """Kept back until there is room."""
    WAITING = "waiting"
    """Failed; to be tried again at its time."""
    SETTLED = "settled"
    """Nothing to do until its desired content changes."""


class Item:
    """One entry. `wanted` is the desired content or None; `content` is the one that `state` speaks of.

    `remote_id` names the entry at the vendor if we put it there; `form` is for the pusher to cache how the vendor
    writes it. Compared by identity.
    """

    __slots__ = (
        "attempts", "comments", "content", "expires_at", "form", "indicator_id", "place", "reason", "remote_id",
        "reported_at", "retry_at", "severity", "state", "tags", "target_id", "uncertain", "wanted",
    )  # fmt: skip

    def __init__(self, target_id: str, indicator_id: str) -> None:
        self.target_id = target_id
        self.indicator_id = indicator_id
        self.wanted: str | None = None
        self.severity = Severity.UNKNOWN
        self.comments = ""
        self.tags: tuple[str, ...] = ()
        self.expires_at: int | None = None
        self.reported_at = 0
        self.state: AppliedState | None = None
        self.content = ""
        self.remote_id: str | None = None
        self.reason: Reason | None = None
        self.uncertain = False
        self.attempts = 0
        self.retry_at = 0.0
        self.form: str | Reason | None = None
        self.place: Place | None = None

    @property
    def key(self) -> str:
        """Its key in the topics."""
        return entry_key(self.target_id, self.indicator_id)

    @property
    def type(self) -> IndicatorType:
        """The indicator's type."""
        return IndicatorType(self.indicator_id.partition(":")[0])

    @property
    def value(self) -> str:
        """The indicator's canonical value."""
        return self.indicator_id.partition(":")[2]

    @property
    def present(self) -> bool:
        """Whether we put it there, or may have."""
        return self.remote_id is not None or self.uncertain

    @property
    def out_of_the_way(self) -> bool:
        """Whether its desired content is one that the vendor or the target will not take."""
        return self.content == self.wanted and self.state in (AppliedState.REJECTED, AppliedState.SKIPPED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an entry. `state` None: it is not there any more. `remote_id` is as the entry's after it."""

    item: Item
    state: AppliedState | None
    remote_id: str | None = None
    reason: Reason | None = None


class Standing:
    """All entries of one destination. `detailed` keeps comments and tags, for vendors that are told them."""

    def __init__(self, *, detailed: bool) -> None:
        self.targets: dict[str, Target] = {}
        self.items: dict[str, dict[str, Item]] = {}
        self.places: dict[Place, dict[Item, None]] = {place: {} for place in Place if place is not Place.SETTLED}
        self.states: Counter[str] = Counter()
        """Entries by state, and how many are `desired`."""
        self._detailed = detailed
        self._alarms: list[tuple[float, int, Item]] = []
        self._serial = count()

    def __iter__(self) -> Iterator[Item]:
        for items in self.items.values():
            yield from items.values()

    @property
    def pending(self) -> int:
        """Entries with work left to do."""
        return sum(len(self.places[place]) for place in (Place.PUT, Place.WITHDRAW, Place.WAITING))

    def desire(self, key: str, desired: Desired | None) -> None:
        """Take in the latest desired record of a key; None is a tombstone."""
        item = self._find(key, create=desired is not None)
        if item is None:
            return
        self._lift(item)
        if desired is None or desired.content != item.wanted:
            item.attempts, item.retry_at, item.form = 0, 0.0, None
        if desired is None:
            item.wanted = None
        else:
            item.wanted = sys.intern(desired.content)
            item.severity, item.expires_at = desired.severity, desired.expires_at
            item.reported_at = desired.reported_at
            if self._detailed:
                item.comments, item.tags = sys.intern(desired.comments), desired.tags
            self._learn(item.target_id, desired.target)
        self._put_down(item)

    def know(self, key: str, applied: Applied | None) -> None:
        """Take in what the applied topic says of a key, before what is desired."""
        item = self._find(key, create=applied is not None)
        if item is None:
            return
        self._lift(item)
        if applied is None:
            item.state, item.remote_id, item.reason, item.content, item.uncertain = None, None, None, "", False
        else:
            item.state, item.remote_id, item.reason = applied.state, applied.remote_id, applied.reason
            item.content, item.reported_at = sys.intern(applied.content), applied.reported_at
            item.uncertain = applied.reason is not None and applied.reason.code in _UNCERTAIN
            item.attempts = applied.attempts
            self._learn(item.target_id, applied.target)
        self._put_down(item)

    def record(self, outcome: Outcome, at: int) -> Applied | None:
        """The record of an outcome; None is a tombstone."""
        item, state = outcome.item, outcome.state
        if state is None:
            return None
        sent = outcome.reason is not None and outcome.reason.code == UNCONFIRMED
        return Applied(
            state=state,
            target=self.targets[item.target_id],
            type=item.type,
            value=item.value,
            content="" if sent else self._spoken_of(item),
            remote_id=outcome.remote_id,
            reason=outcome.reason,
            reported_at=item.reported_at,
            at=at,
            attempts=item.attempts + 1,
        )

    def settle(self, outcome: Outcome, retry_at: float = 0.0) -> None:
        """Take in what became of an entry. `retry_at` is when a failed one shall be tried again."""
        item = outcome.item
        self._lift(item)
        item.content = "" if outcome.state is None else self._spoken_of(item)
        item.state, item.remote_id, item.reason = outcome.state, outcome.remote_id, outcome.reason
        item.uncertain = outcome.reason is not None and outcome.reason.code in _UNCERTAIN
        failed = outcome.state is AppliedState.FAILED
        item.attempts = item.attempts + 1 if failed else 0
        item.retry_at = retry_at if failed else 0.0
        self._put_down(item)

    def sent(self, item: Item, remote_id: str | None) -> None:
        """The entry is about to be written: from now on it may be there."""
        self._lift(item)
        item.uncertain = True
        item.remote_id = remote_id
        self._put_down(item)

    def lost(self, item: Item) -> None:
        """The entry was found to be gone from the vendor: it is to be written again."""
        self._lift(item)
        item.remote_id, item.content, item.uncertain = None, "", False
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

    def _learn(self, target_id: str, target: Target) -> None:
        if self.targets.get(target_id) != target:
            self.targets[target_id] = target

    def _lift(self, item: Item) -> None:
        if item.place is None:
            return
        if item.place is not Place.SETTLED:
            del self.places[item.place][item]
        self._count(item, -1)
        item.place = None

    def _put_down(self, item: Item) -> None:
        place = _place_of(item)
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


def _place_of(item: Item) -> Place | None:
    """None: there is nothing left to know of it."""
    if item.retry_at:
        return Place.WAITING
    if item.wanted is None:
        if item.present:
            return Place.WITHDRAW
        return None if item.state is None else Place.FORGET
    if item.wanted != item.content or item.state is None or item.state is AppliedState.FAILED:
        return Place.PUT
    return Place.HELD if item.state is AppliedState.HELD else Place.SETTLED
