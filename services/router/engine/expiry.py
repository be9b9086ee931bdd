"""When indicators of a partition expire, or may be forgotten: so that both happen on time, without a new event.

Invariant: for every key that was scheduled, an alarm rings no later than its latest moment. One may ring too early,
where the moment was moved back since; whoever hears it looks, and schedules again.
"""

import heapq
from collections.abc import Iterator


class Alarms:
    """Moments (milliseconds since the epoch) by key. Used by one task."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, bytes]] = []
        self._next: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._next)

    def schedule(self, key: bytes, at: int | None) -> None:
        """Ring for a key at a moment, or not at all. A later moment than the one known costs nothing until then."""
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
        """The first moment that something may be due."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def due(self, now: int, most: int) -> Iterator[bytes]:
        """Keys whose moment has come, at most so many; each is scheduled no more."""
        while most > 0 and (at := self.first) is not None and at <= now:
            _, key = heapq.heappop(self._heap)
            del self._next[key]
            most -= 1
            yield key

    def _drop_stale(self) -> None:
        while self._heap and self._next.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
