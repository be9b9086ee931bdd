"""Now and then compares the whole tenant with what we know of it, and puts right what differs.

What others deleted of ours is written again, rows we know nothing of but bear our own mark are deleted. Too many of
those at once rather mean that what we know was lost: then nothing is deleted, and a person is asked. Where the
connection says to report only, both are told and left as they are.
"""

from collections.abc import Callable, Mapping
from typing import Final

from schemas.activity import ActivityItem, Level
from schemas.resources.connection import Reconcile
from services.push_defender import plan
from services.push_defender.client import BATCH, DefenderClient
from services.runtime.book import Book
from services.runtime.chunks import chunks
from services.runtime.converging import FOREVER
from services.runtime.metrics import DRIFT
from services.runtime.standing import Place
from services.runtime.vendors.errors import NotFoundError

_STRAY_MOST: Final = 20
_STRAY_SHARE: Final = 0.1


class Reconciling:
    """Comparisons of one connection."""

    def __init__(
        self, book: Book, client: DefenderClient, owner: str, how: Reconcile, clock: Callable[[], float]
    ) -> None:
        self._book = book
        self._client = client
        self._owner = owner
        self._every_s = how.interval.total_seconds()
        self._repairs = how.mode == "repair"
        self._clock = clock
        self._due = clock()

    def hurry(self) -> None:
        """Compare as soon as nothing else is to be done."""
        self._due = self._clock()

    def unit(self) -> float:
        """Compare, when it is time and nothing else is to be done. See `Pusher.unit`."""
        standing = self._book.standing
        if (wait := self._due - self._clock()) > 0:
            return wait
        if standing.places[Place.PUT] or standing.places[Place.WITHDRAW]:
            return FOREVER  # there is a unit after those
        items = list(standing)
        rows = self._client.listing() if items else []
        self._due = self._clock() + self._every_s
        if not items:
            self._answer("nothing is known to be there, so there was nothing to compare", {})
            return self._every_s
        drift = plan.compare(items, rows, self._owner)
        self._book.record(drift.found)
        if self._repairs:
            for item in drift.lost:
                standing.lost(item)
        self._tell_lost(drift)
        if drift.stray:
            self._remove(drift.stray, len(items))
        counts = {"lost": len(drift.lost), "stray": len(drift.stray)}
        text = f"compared {len(items)} entries with {len(rows)} rows of the tenant"
        self._answer(f"{text}: {counts['lost']} lost, {counts['stray']} stray", counts)
        return 0.0

    def _answer(self, text: str, counts: Mapping[str, int]) -> None:
        if asked := self._book.asked:
            self._book.answer(asked, text, counts)

    def _tell_lost(self, drift: plan.Drift) -> None:
        if drift.lost:
            items = [
                ActivityItem(subject=item.indicator_id, reason="lost", detail=item.target_id) for item in drift.lost
            ]
            DRIFT.labels(self._book.connection.name, "lost").inc(len(items))
            what = "they are written again" if self._repairs else "they are left so, as spec.reconcile says"
            text = f"{len(items)} had been deleted by someone else; {what}"
            self._book.activity.tell(Level.WARNING, "drift", text, connection=self._book.connection.name, items=items)

    def _remove(self, stray: list[str], known: int) -> None:
        name = self._book.connection.name
        items = [ActivityItem(subject=row_id, reason="stray") for row_id in stray]
        if len(stray) > max(_STRAY_MOST, known * _STRAY_SHARE):
            DRIFT.labels(name, "strays_kept").inc(len(stray))
            text = f"{len(stray)} indicators bear the mark of this connection, but nothing is known of them"
            remedy = (
                "if the topics were lost, delete those rows by hand or let them expire; nothing is deleted by itself"
            )
            self._book.activity.tell(Level.ERROR, "many_strays", text, connection=name, remedy=remedy, items=items)
            return
        if not self._repairs:
            text = f"{len(stray)} indicators of ours that nothing asks for are left, as spec.reconcile says"
            self._book.activity.tell(Level.WARNING, "strays", text, connection=name, items=items)
            return
        for part in chunks(stray, BATCH):
            try:
                self._client.delete_many(part)
            except NotFoundError:
                continue  # the next look will tell
        DRIFT.labels(name, "stray").inc(len(stray))
        text = f"{len(stray)} indicators of ours that nothing asks for were deleted"
        self._book.activity.tell(Level.WARNING, "strays", text, connection=name, items=items)
