"""The standing of a destination: where an entry is after every kind of news, and how much memory it takes."""

import tracemalloc

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from schemas.desired import Applied, AppliedState, Desired
from schemas.record import Reason
from services.runtime.reconciling.entry import ID_UNKNOWN, UNCONFIRMED, Entry, Outcome, SyncState
from services.runtime.reconciling.entry_store import EntryStore
from tests.pushing import BLOCK, LIST, desired_entry, entry

REASON = Reason(code="why")


def sync_state(entry: Entry) -> SyncState | None:
    """Asked anew each time, which a type checker does not expect of an attribute."""
    return entry.sync_state


def store_with(value: str = "evil.example", content: str = "c1") -> tuple[EntryStore, Entry, str]:
    store = EntryStore()
    key, record = desired_entry(value, content=content)
    store.desire(key, record)
    return store, next(iter(store)), key


def test_a_desired_entry_is_put_then_settled_then_withdrawn_then_unknown() -> None:
    store, found, key = store_with()
    assert (found.sync_state, found.type, found.value, found.key) == (SyncState.PUT, "domain", "evil.example", key)
    store.settle(Outcome(found, AppliedState.APPLIED, "7"))
    assert (found.sync_state, store.pending) == (SyncState.SETTLED, 0)
    store.desire(key, None)
    assert (found.sync_state, store.pending) == (SyncState.WITHDRAW, 1)
    store.settle(Outcome(found, None))
    assert list(store) == []
    assert not store.states.total()


def test_the_same_content_again_is_no_work_but_another_is() -> None:
    store, found, key = store_with()
    store.settle(Outcome(found, AppliedState.APPLIED, "7"))
    store.desire(*desired_entry("evil.example", comments="new words, same content"))
    assert (found.sync_state, found.comments) == (SyncState.SETTLED, "new words, same content")
    store.desire(*desired_entry("evil.example", content="c2"))
    assert (found.sync_state, found.remote_id) == (SyncState.PUT, "7")
    assert key == found.key


@pytest.mark.parametrize("state", [AppliedState.REJECTED, AppliedState.SKIPPED])
def test_what_the_vendor_will_not_take_waits_for_another_content(state: AppliedState) -> None:
    store, found, key = store_with()
    store.settle(Outcome(found, state, None, REASON))
    assert sync_state(found) is SyncState.SETTLED
    store.desire(*desired_entry("evil.example", content="c2"))
    assert sync_state(found) is SyncState.PUT
    store.settle(Outcome(found, state, None, REASON))
    store.desire(key, None)
    assert sync_state(found) is SyncState.FORGET


def test_an_entry_that_never_was_there_is_forgotten_without_a_word() -> None:
    store, _, key = store_with()
    store.desire(key, None)
    assert list(store) == []


def test_a_rejected_edit_leaves_the_older_version_to_be_withdrawn() -> None:
    store, found, key = store_with()
    store.settle(Outcome(found, AppliedState.APPLIED, "7"))
    store.desire(*desired_entry("evil.example", content="c2"))
    store.settle(Outcome(found, AppliedState.REJECTED, "7", REASON))
    store.desire(key, None)
    assert sync_state(found) is SyncState.WITHDRAW


def test_what_was_sent_may_be_there_even_if_nobody_wants_it_any_more() -> None:
    store, found, key = store_with()
    note = store.record(Outcome(found, AppliedState.FAILED, None, Reason(code=UNCONFIRMED)), at=5)
    store.sent(found, None)
    store.desire(key, None)
    assert sync_state(found) is SyncState.WITHDRAW

    fresh = EntryStore()
    fresh.know(key, note)
    assert next(iter(fresh)).sync_state is SyncState.WITHDRAW
    fresh.desire(*desired_entry("evil.example"))
    assert next(iter(fresh)).sync_state is SyncState.PUT


def test_an_entry_whose_id_was_not_told_can_still_be_withdrawn() -> None:
    store, found, key = store_with()
    store.settle(Outcome(found, AppliedState.APPLIED, None, Reason(code=ID_UNKNOWN)))
    assert sync_state(found) is SyncState.SETTLED
    store.desire(key, None)
    assert sync_state(found) is SyncState.WITHDRAW


def test_a_failed_entry_waits_for_its_time_and_is_woken_once() -> None:
    store, found, _ = store_with()
    store.settle(Outcome(found, AppliedState.FAILED, None, REASON), retry_at=10.0)
    assert (found.sync_state, store.wake(9.0), found.attempts) == (SyncState.WAITING, 10.0, 1)
    assert store.wake(10.0) == float("inf")
    assert sync_state(found) is SyncState.PUT


def test_new_content_does_not_wait_for_the_time_of_the_old() -> None:
    store, found, key = store_with()
    store.settle(Outcome(found, AppliedState.FAILED, "7", REASON), retry_at=10.0)
    store.desire(key, None)
    assert sync_state(found) is SyncState.WITHDRAW
    store.desire(*desired_entry("evil.example", content="c2"))
    assert (found.sync_state, found.attempts) == (SyncState.PUT, 0)
    assert store.wake(99.0) == float("inf")
    assert sync_state(found) is SyncState.PUT


