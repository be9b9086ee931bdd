"""Writes what is new or changed, up to 500 at a time, without touching what other people wrote.

Invariant: an entry goes out for the first time only after a look at what is there under its value, and a note in the
books. A look at the whole tenant serves for a while, so a long backlog costs a few calls of another quota in all.
"""

from collections.abc import Callable, Sequence
from typing import Final

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.types import Family
from services.push_defender import plan
from services.push_defender.accepting import Accepting
from services.push_defender.client import BATCH, FIND_CHARACTERS, FIND_MOST, DefenderClient
from services.push_defender.render import body, value_of
from services.push_defender.room import Room
from services.runtime.book import Book
from services.runtime.clock import now_ms
from services.runtime.converging import FOREVER
from services.runtime.halving import in_halves
from services.runtime.standing import Item, Outcome, Place
from services.runtime.vendors.defender import IMPORT
from services.runtime.vendors.errors import RefusedError

_LOOK_LASTS_S: Final = 60.0
_OF_SINGLE_ROWS: Final = frozenset({400, 413, 422})


class Putting:
    """Writes of one connection."""

    def __init__(
        self,
        book: Book,
        client: DefenderClient,
        room: Room,
        accepting: Accepting,
        *,
        owner: str,
        ioc_source: str,
        clock: Callable[[], float],
    ) -> None:
        self._book = book
        self._client = client
        self._room = room
        self._accepting = accepting
        self._owner = owner
        self._ioc_source = ioc_source
        self._clock = clock
        self._strangers: set[plan.Identity] = set()
        self._looked_at = -_LOOK_LASTS_S

    def unit(self) -> float:
        """Write one batch. See `Pusher.unit`."""
        standing = self._book.standing
        if self._room.left != 0:
            self._accepting.wake()
        choice = plan.choose(
            standing.places[Place.PUT],
            standing.places[Place.HELD],
            room=self._room.left,
            size=BATCH,
            now_ms=now_ms(),
            declined=self._accepting.why_not,
        )
        if choice.aside:
            self._book.record(choice.aside)
        if not choice.send:
            if choice.aside:
                return 0.0
            held = self._room.seconds_until_probe if standing.places[Place.HELD] else FOREVER
            return held if self._room.left == 0 else min(held, self._accepting.seconds_until_wake())
        wait = self._client.seconds_until_free(IMPORT)
        if wait > 0:
            return wait
        batch = self._without_strangers(choice.send)
        if batch:
            self._book.intend((item, None) for item in batch if item.remote_id is None)
            in_halves(batch, self._send, self._refused, self._untried, _OF_SINGLE_ROWS)
        return 0.0

    def _without_strangers(self, items: Sequence[Item]) -> Sequence[Item]:
        """Those that somebody else has not written already; the others count as there."""
        new = [item for item in items if item.remote_id is None]
        if not new:
            return items
        strangers = self._look(new)
        theirs = [item for item in new if plan.identity(item) in strangers]
        if not theirs:
            return items
        self._book.record([Outcome(item, AppliedState.APPLIED, None, plan.ALREADY_THERE) for item in theirs])
        return [item for item in items if item not in set(theirs)]

    def _look(self, new: Sequence[Item]) -> set[plan.Identity]:
        if self._clock() - self._looked_at < _LOOK_LASTS_S:
            return self._strangers
        values = [spelling for item in new for spelling in _spellings(item)]
        if len(values) <= FIND_MOST and all(len(value) <= FIND_CHARACTERS for value in values):
            return plan.foreign(self._client.find(values))
        self._strangers = plan.foreign(self._client.listing())
        self._looked_at = self._clock()
        return self._strangers

    def _send(self, items: Sequence[Item]) -> None:
        if self._room.is_full():
            # The tenant became full while this batch was being halved.
            held = [item for item in items if item.remote_id is None]
            self._book.record([Outcome(item, AppliedState.HELD, None, plan.CAPACITY) for item in held])
            items = [item for item in items if item.remote_id is not None]
        if not items:
            return
        new = {item for item in items if item.remote_id is None}
        bodies = [body(item, plan.action_of(item), self._ioc_source, self._owner) for item in items]
        outcomes = self._accepting.heed(plan.results(items, self._client.import_many(bodies)))
        self._book.record(outcomes)
        self._room.taken(sum(o.state is AppliedState.APPLIED and o.item in new for o in outcomes))
        if any(o.reason is plan.CAPACITY for o in outcomes):
            self._room.full()

    def _refused(self, item: Item, error: RefusedError) -> None:
        if plan.is_capacity(error.message):
            self._room.full()
            self._book.record([plan.no_room(item)])
        else:
            self._book.record(self._accepting.heed([plan.refused(item, error.message or error.text)]))

    def _untried(self, items: Sequence[Item], error: RefusedError) -> None:
        reason = Reason(code="batch_refused", detail=error.message or error.text)
        self._book.record([Outcome(item, AppliedState.FAILED, item.remote_id, reason) for item in items])


def _spellings(item: Item) -> tuple[str, ...]:
    """Hashes are kept as first submitted and compared in either case; whether a filter does so is unconfirmed."""
    value = value_of(item)
    return (value, value.upper()) if item.type.family is Family.HASH else (value,)
