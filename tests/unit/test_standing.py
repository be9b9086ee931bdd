"""The standing of a destination: where an entry is after every kind of news, and how much memory it takes."""

import tracemalloc

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from schemas.desired import Applied, AppliedState, Desired
from schemas.record import Reason
from services.runtime.standing import ID_UNKNOWN, UNCONFIRMED, Item, Outcome, Place, Standing
from tests.pushing import BLOCK, LIST, item, wish

REASON = Reason(code="why")


def place(item: Item) -> Place | None:
    """Asked anew each time, which a type checker does not expect of an attribute."""
    return item.place


def standing_with(value: str = "evil.example", content: str = "c1") -> tuple[Standing, Item, str]:
    standing = Standing(detailed=True)
    key, record = wish(value, content=content)
    standing.desire(key, record)
    return standing, next(iter(standing)), key


def test_a_desired_entry_is_put_then_settled_then_withdrawn_then_unknown() -> None:
    standing, found, key = standing_with()
    assert (found.place, found.type, found.value, found.key) == (Place.PUT, "domain", "evil.example", key)
    standing.settle(Outcome(found, AppliedState.APPLIED, "7"))
    assert (found.place, standing.pending) == (Place.SETTLED, 0)
    standing.desire(key, None)
    assert (found.place, standing.pending) == (Place.WITHDRAW, 1)
    standing.settle(Outcome(found, None))
    assert list(standing) == []
    assert not standing.states.total()


def test_the_same_content_again_is_no_work_but_another_is() -> None:
    standing, found, key = standing_with()
    standing.settle(Outcome(found, AppliedState.APPLIED, "7"))
    standing.desire(*wish("evil.example", comments="new words, same content"))
    assert (found.place, found.comments) == (Place.SETTLED, "new words, same content")
    standing.desire(*wish("evil.example", content="c2"))
    assert (found.place, found.remote_id) == (Place.PUT, "7")
    assert key == found.key


@pytest.mark.parametrize("state", [AppliedState.REJECTED, AppliedState.SKIPPED])
def test_what_the_vendor_will_not_take_waits_for_another_content(state: AppliedState) -> None:
    standing, found, key = standing_with()
    standing.settle(Outcome(found, state, None, REASON))
    assert place(found) is Place.SETTLED
    standing.desire(*wish("evil.example", content="c2"))
    assert place(found) is Place.PUT
    standing.settle(Outcome(found, state, None, REASON))
    standing.desire(key, None)
    assert place(found) is Place.FORGET


def test_an_entry_that_never_was_there_is_forgotten_without_a_word() -> None:
    standing, _, key = standing_with()
    standing.desire(key, None)
    assert list(standing) == []


def test_a_rejected_edit_leaves_the_older_version_to_be_withdrawn() -> None:
    standing, found, key = standing_with()
    standing.settle(Outcome(found, AppliedState.APPLIED, "7"))
    standing.desire(*wish("evil.example", content="c2"))
    standing.settle(Outcome(found, AppliedState.REJECTED, "7", REASON))
    standing.desire(key, None)
    assert place(found) is Place.WITHDRAW


def test_what_was_sent_may_be_there_even_if_nobody_wants_it_any_more() -> None:
    standing, found, key = standing_with()
    note = standing.record(Outcome(found, AppliedState.FAILED, None, Reason(code=UNCONFIRMED)), at=5)
    standing.sent(found, None)
    standing.desire(key, None)
    assert place(found) is Place.WITHDRAW

    fresh = Standing(detailed=True)
    fresh.know(key, note)
    assert next(iter(fresh)).place is Place.WITHDRAW
    fresh.desire(*wish("evil.example"))
    assert next(iter(fresh)).place is Place.PUT


def test_an_entry_whose_id_was_not_told_can_still_be_withdrawn() -> None:
    standing, found, key = standing_with()
    standing.settle(Outcome(found, AppliedState.APPLIED, None, Reason(code=ID_UNKNOWN)))
    assert place(found) is Place.SETTLED
    standing.desire(key, None)
    assert place(found) is Place.WITHDRAW


def test_a_failed_entry_waits_for_its_time_and_is_woken_once() -> None:
    standing, found, _ = standing_with()
    standing.settle(Outcome(found, AppliedState.FAILED, None, REASON), retry_at=10.0)
    assert (found.place, standing.wake(9.0), found.attempts) == (Place.WAITING, 10.0, 1)
    assert standing.wake(10.0) == float("inf")
    assert place(found) is Place.PUT


def test_new_content_does_not_wait_for_the_time_of_the_old() -> None:
    standing, found, key = standing_with()
    standing.settle(Outcome(found, AppliedState.FAILED, "7", REASON), retry_at=10.0)
    standing.desire(key, None)
    assert place(found) is Place.WITHDRAW
    standing.desire(*wish("evil.example", content="c2"))
    assert (found.place, found.attempts) == (Place.PUT, 0)
    assert standing.wake(99.0) == float("inf")
    assert place(found) is Place.PUT


