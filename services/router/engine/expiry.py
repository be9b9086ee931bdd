"""Alarms for indicators that expire or may be forgotten without a new report.

Invariant: a scheduled key is due no later than its latest time. It may be due too early if its time has moved back; the
caller then schedules it again.
"""

import heapq
from collections.abc import Iterator


class Alarms:
    """Times (milliseconds since the epoch) by key. Used by one task."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, bytes]] = []
        self._next: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._next)

    def schedule(self, key: bytes, at: int | None) -> None:
        """Make a key due at `at`, or never if None. Moving a time back costs nothing until the earlier time."""
        known = self._next.get(key)
        if at is None:
            self._next.pop(key, None)
        elif known is None or at < known:
            self._next[key] = at
            heapq.heappush(self._heap, (at, key))
            if len(self._heap) > 2 * len(self._next) + 1_000:
                self._heap = [(moment, name) for name, moment in self._next.items()]
                heapq.heapify(self._heap)

    @property
    def first(self) -> int | None:
        """The earliest time at which a key may be due, or None."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def due(self, now: int, most: int) -> Iterator[bytes]:
        """Yield at most `most` due keys and remove them."""
        while most > 0 and (at := self.first) is not None and at <= now:
            _, key = heapq.heappop(self._heap)
            del self._next[key]
            most -= 1
            yield key

    def _drop_stale(self) -> None:
        while self._heap and self._next.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
