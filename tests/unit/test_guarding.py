"""The guard of targets: too much at once waits for a person, everything else goes on, and nothing is stuck or lost."""

import time
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from schemas.desired import AppliedState
from schemas.hold import Hold, HoldKind, hold_id
from schemas.policy import Policy
from schemas.resources import AnyResource, resource
from services.runtime.reconciling import change_guard
from services.runtime.reconciling.entry import Entry, Outcome, SyncState
from services.runtime.reconciling.status_writer import StatusWriter
from tests import pushing
from tests.pushing import BLOCK, LIST, NAME, defender

SHRINK, SURGE = HoldKind.TARGET_WOULD_SHRINK, HoldKind.TARGET_WOULD_SURGE
LIMIT = {"shrinkPercent": 50, "surgePercent": 200, "atLeast": 4}
GUARD = resource("Guard", "default", {"target": LIMIT})
HOUR_MS = 3_600_000


class Tenant:
    """A vendor that takes everything, a few entries a call, withdrawals first."""

    def __init__(self, writer: StatusWriter, there: dict[str, str], batch: int) -> None:
        self._writer = writer
        self._there = there
        self._batch = batch

    def try_entry(self, entry: Entry) -> None:
        """Nothing is wrong with any."""

    def reconcile_once(self) -> float:
        by_sync_state = self._writer.store.by_sync_state
        gone = list(by_sync_state[SyncState.WITHDRAW])[: self._batch]
        put = [] if gone else list(by_sync_state[SyncState.PUT])[: self._batch]
        if not gone and not put:
            return float("inf")
        for entry in gone:
            self._there.pop(entry.key, None)
        self._writer.record([Outcome(entry, None) for entry in gone])
        self._writer.write_ahead((entry, None) for entry in put if not entry.present)
        self._there |= {entry.key: entry.wanted or "" for entry in put}
        self._writer.record([Outcome(entry, AppliedState.APPLIED, entry.key) for entry in put])
        return 0.0

    def close(self) -> None:
        """Nothing is open."""