def test_a_held_entry_is_held_until_it_is_applied_or_not_wanted() -> None:
    standing, found, key = standing_with()
    standing.settle(Outcome(found, AppliedState.HELD, None, REASON))
    assert list(standing.places[Place.HELD]) == [found]
    standing.desire(key, None)
    assert place(found) is Place.FORGET


def test_a_lost_entry_is_written_again() -> None:
    standing, found, _ = standing_with()
    standing.settle(Outcome(found, AppliedState.APPLIED, "7"))
    standing.lost(found)
    assert (found.place, found.remote_id) == (Place.PUT, None)


def test_the_latest_parameters_of_a_target_are_the_ones_that_count() -> None:
    standing = Standing(detailed=False)
    standing.desire(*wish("a.example", LIST, comments="not kept"))
    standing.desire(*wish("b.example", LIST.model_copy(update={"size_mb": 2}), content="c2"))
    assert [getattr(target, "size_mb", None) for target in standing.targets.values()] == [2]
    assert {found.comments for found in standing} == {""}


def test_a_record_says_what_is_known_and_reads_back_the_same() -> None:
    standing, found, key = standing_with()
    applied = standing.record(Outcome(found, AppliedState.APPLIED, "7", REASON), at=9)
    assert applied is not None
    standing.settle(Outcome(found, AppliedState.APPLIED, "7", REASON))
    fresh = Standing(detailed=True)
    fresh.know(key, Applied.decode(applied.encode()))
    fresh.desire(*wish("evil.example"))
    again = next(iter(fresh))
    assert (again.place, again.state, again.remote_id, again.reason) == (Place.SETTLED, "applied", "7", REASON)


def test_an_entry_takes_well_under_a_kilobyte() -> None:
    """300,000 of them must fit into 400 MB with room for the work: 1,300 bytes each."""
    number = 20_000
    raw = [wish(f"http://host{n}.evil.example/path/{n}", LIST) for n in range(number)]
    encoded = [(key, record.encode()) for key, record in raw]
    del raw
    standing = Standing(detailed=True)
    tracemalloc.start()
    for key, value in encoded:
        standing.desire(key, Desired.decode(value))
    for found in list(standing):
        found.form = found.value[7:]
        standing.settle(Outcome(found, AppliedState.APPLIED, found.form))
    each = tracemalloc.get_traced_memory()[0] / number
    tracemalloc.stop()
    print(f"{each:.0f} bytes an entry")
    assert each < 1_000


class AnyNews(RuleBasedStateMachine):
    """Whatever the order of news, every entry is in exactly one place, and the sums agree."""

    def __init__(self) -> None:
        super().__init__()
        self.standing = Standing(detailed=True)
        self.now = 0.0

    values = st.sampled_from(["a.example", "b.example", "c.example"])

    @rule(value=values, content=st.sampled_from(["c1", "c2"]))
    def desired(self, value: str, content: str) -> None:
        self.standing.desire(*wish(value, content=content))

    @rule(value=values)
    def withdrawn(self, value: str) -> None:
        self.standing.desire(item(value).key, None)

    @rule(
        pick=st.integers(0, 2),
        state=st.sampled_from([*AppliedState, None]),
        remote=st.sampled_from(["7", None]),
        sent=st.booleans(),
    )
    def outcome(self, pick: int, state: AppliedState | None, remote: str | None, *, sent: bool) -> None:
        items = list(self.standing)
        if pick < len(items) and (state is not None or items[pick].wanted is None):
            if sent:
                self.standing.sent(items[pick], remote)
            self.standing.settle(Outcome(items[pick], state, remote if state else None, REASON), self.now + 5)

    @rule()
    def later(self) -> None:
        self.now += 3
        assert self.standing.wake(self.now) > self.now

    @invariant()
    def in_one_place(self) -> None:
        items = list(self.standing)
        for found in items:
            homes = [place for place, held in self.standing.places.items() if found in held]
            assert homes == ([] if found.place is Place.SETTLED else [found.place])
            if found.wanted is None:
                assert place(found) is not Place.SETTLED
        assert sum(map(len, self.standing.places.values())) <= len(items)
        assert self.standing.states["desired"] == sum(found.wanted is not None for found in items)
        for state in AppliedState:
            assert self.standing.states[state] == sum(found.state is state for found in items)


AnyNews.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestAnyNews = AnyNews.TestCase


def test_blocks_and_lists_are_kept_apart() -> None:
    standing = Standing(detailed=True)
    standing.desire(*wish("evil.example", BLOCK))
    standing.desire(*wish("evil.example", LIST))
    assert {found.target_id for found in standing} == {"defender-action:Block", "url-list:blocked"}
