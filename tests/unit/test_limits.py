"""What is abnormal: the strictest limit decides, little is never abnormal, and what may go on may be finished."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import Policy
from schemas.resources import resource
from services.runtime.change_limits import ChangeLimit, exceeded, listing_limits, surging, target_limits
from tests.routing import CONNECTIONS, DESTINATION, SOURCE

LIMITS = st.lists(st.builds(ChangeLimit, st.integers(1, 2_000), st.integers(1, 300)), max_size=3)
MANY = st.integers(0, 20_000)


def test_half_of_a_target_may_go_and_one_more_may_not() -> None:
    limits = [ChangeLimit(50, 100)]
    assert exceeded(limits, 500, 1_000) is None
    assert exceeded(limits, 501, 1_000) == 50
    assert exceeded(limits, 99, 99) is None
    assert exceeded(limits, 100, 100) == 50


def test_a_target_with_little_in_it_may_be_filled() -> None:
    limits = [ChangeLimit(1_000, 100)]
    assert surging(limits, 1_000_000, 99) is None
    assert surging(limits, 1_000, 100) is None
    assert surging(limits, 1_001, 100) == 1_000


def test_of_several_guards_the_strictest_decides_and_only_those_for_the_connection() -> None:
    policy = Policy.of(
        [
            *CONNECTIONS,
            resource("Guard", "all", {"target": {"shrinkPercent": 20, "surgePercent": 500}}),
            resource("Guard", "strict", {"connections": [DESTINATION], "target": {"atLeast": 10, "shrinkPercent": 5}}),
            resource("Guard", "default", {"listing": {"shrinkPercent": 30}}),
        ]
    )
    assert set(target_limits(policy, SOURCE).shrink) == {ChangeLimit(20, 100)}
    assert set(target_limits(policy, DESTINATION).shrink) == {ChangeLimit(20, 100), ChangeLimit(5, 10)}
    assert exceeded(target_limits(policy, DESTINATION).shrink, 30, 100) == 5
    assert listing_limits(policy, SOURCE) == (ChangeLimit(30, 100),)


def test_the_built_in_guard_holds_and_a_guard_without_limits_in_its_place_does_not() -> None:
    assert target_limits(Policy.of([]), "any").shrink == (ChangeLimit(50, 100),)
    none = Policy.of([resource("Guard", "default", {})])
    assert (target_limits(none, "any"), listing_limits(none, "any")) == (((), ()), ())


@given(LIMITS, MANY, MANY)
def test_more_moving_of_less_is_never_less_abnormal(limits: list[ChangeLimit], moving: int, there: int) -> None:
    found = exceeded(limits, moving, there)
    if found is not None:
        worse = exceeded(limits, moving + 1, max(0, there - 1))
        assert worse is not None
        assert worse <= found
        assert moving * 100 > found * there


@given(LIMITS, MANY, MANY, st.integers(0, 20_000))
def test_what_may_go_may_go_to_the_end(limits: list[ChangeLimit], moving: int, more: int, done: int) -> None:
    """Withdrawals that were let begin are not held half way because the target has become smaller meanwhile."""
    there, done = moving + more, min(done, moving)
    if exceeded(limits, moving, there) is None:
        assert exceeded(limits, moving - done, there - done) is None
