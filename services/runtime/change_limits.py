"""Change limits: which share of a listing or target may change at once. Pure.

Invariant: the strictest limit decides. A change of fewer than `at_least` entries is never abnormal.
"""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.policy import Policy


class ChangeLimit(NamedTuple):
    """A change is abnormal when it moves `at_least` entries and more than `percent` of the entries present."""

    percent: int
    at_least: int


class TargetLimits(NamedTuple):
    """How much may leave a target at once (`shrink`), and how much may be added (`surge`)."""

    shrink: tuple[ChangeLimit, ...] = ()
    surge: tuple[ChangeLimit, ...] = ()


def listing_limits(policy: Policy, connection: str) -> tuple[ChangeLimit, ...]:
    """Return how much a source may stop listing at once."""
    found = [guard.spec.listing for guard in policy.guards_of(connection)]
    return tuple(ChangeLimit(limit.shrink_percent, limit.at_least) for limit in found if limit)


def target_limits(policy: Policy, connection: str) -> TargetLimits:
    """Return the limits that apply to each target of a destination."""
    found = [guard.spec.target for guard in policy.guards_of(connection)]
    return TargetLimits(
        tuple(ChangeLimit(limit.shrink_percent, limit.at_least) for limit in found if limit),
        tuple(ChangeLimit(limit.surge_percent, limit.at_least) for limit in found if limit),
    )


def exceeded(limits: Iterable[ChangeLimit], moving: int, there: int) -> int | None:
    """Return the percentage of the strictest limit that is exceeded when `moving` of `there` entries move, or None."""
    broken = [limit.percent for limit in limits if moving >= limit.at_least and moving * 100 > limit.percent * there]
    return min(broken, default=None)


def surging(limits: Iterable[ChangeLimit], coming: int, there: int) -> int | None:
    """Return the same for `coming` new entries. A target of fewer than `at_least` entries takes any number."""
    return exceeded([limit for limit in limits if there >= limit.at_least], coming, there)
