"""What is abnormal: how much of something would move at once, held against the limits of the guards. Pure.

Invariant: of several limits the strictest decides, and below a limit's `at_least` entries nothing is abnormal.
"""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.policy import Policy


class ChangeLimit(NamedTuple):
    """More than `percent` of what is there, and `at_least` entries: that is abnormal."""

    percent: int
    at_least: int


class TargetLimits(NamedTuple):
    """The limits of what may leave a target at once, and of what may come to it."""

    shrink: tuple[ChangeLimit, ...] = ()
    surge: tuple[ChangeLimit, ...] = ()


def listing_limits(policy: Policy, connection: str) -> tuple[ChangeLimit, ...]:
    """The limits of what a source may stop listing at once."""
    found = [guard.spec.listing for guard in policy.guards_of(connection)]
    return tuple(ChangeLimit(limit.shrink_percent, limit.at_least) for limit in found if limit)


def target_limits(policy: Policy, connection: str) -> TargetLimits:
    """The limits of every target of a destination."""
    found = [guard.spec.target for guard in policy.guards_of(connection)]
    return TargetLimits(
        tuple(ChangeLimit(limit.shrink_percent, limit.at_least) for limit in found if limit),
        tuple(ChangeLimit(limit.surge_percent, limit.at_least) for limit in found if limit),
    )


def exceeded(limits: Iterable[ChangeLimit], moving: int, there: int) -> int | None:
    """The percentage of the strictest limit that is exceeded when so many of those there move; None where none is."""
    broken = [limit.percent for limit in limits if moving >= limit.at_least and moving * 100 > limit.percent * there]
    return min(broken, default=None)


def surging(limits: Iterable[ChangeLimit], coming: int, there: int) -> int | None:
    """The same for what comes. A target with fewer than `at_least` entries may be filled with any number of them."""
    return exceeded([limit for limit in limits if there >= limit.at_least], coming, there)
