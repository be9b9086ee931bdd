"""Measures the seconds from a change at one tenant to its effect at another, for the demo and the benchmarks.

Both ends are looked at from outside: the clock starts before the change is made at a tenant, and stops when a look at
the other tenant's own state shows the effect. So it includes waiting for the next poll, and the time between looks.
"""

import math
import time
from collections.abc import Collection, Hashable, Mapping
from typing import Any, NamedTuple


class Effect(NamedTuple):
    """What is to be seen: an entry that is `there`, or is no longer, at a place."""

    place: Hashable
    entry: Hashable
    there: bool = True


class Stopwatch:
    """Measures changes by the way they go, such as `Defender to Netskope`."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        """What was measured, by way."""
        self._waiting: dict[Effect, tuple[str, float]] = {}

    @property
    def waiting(self) -> Collection[Effect]:
        """What has not been seen yet."""
        return self._waiting.keys()

    def began(self, way: str, effect: Effect, at: float) -> None:
        """A change was begun at this moment (`time.monotonic`). The opposite effect, if still awaited, is given up."""
        self._waiting.pop(effect._replace(there=not effect.there), None)
        self._waiting[effect] = (way, at)

    def look(self, truth: Mapping[Any, Collection[Any]]) -> None:
        """Note what is to be seen now. `truth`: the entries of each place."""
        now = time.monotonic()
        seen = [effect for effect in self._waiting if (effect.entry in truth.get(effect.place, ())) == effect.there]
        for effect in seen:
            way, began = self._waiting.pop(effect)
            self.seconds.setdefault(way, []).append(now - began)


def quantile(values: Collection[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
