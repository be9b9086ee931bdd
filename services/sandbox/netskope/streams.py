"""The records of one iterator endpoint, in the order the tenant took them in.

Invariant: a record never changes its place; one that retention removed leaves a hole, so cursors stay right. Records
are kept as JSON: a page of ten thousand is joined, not encoded.
"""

from bisect import bisect_left
from collections.abc import Iterator


class Stream:
    """Append-only, apart from retention."""

    def __init__(self) -> None:
        self._bodies: list[bytes | None] = []
        self.stamps: list[int] = []
        self.inserted: list[int] = []
        self._high: list[int] = []

    def __len__(self) -> int:
        return len(self._bodies)

    def append(self, stamp: int, inserted: int, body: bytes) -> None:
        """Adds a record; `stamp` is when it happened and may lie before its forerunners: it came late."""
        self._bodies.append(body)
        self.stamps.append(stamp)
        self.inserted.append(inserted)
        self._high.append(max(stamp, self._high[-1]) if self._high else stamp)

    def place_of(self, stamp: int, start: int = 0) -> int:
        """The first place from `start` on that nothing of `stamp` or later precedes; late records come with it."""
        return bisect_left(self._high, stamp, lo=min(start, len(self._high)))

    def slice(self, start: int, end: int) -> list[bytes]:
        """The records still there between two places."""
        return [body for body in self._bodies[start:end] if body is not None]

    def rows(self) -> Iterator[tuple[int, int, bytes]]:
        """Every record still there: when it happened, when it was taken in, its JSON."""
        for stamp, inserted, body in zip(self.stamps, self.inserted, self._bodies, strict=True):
            if body is not None:
                yield stamp, inserted, body

    def expire(self, before: int | None) -> int:
        """Retention: removes the records that happened before a time (all without one); says how many."""
        gone = 0
        for place, body in enumerate(self._bodies):
            if body is not None and (before is None or self.stamps[place] < before):
                self._bodies[place] = None
                gone += 1
        return gone

    def held(self) -> int:
        """How many records are still there."""
        return sum(body is not None for body in self._bodies)
