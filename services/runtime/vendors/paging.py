"""Reads a listing that is paged by position while others add and delete rows.

Invariant: no row is missing that was present all the time. A deletion moves later rows forward, so that one could slip
into a page already read. Each page therefore begins with the last known row; if that row is gone, reading starts over.
Reading ends with a page without new rows, so it ends early if more than a page of rows is added in front at once.

A server that ignores the position answers each request with its first page. Then links to the next page are followed,
in rounds until one brings nothing new. A full page without a link is an error, because rows that are missing from the
listing count as withdrawn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from services.runtime.vendors.errors import BrokenAnswerError

_ROUNDS: Final = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page. `more`: the server's link to the next page, or ""."""

    rows: Sequence[T]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A listing and how to read it.

    `read` takes the number of rows to skip, `follow` a link; both return a page, which may be short, and raise
    VendorError. `key` identifies a row. `top` is the requested size of a page.
    """

    connection: str
    route: str
    read: Callable[[int], Page[T]]
    follow: Callable[[str], Page[T]]
    key: Callable[[T], str]
    top: int

    def whole(self) -> list[T]:
        """Return all rows, each once.

        Raises:
            BrokenAnswerError: rows vanished in every try, or the listing cannot be read completely.
            VendorError: as the calls.

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
        """Add the rows of a page. Returns whether any is new."""
        before = len(rows)
        rows.update((self.key(row), row) for row in page.rows)
        return len(rows) > before

    def _ended(self, rows: dict[str, T], page: Page[T]) -> dict[str, T]:
        """Return all rows, after a page without new ones: the last page, or the first one once more."""
        if page.more:
            return self._followed(rows)
        if len(page.rows) >= self.top:
            raise self._broken("the server does not skip rows and gives no link to the next page")
        return rows

    def _followed(self, rows: dict[str, T]) -> dict[str, T]:
        for _ in range(_ROUNDS):
            if not self._round(rows):
                return rows
        raise self._broken(f"each of {_ROUNDS} readings of the listing brought other rows")

    def _round(self, rows: dict[str, T]) -> bool:
        """Follow the links once, from the first page to the last. Returns whether that brought new rows."""
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
