"""How much room the tenant has, as far as that is known: it is limited, and nothing but a refusal tells.

Source: Microsoft, "Overview of indicators" (15,000 active indicators a tenant, whoever made them).
"""

from collections.abc import Callable


class Capacity:
    """`left` is how many new rows are worth a try; None while nothing speaks against any number."""

    def __init__(self, clock: Callable[[], float], probe_every_s: float) -> None:
        self._clock = clock
        self._probe_every_s = probe_every_s
        self._left: int | None = None
        self._probe_at = 0.0
        self._probing = False

    @property
    def left(self) -> int | None:
        """How many may be tried now. From time to time one may, although the tenant is full: others delete, too."""
        if self._left == 0 and self._clock() >= self._probe_at:
            self._probing = True
            return 1
        return self._left

    @property
    def seconds_until_probe(self) -> float:
        """When the next try is due; 0 when now."""
        return max(0.0, self._probe_at - self._clock())

    def is_full(self) -> bool:
        """Whether it is pointless to send anything new."""
        return self.left == 0

    def full(self) -> None:
        """The vendor said so."""
        self._left, self._probing = 0, False
        self._probe_at = self._clock() + self._probe_every_s

    def taken(self, rows: int) -> None:
        """So many new rows were stored."""
        if rows and self._probing:
            self._left, self._probing = None, False
        elif self._left is not None:
            self._left = max(0, self._left - rows)

    def freed(self, rows: int) -> None:
        """So many rows were deleted."""
        if self._left is not None:
            self._left += rows
