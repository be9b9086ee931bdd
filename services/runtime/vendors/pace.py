"""How long a connection or an entry waits after trouble before it is tried again."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things wait, seconds. A wait doubles from its first to its longest while it goes on failing."""

    first_s: float = 1.0
    longest_s: float = 60.0
    """For trouble with the connection that may pass by itself."""
    first_failed_s: float = 15.0
    longest_failed_s: float = 300.0
    """For single entries that failed, and for trouble that a person must end."""

    def passing(self, failures: int) -> float:
        """The wait after so many failures in a row of the connection; some at random, so that many do not meet."""
        return _doubled(self.first_s, self.longest_s, failures) * random.uniform(0.75, 1.25)  # noqa: S311  # jitter

    def lasting(self, failures: int) -> float:
        """The wait after so many failures in a row of an entry, or of what a person must mend."""
        return _doubled(self.first_failed_s, self.longest_failed_s, failures)


def _doubled(first: float, longest: float, failures: int) -> float:
    return min(longest, first * 2.0 ** min(failures, 30))
