"""Bounds on waiting that scale with the machine: a second counts in full only while the machine is free.

A fixed bound of 60 s says "broken" on a machine that has eight other programs to run, where all is well and slow. What
waits for something waits for the event or for progress; a `Patience` decides when it has waited long enough.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

MOST = 20.0
"""A machine is never taken to be slower than this, so that every wait ends."""
_LOAD = Path("/proc/loadavg")
_SPIN = 20_000
"""Steps of the calibrated loop: about a millisecond on a free core."""


def slowness() -> float:
    """How many times slower this machine is now than a free one: at least 1, at most `MOST`.

    It is the largest of three figures: tasks that want to run for each core, now; the same over the last minute; and
    wall time over CPU time of a short loop, which a container that has used up its share of CPU shows alone.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanting = [os.getloadavg()[0], _runnable()]
    return min(MOST, max(1.0, max(wanting) / cores, _stretch()))


def _runnable() -> float:
    """Tasks that run or want to run now, this one not counted. 0 where the kernel does not say."""
    try:
        running, _, _ = _LOAD.read_text("ascii").split()[3].partition("/")
    except (OSError, IndexError):
        return 0.0
    return float(running) - 1


def _stretch() -> float:
    wall, cpu = time.perf_counter(), time.thread_time()
    for _ in range(_SPIN):
        pass
    spent = time.thread_time() - cpu
    return (time.perf_counter() - wall) / spent if spent > 0 else 1.0


class Patience:
    """A bound of so many seconds of a free machine. Ask `is_over` at least every few seconds; one thread uses it."""

    def __init__(
        self,
        seconds: float,
        *,
        slowness: Callable[[], float] = slowness,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self._slowness = slowness
        self._clock = clock
        self._left = seconds
        self._looked_at = self._began = clock()

    @property
    def waited(self) -> float:
        """Seconds by the clock since it began."""
        return self._clock() - self._began

    def is_over(self) -> bool:
        """Count the time since the last look by how slow the machine is now; whether none is left."""
        now = self._clock()
        if now > self._looked_at:
            self._left -= (now - self._looked_at) / self._slowness()
            self._looked_at = now
        return self._left <= 0

    def renew(self) -> None:
        """Restart the bound, because there was progress."""
        self._left = self.seconds
        self._looked_at = self._clock()
