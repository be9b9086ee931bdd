"""Pace: how long a connection or an entry waits after a failure before the next try."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Waits in seconds. Each doubles with every failure in a row, from its first to its longest value."""

    first_s: float = 1.0
    longest_s: float = 60.0
    """For errors of the connection that may pass by themselves."""
    first_failed_s: float = 15.0
    longest_failed_s: float = 300.0
    """For single entries that failed, and for errors that a person must repair."""

    def passing(self, failures: int) -> float:
        """Return the wait after `failures` failures in a row of the connection, with jitter to spread many of them."""
        return _doubled(self.first_s, self.longest_s, failures) * random.uniform(0.75, 1.25)  # noqa: S311  # jitter

    def lasting(self, failures: int) -> float:
        """Return the wait after `failures` failures in a row of an entry, or of what a person must repair."""
        return _doubled(self.first_failed_s, self.longest_failed_s, failures)


def _doubled(first: float, longest: float, failures: int) -> float:
    return min(longest, first * 2.0 ** min(failures, 30))
