"""The tenant's clock: real time plus an offset that only moves forward.

Expiry, token lifetime and quota windows all read this clock, so a test advances it instead of sleeping.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime


class TenantClock:
    """Seconds since the epoch as the tenant sees them. `base` may be a constant for a clock that stands still."""

    def __init__(self, base: Callable[[], float] = time.time) -> None:
        self._base = base
        self._offset = 0.0

    def time(self) -> float:
        """Seconds since the epoch (UTC)."""
        return self._base() + self._offset

    def now(self) -> datetime:
        """The same moment as an aware UTC datetime."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, seconds: float) -> None:
        """Move the clock forward. Raises ValueError for a negative number of seconds."""
        if seconds < 0:
            raise ValueError(f"seconds: the tenant's clock cannot go back (got {seconds}); reset the tenant instead")
        self._offset += seconds

    def reset(self) -> None:
        """Forget every advance."""
        self._offset = 0.0
