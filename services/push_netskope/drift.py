"""What others took out: told and counted, and written again unless the connection says otherwise."""

from collections.abc import Container, Iterable

from schemas.activity import ActivityItem, Level
from services.runtime.book import Book
from services.runtime.metrics import DRIFT
from services.runtime.standing import Item, Place


def note_lost(book: Book, items: Iterable[Item], present: Container[str], *, repairs: bool) -> bool:
    """Tell what is in the books and not in `present`. Returns whether there was any."""
    lost = [
        item
        for item in items
        if item.place is Place.SETTLED and item.remote_id is not None and item.remote_id not in present
    ]
    if not lost:
        return False
    if repairs:
        for item in lost:
            book.standing.lost(item)
    told = [ActivityItem(subject=item.indicator_id, reason="lost", detail=item.target_id) for item in lost]
    DRIFT.labels(book.connection.name, "lost").inc(len(lost))
    what = "they are written again" if repairs else "they are left so until the next write"
    text = f"{len(lost)} had been taken out by someone else; {what}"
    book.activity.tell(Level.WARNING, "drift", text, connection=book.connection.name, items=told)
    return True
