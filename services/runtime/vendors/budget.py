"""Budgets: the vendor's quotas, counted on our side. Each bucket has several windows at once.

The vendor counts calls when they arrive, we when they leave, and calls may take different times. So each window here is
longer than the vendor's by 2 s, or by a quarter of the window if that is less.

All connections of one app and tenant in a process share a budget; a new pusher process also counts what the former one
spent (`spending`). Processes that call the same tenant find out about each other by the vendor's 429.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from services.runtime.observability.metrics import BUDGET_LEFT, BUDGET_LIMIT, BUDGET_WAIT_SECONDS
from services.runtime.vendors.errors import StoppedError, ThrottledError

MARGIN_S = 2.0
MARGIN_SHARE = 0.25
_SLICE_S = 5.0


@dataclass(frozen=True, slots=True)
class Window:
    """A vendor's quota: at most `calls` calls in any `seconds` seconds."""

    calls: int
    seconds: float

    @property
    def kept_s(self) -> float:
        """The length of the window on our side, seconds."""
        return self.seconds + min(MARGIN_S, self.seconds * MARGIN_SHARE)


Quotas = Mapping[str, Sequence[Window]]
"""Windows by bucket."""


class Budget:
    """The quotas of one app in one tenant. Safe to use from several threads.

    A bucket named `kind:part` has the windows of `kind` and its own count.
    """

    def __init__(self, quotas: Quotas, clock: Callable[[], float] = time.monotonic) -> None:
        self._quotas = dict(quotas)
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: defaultdict[str, deque[float]] = defaultdict(deque)
        """When calls left, by bucket, in order, for as long as the longest window is kept."""
        self._closed_until: dict[str, float] = {}
        self._shown: set[tuple[str, str]] = set()
        """Connections and buckets whose gauges `show` updates."""

    def acquire(
        self,
        bucket: str,
        stop: threading.Event,
        *,
        connection: str,
        route: str,
        patience_s: float | None = None,
        check: Callable[[], None] | None = None,
    ) -> None:
        """Take one call out of the bucket, after a wait of at most `patience_s` seconds if there is none left.

        `check` is called every few seconds of a wait; what it raises ends it.

        Raises:
            KeyError: no such bucket.
            StoppedError: `stop` was set while waiting.
            ThrottledError: the wait would be longer than the patience; nothing was taken.

        """
        waited = 0.0
        while wait := self._take(bucket):
            if patience_s is not None and waited + wait > patience_s:
                text = f"own quota {bucket} is used up for {wait:.0f} s; calls go on by themselves then"
                raise ThrottledError(connection, route, text, retry_after=wait)
            began = time.monotonic()
            stopped = stop.wait(min(wait, _SLICE_S))
            spent = time.monotonic() - began
            waited += spent
            BUDGET_WAIT_SECONDS.labels(connection, bucket).inc(spent)
            if stopped:
                raise StoppedError(f"stopped while waiting for quota {bucket}")
            if check:
                check()
        self._shown.add((connection, bucket))
        BUDGET_WAIT_SECONDS.labels(connection, bucket)
        for window in self._windows(bucket):
            BUDGET_LIMIT.labels(connection, bucket, f"{window.seconds:g}").set(window.calls)
        self._show(connection, bucket)

    def show(self) -> None:
        """Update the gauges: calls become free with time, even without a call."""
        for connection, bucket in self._shown.copy():
            self._show(connection, bucket)

    def forget(self, connection: str) -> None:
        """Stop showing a connection that this process no longer works for."""
        self._shown = {found for found in self._shown if found[0] != connection}

    def _show(self, connection: str, bucket: str) -> None:
        closed = self._closed_for(bucket) > 0
        for window, left in self._each_left(bucket).items():
            BUDGET_LEFT.labels(connection, bucket, f"{window.seconds:g}").set(0 if closed else left)

    def left(self, bucket: str) -> int:
        """Return how many calls may leave now without waiting. Raises KeyError."""
        if self._closed_for(bucket) > 0:
            return 0
        return min(self._each_left(bucket).values())

    def seconds_until_free(self, bucket: str) -> float:
        """Return the seconds until one call may leave; 0 if one may now. Raises KeyError."""
        with self._lock:
            return self._wait(bucket)

    def spent(self, bucket: str, calls: int, ago_s: float) -> None:
        """Count calls that another process made `ago_s` seconds ago. Raises KeyError."""
        with self._lock:
            left_at = [self._clock() - ago_s] * calls
            self._calls[bucket] = deque(sorted([*self._counted(bucket), *left_at]))

    def penalise(self, bucket: str, seconds: float) -> None:
        """Close the bucket for `seconds`, as the vendor requests."""
        with self._lock:
            until = self._clock() + seconds
            self._closed_until[bucket] = max(until, self._closed_until.get(bucket, until))

    def _take(self, bucket: str) -> float:
        """Take one call and return 0, or return the seconds to wait before trying again."""
        with self._lock:
            if wait := self._wait(bucket):
                return wait
            self._counted(bucket).append(self._clock())
            return 0.0

    def _counted(self, bucket: str) -> deque[float]:
        """When the calls left that count in some window still. Raises KeyError."""
        since = self._clock() - max(window.kept_s for window in self._windows(bucket))
        calls = self._calls[bucket]
        while calls and calls[0] <= since:
            calls.popleft()
        return calls

    def _wait(self, bucket: str) -> float:
        """Seconds until one call may leave. A window is full while its earliest call that counts is within it."""
        now, calls = self._clock(), self._calls[bucket]
        waits = [
            calls[-window.calls] + window.kept_s - now for window in self._windows(bucket) if len(calls) >= window.calls
        ]
        wait = max(waits, default=0.0)
        # A millisecond more, since sums of floats are rounded: after the wait there is room.
        return max(wait + 0.001 if wait > 0 else 0.0, self._closed_for(bucket))

    def _each_left(self, bucket: str) -> dict[Window, int]:
        with self._lock:
            now, calls = self._clock(), list(self._calls[bucket])
        return {
            window: max(0, window.calls - sum(left_at > now - window.kept_s for left_at in calls))
            for window in self._windows(bucket)
        }

    def _closed_for(self, bucket: str) -> float:
        return max(0.0, self._closed_until.get(bucket, 0.0) - self._clock())

    def _windows(self, bucket: str) -> Sequence[Window]:
        return self._quotas[bucket.partition(":")[0]]


_shared: dict[tuple[str, ...], Budget] = {}
_shared_lock = threading.Lock()


def shared_budget(kind: str, tenant: str, app: str, quotas: Quotas, *, url: str = "") -> Budget:
    """Return this process's budget for an app in a tenant. The first call sets its quotas.

    `url` is set for an API that is not at the vendor's own host: another server counts separately.
    """
    with _shared_lock:
        return _shared.setdefault((kind, url, tenant.lower(), app.lower()), Budget(quotas))


def show_budgets() -> None:
    """Update the gauges of all budgets of this process."""
    for budget in list(_shared.values()):
        budget.show()


def forget_budgets(connection: str) -> None:
    """Stop showing a connection in all budgets."""
    for budget in list(_shared.values()):
        budget.forget(connection)
