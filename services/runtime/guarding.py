"""Keeps back what would change too much of a target at once, until a person confirms it or it is no longer so.

Invariant: what is kept back follows from what is desired, what is there, the guards and the verdicts of this moment.
Updates in place always go on, and so does the other direction. What a person let through is marked entry by entry, so
it is finished even when the verdict has run out by then; whatever comes up later is judged anew.

An addition is abnormal only where enough has been there for a while (`FRESH_MS`): an empty target is filled with any
number of entries, in as many pieces as it takes.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from schemas.activity import ActivityItem
from schemas.desired import AppliedState
from schemas.hold import HoldKind
from schemas.policy import Policy
from services.runtime.book import Book
from services.runtime.clock import now_ms
from services.runtime.holds import CONFIRMED, RECOVERED, Finding, Holds, verdict_on
from services.runtime.item import GUARD_SHRINK, GUARD_SURGE, Item, Kept, Outcome, Place
from services.runtime.limits import TargetLimits, exceeded, surging, target_limits
from services.runtime.pusher import Pusher

FRESH_MS: Final = 60 * 60 * 1000
"""How long an entry counts as having just come."""

_PENDING: Final = (Place.PUT, Place.WITHDRAW, Place.GUARDED, Place.WAITING)
_SHRINK: Final = HoldKind.TARGET_WOULD_SHRINK
_SURGE: Final = HoldKind.TARGET_WOULD_SURGE
_KEPT: Final = {_SHRINK: Kept.WITHDRAWALS, _SURGE: Kept.ADDITIONS}


class PolicyView(Protocol):
    """Where the policy of this moment is found."""

    @property
    def view(self) -> Policy:
        """A consistent view of it."""


class Guarding:
    """The guard of one destination's targets, in front of the vendor's part, which it takes over and closes."""

    def __init__(self, book: Book, holds: Holds, policy: PolicyView, pusher: Pusher) -> None:
        self._book = book
        self._holds = holds
        self._policy = policy
        self._pusher = pusher

    def unit(self) -> float:
        """Set records right, decide what is kept back, then do a unit of the rest. See `Pusher`."""
        self._book.tidy()
        self.look()
        return self._pusher.unit()

    def close(self) -> None:
        """Close the vendor's part."""
        self._pusher.close()

    def look(self) -> None:
        """Decide for every target what is kept back, publish that, and let go what is not kept back any more.

        Raises:
            StoppedError, LeaseLostError, LedgerError: as the book does; the next look decides the same.

        """
        policy, now, name = self._policy.view, now_ms(), self._book.connection.name
        limits = target_limits(policy, name)
        kept = dict.fromkeys(self._book.standing.tallies, Kept.NOTHING)
        confirmed = set()
        for target_id in list(kept):
            for finding in self._found(target_id, limits, now):
                word = verdict_on(policy, name, target_id, finding.kind, now)
                if word == "confirm":
                    self._book.confirm(list(self._pending(finding)))
                    confirmed.add((target_id, finding.kind))
                else:
                    kept[target_id] |= _KEPT[finding.kind]
                    self._holds.keep(finding, self._sample(finding), word)
        for target_id, what in kept.items():
            self._book.standing.keep(target_id, what)
        self._book.remark(list(self._unmarked()))
        for hold in self._holds.open:
            if _KEPT[hold.kind] not in kept.get(hold.subject, Kept.NOTHING):
                is_confirmed = (hold.subject, hold.kind) in confirmed
                self._holds.over(hold.kind, hold.subject, CONFIRMED if is_confirmed else RECOVERED)

    def _found(self, target_id: str, limits: TargetLimits, now: int) -> Iterator[Finding]:
        tally = self._book.standing.tallies[target_id]
        there = self._holds.base(_SHRINK, target_id, tally.there)
        if (limit := exceeded(limits.shrink, tally.leaving, there)) is not None:
            yield Finding(_SHRINK, target_id, tally.leaving, there, limit)
        if any(tally.coming >= limit.at_least and tally.there >= limit.at_least for limit in limits.surge):
            there = self._holds.base(_SURGE, target_id, self._settled(target_id, now))
            if (limit := surging(limits.surge, tally.coming, there)) is not None:
                yield Finding(_SURGE, target_id, tally.coming, there, limit)

    def _settled(self, target_id: str, now: int) -> int:
        """How many have been there for a while."""
        items = self._book.standing.items[target_id].values()
        return sum(item.present and not item.released and (item.since or 0) <= now - FRESH_MS for item in items)

    def _pending(self, finding: Finding) -> Iterator[Item]:
        """What would leave, or come, and was not let through."""
        leaving = finding.kind is _SHRINK
        for place in _PENDING:
            for item in self._book.standing.places[place]:
                concerned = item.leaving if leaving else item.new
                if concerned and item.target_id == finding.subject and not item.let_through:
                    yield item

    def _sample(self, finding: Finding) -> Iterator[ActivityItem]:
        reason = GUARD_SHRINK if finding.kind is _SHRINK else GUARD_SURGE
        return (ActivityItem(subject=item.indicator_id, reason=reason.code) for item in self._pending(finding))

    def _unmarked(self) -> Iterator[Outcome]:
        """What the record of an entry that is kept back should say, where it does not yet.

        An entry of which more is known (it may be there, an edit of it was rejected) keeps the record that says so.
        """
        for item in self._book.standing.places[Place.GUARDED]:
            if item.new:
                if item.because != GUARD_SURGE.code or item.content != item.wanted:
                    yield Outcome(item, AppliedState.HELD, None, GUARD_SURGE)
            elif item.state is AppliedState.APPLIED and item.reason is None and not item.uncertain:
                yield Outcome(item, AppliedState.APPLIED, item.remote_id, GUARD_SHRINK)
