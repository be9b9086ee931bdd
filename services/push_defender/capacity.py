"""The known capacity of a tenant. It is limited, and only refusals show that the limit is reached.

Source: Microsoft, "Overview of indicators" (15,000 active indicators a tenant, of all owners).
"""

from collections.abc import Callable


class Capacity:
    """`left` is the number of new rows that may be tried; None while no limit is known."""

    def __init__(self, clock: Callable[[], float], probe_every_s: float) -> None:
        self._clock = clock
        self._probe_every_s = probe_every_s
        self._left: int | None = None
        self._probe_at = 0.0
        self._probing = False

    @property
    def left(self) -> int | None:
        """How many new rows may be tried now. In a full tenant one from time to time, since others may delete rows."""
        if self._left == 0 and self._clock() >= self._probe_at:
            self._probing = True
            return 1
        return self._left

    @property
    def seconds_until_probe(self) -> float:
        """Seconds until the next attempt in a full tenant."""
        return max(0.0, self._probe_at - self._clock())

    def is_full(self) -> bool:
        """Whether no new row may be sent."""
        return self.left == 0

    def full(self) -> None:
        """Note that the vendor refused a row because the tenant is full."""
        self._left, self._probing = 0, False
        self._probe_at = self._clock() + self._probe_every_s

    def taken(self, rows: int) -> None:
        """Note that new rows were stored."""
        if rows and self._probing:
            self._left, self._probing = None, False
        elif self._left is not None:
            self._left = max(0, self._left - rows)

    def freed(self, rows: int) -> None:
        """Note that rows were deleted."""
        if self._left is not None:
            self._left += rows
