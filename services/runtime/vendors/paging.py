"""Reading a listing that is paged by position, while others add to it and delete from it.

Invariant: no row that was there all the time is missing. A deletion moves what follows to the front, so that a row can
slip from a page still to be read into one already read; every page therefore begins with the last row known, and where
that is not there any more, reading starts over. Pages are read until one brings nothing new, so more rows than a page
holds, added in front between two reads, would end it early.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from services.runtime.vendors.errors import BrokenAnswerError

_ROUNDS: Final = 5

T = TypeVar("T")


def whole_listing(
    read: Callable[[int], Sequence[T]], key: Callable[[T], str], *, connection: str, route: str
) -> list[T]:
    """All rows, each once. `read` gets how many rows to skip; a page may be shorter than asked for, or the last.

    Raises:
        BrokenAnswerError: rows vanished whenever it was read.
        VendorError: whatever `read` raises.

    """
    for _ in range(_ROUNDS):
        rows: dict[str, T] = {}
        while True:
            found = read(max(0, len(rows) - 1))
            if rows and not (found and key(found[0]) in rows):
                break
            before = len(rows)
            rows.update((key(row), row) for row in found)
            if len(rows) == before:
                return list(rows.values())
    text = f"rows vanished while the listing was read, {_ROUNDS} times in a row"
    raise BrokenAnswerError(connection, route, text, kind="unexpected")