def test_a_held_entry_is_held_until_it_is_applied_or_not_wanted() -> None:
    store, found, key = store_with()
    store.settle(Outcome(found, AppliedState.HELD, None, REASON))
    assert list(store.by_sync_state[SyncState.HELD]) == [found]
    store.desire(key, None)
    assert sync_state(found) is SyncState.FORGET


def test_a_lost_entry_is_written_again() -> None:
    store, found, _ = store_with()
    store.settle(Outcome(found, AppliedState.APPLIED, "7"))
    store.missing(found)
    assert (found.sync_state, found.remote_id) == (SyncState.PUT, None)


def test_the_latest_parameters_of_a_target_are_the_ones_that_count() -> None:
    store = EntryStore()
    store.desire(*desired_entry("a.example", LIST, comments="not kept"))
    store.desire(*desired_entry("b.example", LIST.model_copy(update={"size_mb": 2}), content="c2"))
    assert [getattr(target, "size_mb", None) for target in store.targets.values()] == [2]
    assert {found.comments for found in store} == {""}


def test_a_record_says_what_is_known_and_reads_back_the_same() -> None:
    store, found, key = store_with()
    applied = store.record(Outcome(found, AppliedState.APPLIED, "7", REASON), at=9)
    assert applied is not None
    store.settle(Outcome(found, AppliedState.APPLIED, "7", REASON))
    fresh = EntryStore()
    fresh.know(key, Applied.decode(applied.encode()))
    fresh.desire(*desired_entry("evil.example"))
    again = next(iter(fresh))
    assert (again.sync_state, again.state, again.remote_id, again.reason) == (SyncState.SETTLED, "applied", "7", REASON)


def test_an_entry_takes_well_under_a_kilobyte() -> None:
    """300,000 of them must fit into 400 MB with room for the work: 1,300 bytes each."""
    number = 20_000
    raw = [desired_entry(f"http://host{n}.evil.example/path/{n}", LIST) for n in range(number)]
    encoded = [(key, record.encode()) for key, record in raw]
    del raw
    store = EntryStore()
    tracemalloc.start()
    for key, value in encoded:
        store.desire(key, Desired.decode(value))
    for found in list(store):
        found.form = found.value[7:]
        store.settle(Outcome(found, AppliedState.APPLIED, found.form))
    each = tracemalloc.get_traced_memory()[0] / number
    tracemalloc.stop()
    print(f"{each:.0f} bytes an entry")
    assert each < 1_000


class AnyNews(RuleBasedStateMachine):
    """Whatever the order of news, every entry is in exactly one place, and the sums agree."""

    def __init__(self) -> None:
        super().__init__()
        self.store = EntryStore()
        self.now = 0.0

    values = st.sampled_from(["a.example", "b.example", "c.example"])

    @rule(value=values, content=st.sampled_from(["c1", "c2"]))
    def desired(self, value: str, content: str) -> None:
        self.store.desire(*desired_entry(value, content=content))

    @rule(value=values)
    def withdrawn(self, value: str) -> None:
        self.store.desire(entry(value).key, None)

    @rule(
        pick=st.integers(0, 2),
        state=st.sampled_from([*AppliedState, None]),
        remote=st.sampled_from(["7", None]),
        sent=st.booleans(),
    )
    def outcome(self, pick: int, state: AppliedState | None, remote: str | None, *, sent: bool) -> None:
        entries = list(self.store)
        if pick < len(entries) and (state is not None or entries[pick].wanted is None):
            if sent:
                self.store.sent(entries[pick], remote)
            self.store.settle(Outcome(entries[pick], state, remote if state else None, REASON), self.now + 5)

    @rule()
    def later(self) -> None:
        self.now += 3
        assert self.store.wake(self.now) > self.now

    @invariant()
    def in_one_place(self) -> None:
        entries = list(self.store)
        for found in entries:
            homes = [sync_state for sync_state, held in self.store.by_sync_state.items() if found in held]
            assert homes == ([] if found.sync_state is SyncState.SETTLED else [found.sync_state])
            if found.wanted is None:
                assert sync_state(found) is not SyncState.SETTLED
        assert sum(map(len, self.store.by_sync_state.values())) <= len(entries)
        assert self.store.states["desired"] == sum(found.wanted is not None for found in entries)
        for state in AppliedState:
            assert self.store.states[state] == sum(found.state is state for found in entries)


AnyNews.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestAnyNews = AnyNews.TestCase


def test_blocks_and_lists_are_kept_apart() -> None:
    store = EntryStore()
    store.desire(*desired_entry("evil.example", BLOCK))
    store.desire(*desired_entry("evil.example", LIST))
    assert {found.target_id for found in store} == {"defender-action:Block", "url-list:blocked"}
