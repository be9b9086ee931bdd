"""Call quotas: several sliding windows at once per bucket.

A call is admitted only when every window of its bucket has room. A refused call consumes nothing, so calling again
before the announced wait is over is refused again, and every refusal is counted: a client that never exceeded its
quota leaves no refusals.

Small enough to be our own: the limiter library the services use paces callers and sleeps, while a server needs
the wait, the remainder and the refusals under a clock that tests advance.
"""

import bisect
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.sandbox.tenant.clock import TenantClock


@dataclass(frozen=True)
class Limit:
    """At most `calls` calls in any `seconds` seconds."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class Decision:
    """The answer for one call. `limit` and `remaining` speak of the tightest window."""

    allowed: bool
    wait: float
    """Seconds until a call would be admitted (0 when this one was)."""
    remaining: int
    limit: int
    reset: float
    """Seconds until the tightest window has room for one more call than now."""

    @property
    def retry_after(self) -> int:
        """Whole seconds for a `Retry-After` header: waiting that long is always enough."""
        return max(1, math.ceil(self.wait))


class Windows:
    """Counts calls per (bucket, key); `key` separates callers or cursors that share a bucket's limits."""

    def __init__(self, limits: Mapping[str, Sequence[Limit]], clock: TenantClock) -> None:
        self.limits = dict(limits)
        self.refusals: Counter[str] = Counter()
        self.admitted: Counter[str] = Counter()
        self._clock = clock
        self._calls: defaultdict[tuple[str, str], list[float]] = defaultdict(list)

    def configure(self, limits: Mapping[str, Sequence[Limit]]) -> None:
        """Replace the limits; calls made so far still count."""
        self.limits = dict(limits)

    def take(self, bucket: str, key: str = "") -> Decision:
        """Admit or refuse one call now. Raises KeyError for an unknown bucket."""
        limits = self.limits[bucket]
        now = self._clock.time()
        calls = self._calls[bucket, key]
        horizon = max((limit.seconds for limit in limits), default=0.0)
        del calls[: bisect.bisect_right(calls, now - horizon)]
        wait = max((_wait(calls, limit, now) for limit in limits), default=0.0)
        if wait > 0:
            self.refusals[bucket] += 1
        else:
            calls.append(now)
            self.admitted[bucket] += 1
        return _decision(calls, limits, now, wait)

    def reset(self) -> None:
        """Forget all calls and refusals."""
        self._calls.clear()
        self.refusals.clear()
        self.admitted.clear()


def _within(calls: list[float], limit: Limit, now: float) -> int:
    return len(calls) - bisect.bisect_right(calls, now - limit.seconds)


def _wait(calls: list[float], limit: Limit, now: float) -> float:
    if _within(calls, limit, now) < limit.calls:
        return 0.0
    if limit.calls == 0:
        return limit.seconds
    return calls[-limit.calls] + limit.seconds - now


def _decision(calls: list[float], limits: Sequence[Limit], now: float, wait: float) -> Decision:
    if not limits:
        return Decision(allowed=True, wait=0.0, remaining=0, limit=0, reset=0.0)
    tightest = min(limits, key=lambda limit: limit.calls - _within(calls, limit, now))
    used = _within(calls, tightest, now)
    reset = calls[-used] + tightest.seconds - now if used else 0.0
    remaining = max(0, tightest.calls - used)
    return Decision(allowed=wait == 0, wait=wait, remaining=remaining, limit=tightest.calls, reset=reset)
