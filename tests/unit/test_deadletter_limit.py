"""How many dead letters are too many: a run without a good record, or a share of the recent ones, per partition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.deadletters import MAX_RUN, MAX_SHARE, MIN_IN_WINDOW, WINDOW, Limit, TooManyDeadLettersError

TOPIC = "ioc.reports"


def stops(limit: Limit, partition: int = 0) -> bool:
    try:
        limit.bad(TOPIC, partition)
    except TooManyDeadLettersError:
        return True
    return False


def test_a_run_of_bad_records_stops() -> None:
    limit = Limit()
    assert not any(stops(limit) for _ in range(MAX_RUN))
    with pytest.raises(TooManyDeadLettersError, match=rf"records of {TOPIC}-0 are undecodable, {MAX_RUN + 1} in a row"):
        limit.bad(TOPIC, 0)


def test_a_good_record_ends_a_run_and_no_record_does_not() -> None:
    limit = Limit()
    for _ in range(3):
        assert not any(stops(limit) for _ in range(MAX_RUN))
        limit.good(TOPIC, 0, 10 * MAX_RUN * 2)
    assert not any(stops(limit) for _ in range(MAX_RUN // 2))
    limit.good(TOPIC, 0, 0)
    assert not any(stops(limit) for _ in range(MAX_RUN - MAX_RUN // 2))
    assert stops(limit)


def test_too_large_a_share_stops_without_any_run() -> None:
    limit = Limit()
    stopped_after = 0
    for seen in range(0, WINDOW, 10):
        if stops(limit):
            stopped_after = seen + 1
            break
        limit.good(TOPIC, 0, 9)
    assert MIN_IN_WINDOW <= stopped_after <= MIN_IN_WINDOW + 10, "one in ten is more than one in twenty"


def test_partitions_are_judged_apart() -> None:
    limit = Limit()
    assert not any(stops(limit, 0) for _ in range(MAX_RUN))
    assert not any(stops(limit, 1) for _ in range(MAX_RUN))
    assert stops(limit, 0)


@given(st.lists(st.one_of(st.none(), st.integers(0, 300)), max_size=400))
def test_it_stops_exactly_when_the_run_or_the_share_is_too_large(steps: list[int | None]) -> None:
    """None is a bad record, a number so many good ones."""
    limit, seen = Limit(), list[bool]()
    for step in steps:
        if step is not None:
            limit.good(TOPIC, 0, step)
            seen += [True] * step
            continue
        seen.append(False)
        recent = seen[-WINDOW:]
        run = next((number for number, good in enumerate(reversed(seen)) if good), len(seen))
        share = recent.count(False) / len(recent)
        assert stops(limit) == (run > MAX_RUN or (len(recent) >= MIN_IN_WINDOW and share > MAX_SHARE))


def test_a_partition_that_is_read_from_its_beginning_is_judged_anew() -> None:
    limit = Limit()
    assert not any(stops(limit) for _ in range(MAX_RUN))
    limit.begin(TOPIC, 0)
    assert not any(stops(limit) for _ in range(MAX_RUN))
    assert stops(limit)