class PusherHarness(pushing.PusherHarness):
    def __init__(self, batch: int = 3) -> None:
        self.there: dict[str, str] = {}
        self._verdicts: list[AnyResource] = []
        connection = defender("http://127.0.0.1:1", "t", "a")
        super().__init__(connection, lambda writer: Tenant(writer, self.there, batch))
        self.policy.view = Policy.of([GUARD])

    def wants(self, numbers: Iterable[int], content: str = "c1", **more: Any) -> list[str]:
        return [self.want(f"h{n}.example", content=content, **more) for n in numbers]

    def says(self, verdict: str, kind: HoldKind = SHRINK, for_ms: int = HOUR_MS, target: str = BLOCK.id) -> None:
        now = int(time.time() * 1000)
        spec = {"connection": NAME, "subject": target, "verdict": verdict, "at": now, "until": max(0, now + for_ms)}
        self._verdicts = [v for v in self._verdicts if v.name != hold_id(NAME, target, kind)]
        self._verdicts.append(resource("Verdict", hold_id(NAME, target, kind), spec))
        self.policy.view = Policy.of([GUARD, *self._verdicts])

    def holds(self) -> dict[HoldKind, Hold]:
        return {hold.kind: hold for hold in self.written.holds.values()}

    def codes(self) -> list[str]:
        return [code for code, _ in self.told.said]


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is there has been there for a while."""
    monkeypatch.setattr(change_guard, "FRESH_MS", -HOUR_MS)


def filled(numbers: range = range(10)) -> tuple[PusherHarness, list[str]]:
    harness = PusherHarness()
    keys = harness.wants(numbers)
    harness.work()
    return harness, keys


def test_a_withdrawal_of_too_many_waits_is_listed_and_told_once_while_edits_and_additions_go_on() -> None:
    harness, keys = filled()
    harness.drop(*keys[:6])
    harness.wants([8], content="c2")
    harness.wants([20])
    for _ in range(3):
        harness.work()
    assert set(harness.there) == {*keys, "defender-action:Block/domain:h20.example"}
    assert harness.there[keys[8]] == "c2"
    hold = harness.holds()[SHRINK]
    assert (hold.id, hold.count, hold.of, hold.limit_percent, hold.subject) == (
        hold_id(NAME, BLOCK.id, SHRINK), 6, 10, 50, BLOCK.id,
    )  # fmt: skip
    assert {entry.subject for entry in hold.sample} == {f"domain:h{n}.example" for n in range(6)}
    assert [name for name, code in harness.reasons().items() if code == "guard_shrink"] == [
        f"domain:h{n}.example" for n in range(6)
    ]
    assert set(harness.states().values()) == {"applied"}, "they are there"
    assert harness.codes() == ["target_would_shrink"]


def test_a_restart_neither_loses_nor_repeats_a_hold() -> None:
    harness, keys = filled()
    harness.drop(*keys[:6])
    harness.work()
    before = dict(harness.written.holds)
    harness.restart()
    harness.work()
    assert harness.written.holds == before
    assert (len(harness.there), harness.codes()) == (10, ["target_would_shrink"])


def test_half_and_a_slow_trickle_are_never_held() -> None:
    harness, keys = filled()
    harness.drop(*keys[:5])
    harness.work()
    for key in keys[5:]:
        harness.drop(key)
        harness.work()
    assert (harness.there, harness.written.holds, harness.written.latest) == ({}, {}, {})


def test_what_comes_back_ends_the_hold_and_leaves_no_trace() -> None:
    harness, keys = filled()
    harness.drop(*keys[:6])
    harness.work()
    harness.wants(range(6))
    writes = dict(harness.there)
    harness.work()
    assert (harness.there, harness.holds(), harness.reasons()) == (writes, {}, {})
    assert harness.codes() == ["target_would_shrink", "hold_over"]
    harness.restart()
    assert harness.store.pending == 0


def test_a_hold_does_not_end_because_other_entries_came() -> None:
    harness, keys = filled()
    harness.drop(*keys[:6])
    harness.work()
    harness.wants(range(20, 30))
    harness.work()
    assert (len(harness.there), harness.holds()[SHRINK].count) == (20, 6)


def test_a_verdict_lets_everything_through_even_if_it_runs_out_half_way_and_after_a_restart() -> None:
    harness, keys = filled()
    harness.drop(*keys)
    harness.work()
    harness.says("confirm")
    harness.reconcile_once()
    assert (len(harness.there), harness.holds()) == (7, {})
    harness.says("confirm", for_ms=-1)
    harness.restart()
    harness.work()
    assert (harness.there, harness.written.latest) == ({}, {})


def test_what_comes_up_after_a_verdict_ran_out_needs_another() -> None:
    harness, keys = filled(range(20))
    harness.drop(*keys[:11])
    harness.says("confirm")
    harness.reconcile_once()
    harness.says("confirm", for_ms=-1)
    harness.drop(*keys[11:])
    harness.work()
    assert sorted(harness.there) == sorted(keys[11:])
    assert (harness.holds()[SHRINK].count, harness.holds()[SHRINK].of) == (9, 9)


def test_a_verdict_may_come_before_the_withdrawals_it_is_for() -> None:
    harness, keys = filled()
    harness.says("confirm")
    for key in keys:
        harness.drop(key)
    harness.work()
    assert (harness.there, harness.codes()) == ({}, [])


def test_a_verdict_that_has_run_out_or_is_on_something_else_does_not_count() -> None:
    harness, keys = filled()
    harness.says("confirm", for_ms=-1)
    harness.says("confirm", target=LIST.id)
    harness.says("confirm", kind=SURGE)
    harness.drop(*keys)
    harness.work()
    assert len(harness.there) == 10


def test_a_rejection_is_remembered_until_it_is_over_and_can_be_taken_back() -> None:
    harness, keys = filled()
    harness.drop(*keys)
    harness.says("reject")
    harness.work()
    assert harness.holds()[SHRINK].rejected
    harness.says("reject", for_ms=-1)
    harness.restart()
    harness.work()
    assert harness.holds()[SHRINK].rejected
    assert len(harness.there) == 10
    harness.says("confirm")
    harness.work()
    assert (harness.there, harness.holds()) == ({}, {})


def test_an_empty_target_is_filled_in_as_many_pieces_as_it_takes() -> None:
    harness = PusherHarness()
    for start in range(0, 300, 30):
        harness.wants(range(start, start + 30))
        harness.reconcile_once()
        harness.restart()
    harness.work(200)
    assert (len(harness.there), harness.codes()) == (300, [])


@pytest.mark.usefixtures("old")
def test_a_flood_of_new_entries_waits_while_edits_and_withdrawals_go_on() -> None:
    harness, keys = filled()
    harness.wants(range(100, 121))
    harness.wants([1], content="c2")
    harness.drop(keys[0])
    harness.work()
    assert sorted(harness.there) == sorted(keys[1:])
    assert harness.there[keys[1]] == "c2"
    held = [name for name, state in harness.states().items() if state == "held"]
    assert len(held) == 21
    assert {harness.reasons()[name] for name in held} == {"guard_surge"}
    assert harness.holds()[SURGE].count == 21
    harness.restart()
    harness.work()
    assert len(harness.there) == 9
    harness.says("confirm", SURGE)
    harness.reconcile_once()
    harness.says("confirm", SURGE, for_ms=-1)
    harness.restart()
    harness.work()
    assert (len(harness.there), harness.holds(), harness.reasons()) == (30, {}, {})


@pytest.mark.usefixtures("old")
def test_held_entries_that_nobody_wants_any_more_are_forgotten_and_the_hold_ends() -> None:
    harness, _ = filled()
    more = harness.wants(range(100, 121))
    harness.work()
    harness.drop(*more[:10])
    harness.work()
    assert (len(harness.there), harness.holds(), len(harness.written.latest)) == (21, {}, 21)


def test_a_hold_fits_into_a_record_however_long_its_entries_are() -> None:
    harness = PusherHarness()
    keys = [harness.want(f"http://h{n}.example/{'x' * 1_500}") for n in range(400)]
    harness.work(200)
    harness.drop(*keys)
    harness.work()
    hold = harness.holds()[SHRINK]
    assert hold.count == 400
    assert 100 < len(hold.sample) < 400
    assert len(hold.encode()) < 500_000


def test_a_guard_without_limits_holds_nothing() -> None:
    harness, keys = filled()
    harness.policy.view = Policy.of([resource("Guard", "default", {})])
    harness.drop(*keys)
    harness.work()
    assert harness.there == {}


def test_what_is_released_stays_and_is_never_touched_again() -> None:
    harness, keys = filled()
    harness.wants(range(10), content="", released=True)
    harness.work()
    harness.restart()
    harness.drop(*keys)
    harness.work()
    assert (sorted(harness.there), harness.codes()) == (sorted(keys), [])
    assert set(harness.reasons().values()) == {"released"}
    harness.wants([3], content="c1")
    harness.work()
    harness.drop(keys[3])
    harness.work()
    assert sorted(harness.there) == sorted(keys[:3] + keys[4:]), "wanted again, it is ours again"


def test_what_is_to_be_sent_again_is_written_once_more_and_only_once() -> None:
    harness, _ = filled()
    ahead = int(time.time() * 1000) + 60_000
    harness.there.clear()
    harness.wants(range(5), resend_at=ahead)
    harness.work()
    assert len(harness.there) == 5
    harness.there.clear()
    harness.wants(range(5), resend_at=ahead)
    harness.restart()
    harness.work()
    assert harness.there == {}


class AnyOrder(RuleBasedStateMachine):
    """Whatever comes in whatever order: nothing abnormal happens unasked, and a confirmation brings it to an end."""

    def __init__(self) -> None:
        super().__init__()
        self.harness = PusherHarness(batch=4)

    some = st.sets(st.integers(0, 15), min_size=6, max_size=16)

    @rule(numbers=some, content=st.sampled_from(["c1", "c2"]))
    def wanted(self, numbers: set[int], content: str) -> None:
        self.harness.wants(numbers, content=content)

    @rule(numbers=some)
    def dropped(self, numbers: set[int]) -> None:
        self.harness.drop(*(key for n in numbers if (key := f"{BLOCK.id}/domain:h{n}.example") in self.harness.desired))

    @rule(numbers=st.sets(st.integers(0, 15), max_size=3))
    def let_go(self, numbers: set[int]) -> None:
        keys = {f"{BLOCK.id}/domain:h{n}.example" for n in numbers} & self.harness.desired.keys()
        for key in keys:
            self.harness.want(key.rpartition(":")[2], content="", released=True)

    @rule(kind=st.sampled_from([SHRINK, SURGE]), for_ms=st.sampled_from([HOUR_MS, -1]))
    def confirmed(self, kind: HoldKind, for_ms: int) -> None:
        self.harness.says("confirm", kind, for_ms)

    @rule()
    def restarted(self) -> None:
        self.harness.restart()

    @rule(units=st.integers(1, 8))
    def worked(self, units: int) -> None:
        for _ in range(units):
            self.reconcile_once()

    def reconcile_once(self) -> None:
        before, stay = set(self.harness.there), self.released() - self.harness.desired.keys()
        self.harness.reconcile_once()
        after = set(self.harness.there)
        assert stay <= after
        holds = self.harness.holds()
        if SHRINK in holds:
            assert not before - after
        tally = self.harness.store.tallies.get(BLOCK.id)
        if tally:
            assert (tally.there, tally.leaving, tally.coming) == counted(self.harness)

    def released(self) -> set[str]:
        """What was let go, by the records."""
        return {key for key, a in self.harness.written.latest.items() if a.reason and a.reason.code == "released"}

    def teardown(self) -> None:
        self.harness.says("confirm", SHRINK)
        self.harness.says("confirm", SURGE)
        self.harness.work()
        wanted = {key: d.content for key, d in self.harness.desired.items() if not d.released}
        assert {key: c for key, c in self.harness.there.items() if key not in self.released()} == wanted
        assert self.harness.written.holds == {}
        assert not {a.confirmed for a in self.harness.written.latest.values()} - {None}


def counted(harness: PusherHarness) -> tuple[int, int, int]:
    entries = [entry for entry in harness.store if entry.target_id == BLOCK.id and not entry.released]
    leaving = [entry for entry in entries if entry.leaving and not entry.let_through]
    there = [entry for entry in entries if entry.present and not (entry.leaving and entry.let_through)]
    coming = [entry for entry in entries if entry.new and not entry.let_through]
    return len(there), len(leaving), len(coming)


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAnyOrder = AnyOrder.TestCase
