"""Reading a listing that is paged by position, while others add to it and delete from it.

Invariant: no row that was there all the time is missing. A deletion moves what follows to the front, so that a row can
slip from a page still to be read into one already read; every page therefore begins with the last row known, and where
that is not there any more, reading starts over. Pages are read until one brings nothing new, so more rows than a page
holds, added in front between two reads, would end it early.

A server that does not skip answers every page with its first. If that page ends with a link to the next one, the links
are followed instead, round after round, until one round brings nothing new. Where it is full and has no link, the
listing cannot be read whole, which is an error: what is taken for whole decides what has vanished.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from services.runtime.vendors.errors import BrokenAnswerError

_ROUNDS: Final = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One answer. `more`: the link to what follows, as the server says it; empty where it says nothing."""

    rows: Sequence[T]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """How a listing is read. `read` gets how many rows to skip, `follow` a link; a page may be shorter than asked for.

    `key` tells rows apart. `top` is how many rows a page is asked for. Both calls raise VendorError.
    """

    connection: str
    route: str
    read: Callable[[int], Page[T]]
    follow: Callable[[str], Page[T]]
    key: Callable[[T], str]
    top: int

    def whole(self) -> list[T]:
        """All rows, each once.

        Raises:
            BrokenAnswerError: rows vanished whenever it was read, or it cannot be read whole.
            VendorError: whatever the calls raise.

        """
        for _ in range(_ROUNDS):
            rows: dict[str, T] = {}
            while True:
                page = self.read(max(0, len(rows) - 1))
                if rows and not (page.rows and self.key(page.rows[0]) in rows):
                    break
                if not self._take(rows, page):
                    return list(self._ended(rows, page).values())
        raise self._broken(f"rows vanished while the listing was read, {_ROUNDS} times in a row")

    def _take(self, rows: dict[str, T], page: Page[T]) -> bool:
        """Take in a page. Returns whether it brought anything new."""
        before = len(rows)
        rows.update((self.key(row), row) for row in page.rows)
        return len(rows) > before

    def _ended(self, rows: dict[str, T], page: Page[T]) -> dict[str, T]:
        """The rows, after a page that brought nothing new: the last one, or the first one once more."""
        if page.more:
            return self._followed(rows)
        if len(page.rows) >= self.top:
            raise self._broken("the server does not skip rows, and says no link to the next page")
        return rows

    def _followed(self, rows: dict[str, T]) -> dict[str, T]:
        for _ in range(_ROUNDS):
            if not self._round(rows):
                return rows
        raise self._broken(f"each of {_ROUNDS} readings of the listing brought other rows")

    def _round(self, rows: dict[str, T]) -> bool:
        """Follow the links once, from the first page to the last. Returns whether that brought anything new."""
        page, links = self.read(0), set[str]()
        news = self._take(rows, page)
        while page.more:
            if page.more in links:
                raise self._broken("the links from page to page lead in a circle")
            links.add(page.more)
            page = self.follow(page.more)
            news = self._take(rows, page) or news
        return news

    def _broken(self, text: str) -> BrokenAnswerError:
        return BrokenAnswerError(self.connection, self.route, text, kind="unexpected")
