"""Quotas kept on our side: several windows at once per bucket, shared by all connections of one app and tenant.

The vendor counts calls as they arrive, we as they leave. A first call that took long to arrive and a later one that
was quick are closer together there than here, so every window is kept longer than the vendor's by a margin: 2 s, or a
quarter of the window where that is less. Within a window calls may leave in one burst.

Shared within a process; a new pusher process also counts what the former one spent (spending.py).
Services that call the same tenant from different processes learn of each other from the vendor's 429, which makes all
sharers wait.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pyrate_limiter import Decision, InMemoryBucket, Rate, RateItem

from services.runtime.observability.metrics import BUDGET_LEFT, BUDGET_LIMIT, BUDGET_WAIT_SECONDS
from services.runtime.vendors.errors import StoppedError, ThrottledError

MARGIN_S = 2.0
MARGIN_SHARE = 0.25
_SLICE_S = 5.0


@dataclass(frozen=True, slots=True)
class Window:
    """At most `calls` calls in any `seconds` seconds, as the vendor states it."""

    calls: int
    seconds: float

    @property
    def kept_s(self) -> float:
        """How long the window is kept on our side, seconds."""
        return self.seconds + min(MARGIN_S, self.seconds * MARGIN_SHARE)


Quotas = Mapping[str, Sequence[Window]]
"""Windows by bucket."""


class Budget:
    """The quotas of one app in one tenant. Safe to use from several threads.

    A bucket named `kind:part` has the windows of `kind` and a count of its own.
    """

    def __init__(self, quotas: Quotas, clock: Callable[[], float] = time.monotonic) -> None:
        self._quotas = dict(quotas)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, InMemoryBucket] = {}
        self._closed_until: dict[str, float] = {}
        self._shown: set[tuple[str, str]] = set()
        """Connections and buckets whose gauges are kept up to date."""

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
        """Take one call out of the bucket; wait for it if need be, for `patience_s` seconds at most.

        `check` is called every few seconds of a wait; what it raises ends it.

        Raises:
            KeyError: no such bucket.
            StoppedError: `stop` was set while waiting.
            ThrottledError: the wait would be longer than the patience; nothing was taken.

        """
        waited = 0.0
        while wait := self._take(bucket):
            if patience_s is not None and waited + wait > patience_s:
                text = f"own quota {bucket} is used up for {wait:.0f} s; it goes on by itself"
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
        """Bring the gauges up to date: what was spent comes back with time, call or no call."""
        for connection, bucket in self._shown.copy():
            self._show(connection, bucket)

    def forget(self, connection: str) -> None:
        """Show no more of a connection that another process works for now."""
        self._shown = {found for found in self._shown if found[0] != connection}

    def _show(self, connection: str, bucket: str) -> None:
        closed = self._closed_for(bucket) > 0
        for window, left in self._each_left(bucket).items():
            BUDGET_LEFT.labels(connection, bucket, f"{window.seconds:g}").set(0 if closed else left)

    def left(self, bucket: str) -> int:
        """Calls that may leave now without waiting. Raises KeyError."""
        if self._closed_for(bucket) > 0:
            return 0
        return min(self._each_left(bucket).values())

    def seconds_until_free(self, bucket: str) -> float:
        """Seconds until one call may leave; 0 when one may now. Raises KeyError."""
        with self._lock:
            held, now = self._bucket(bucket), self._now_ms()
            waits = [0]
            for rate in held.rates:
                blocking = held.peek(rate.limit - 1)
                if blocking is not None:
                    # A millisecond to leave the window, and one for a clock that is read in whole milliseconds.
                    waits.append(blocking.timestamp + rate.interval + 2 - now)
        return max(max(waits) / 1000, self._closed_for(bucket))

    def spent(self, bucket: str, calls: int, ago_s: float) -> None:
        """Count calls that another process made so many seconds ago. Raises KeyError."""
        with self._lock:
            held, at = self._bucket(bucket), self._now_ms() - round(ago_s * 1000)
            held.items.extend(RateItem(bucket, at) for _ in range(calls))
            held.items.sort(key=lambda item: item.timestamp)

    def penalise(self, bucket: str, seconds: float) -> None:
        """Let nobody call for so long: the vendor said so."""
        with self._lock:
            until = self._clock() + seconds
            self._closed_until[bucket] = max(until, self._closed_until.get(bucket, until))

    def _take(self, bucket: str) -> float:
        """Take one call, or say how many seconds to wait before asking again."""
        with self._lock:
            closed = self._closed_for(bucket)
            if closed > 0:
                return closed
            held, now = self._bucket(bucket), self._now_ms()
            held.leak(now)
            decision = held.put_decision(RateItem(bucket, now))
            assert isinstance(decision, Decision)  # awaitable for asynchronous buckets only
            return 0.0 if decision.allowed else max(1, decision.retry_after_ms or 1) / 1000

    def _each_left(self, bucket: str) -> dict[Window, int]:
        with self._lock:
            stamps = [item.timestamp for item in self._bucket(bucket).items]
            now = self._now_ms()
        return {
            window: max(0, window.calls - (len(stamps) - bisect_left(stamps, now - _rate(window).interval)))
            for window in self._windows(bucket)
        }

    def _closed_for(self, bucket: str) -> float:
        return max(0.0, self._closed_until.get(bucket, 0.0) - self._clock())

    def _bucket(self, bucket: str) -> InMemoryBucket:
        if bucket not in self._buckets:
            self._buckets[bucket] = InMemoryBucket([_rate(window) for window in self._windows(bucket)])
        return self._buckets[bucket]

    def _windows(self, bucket: str) -> Sequence[Window]:
        return self._quotas[bucket.partition(":")[0]]

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _rate(window: Window) -> Rate:
    return Rate(window.calls, round(window.kept_s * 1000))


_shared: dict[tuple[str, ...], Budget] = {}
_shared_lock = threading.Lock()


def shared_budget(kind: str, tenant: str, app: str, quotas: Quotas, *, url: str = "") -> Budget:
    """The one budget of this process for an app in a tenant; whoever asks first sets its quotas.

    `url` is the API's where it is not the vendor's own: another server counts on its own.
    """
    with _shared_lock:
        return _shared.setdefault((kind, url, tenant.lower(), app.lower()), Budget(quotas))


def show_budgets() -> None:
    """Bring the gauges of every budget of this process up to date."""
    for budget in list(_shared.values()):
        budget.show()


def forget_budgets(connection: str) -> None:
    """Show no more of a connection, whichever budget it shares in."""
    for budget in list(_shared.values()):
        budget.forget(connection)
