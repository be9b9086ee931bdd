"""Alarms ring no later than the latest moment that was set, whatever was set before."""

from hypothesis import given
from hypothesis import strategies as st

from services.router.engine.expiry import Alarms

keys = st.sampled_from([b"a", b"b", b"c"])
settings = st.lists(st.tuples(keys, st.none() | st.integers(0, 100)), max_size=30)


@given(settings, st.integers(0, 100))
def test_what_is_due_rings_and_what_was_never_set_does_not(said: list[tuple[bytes, int | None]], now: int) -> None:
    alarms, latest = Alarms(), dict[bytes, int | None]()
    for key, at in said:
        alarms.schedule(key, at)
        latest[key] = at
    rung = set(alarms.due(now, 100))
    assert {key for key, at in latest.items() if at is not None and at <= now} <= rung
    assert rung <= {key for key, at in latest.items() if at is not None}


def test_a_key_rings_once_for_all_the_times_it_was_moved_back() -> None:
    alarms = Alarms()
    for at in range(5_000):
        alarms.schedule(b"a", 5_000 - at)
    assert list(alarms.due(9_999, 9)) == [b"a"]
    assert alarms.first is None


def test_no_more_than_asked_for_ring_at_once() -> None:
    alarms = Alarms()
    for number in range(5):
        alarms.schedule(bytes([number]), 1)
    assert len(list(alarms.due(1, 3))) == 3
    assert len(list(alarms.due(1, 3))) == 2
