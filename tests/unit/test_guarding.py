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
from services.runtime import guarding
from services.runtime.book import Book
from services.runtime.item import Outcome, Place
from tests import pushing
from tests.pushing import BLOCK, LIST, NAME, defender

SHRINK, SURGE = HoldKind.TARGET_WOULD_SHRINK, HoldKind.TARGET_WOULD_SURGE
LIMIT = {"shrinkPercent": 50, "surgePercent": 200, "atLeast": 4}
GUARD = resource("Guard", "default", {"target": LIMIT})
HOUR_MS = 3_600_000


class Tenant:
    """A vendor that takes everything, a few entries a call, withdrawals first."""

    def __init__(self, book: Book, there: dict[str, str], batch: int) -> None:
        self._book = book
        self._there = there
        self._batch = batch

    def unit(self) -> float:
        places = self._book.standing.places
        gone = list(places[Place.WITHDRAW])[: self._batch]
        put = [] if gone else list(places[Place.PUT])[: self._batch]
        if not gone and not put:
            return float("inf")
        for item in gone:
            self._there.pop(item.key, None)
        self._book.record([Outcome(item, None) for item in gone])
        self._book.intend((item, None) for item in put if not item.present)
        self._there |= {item.key: item.wanted or "" for item in put}
        self._book.record([Outcome(item, AppliedState.APPLIED, item.key) for item in put])
        return 0.0

    def close(self) -> None:
        """Nothing is open."""


class Desk(pushing.Desk):
    def __init__(self, batch: int = 3) -> None:
        self.there: dict[str, str] = {}
        self._verdicts: list[AnyResource] = []
        connection = defender("http://127.0.0.1:1", "t", "a")
        super().__init__(connection, lambda book: Tenant(book, self.there, batch), detailed=True)
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
    monkeypatch.setattr(guarding, "FRESH_MS", -HOUR_MS)


def filled(numbers: range = range(10)) -> tuple[Desk, list[str]]:
    desk = Desk()
    keys = desk.wants(numbers)
    desk.work()
    return desk, keys


def test_a_withdrawal_of_too_many_waits_is_listed_and_told_once_while_edits_and_additions_go_on() -> None:
    desk, keys = filled()
    desk.drop(*keys[:6])
    desk.wants([8], content="c2")
    desk.wants([20])
    for _ in range(3):
        desk.work()
    assert set(desk.there) == {*keys, "defender-action:Block/domain:h20.example"}
    assert desk.there[keys[8]] == "c2"
    hold = desk.holds()[SHRINK]
    assert (hold.id, hold.count, hold.of, hold.limit_percent, hold.subject) == (
        hold_id(NAME, BLOCK.id, SHRINK), 6, 10, 50, BLOCK.id,
    )  # fmt: skip
    assert {item.subject for item in hold.sample} == {f"domain:h{n}.example" for n in range(6)}
    assert [name for name, code in desk.reasons().items() if code == "guard_shrink"] == [
        f"domain:h{n}.example" for n in range(6)
    ]
    assert set(desk.states().values()) == {"applied"}, "they are there"
    assert desk.codes() == ["target_would_shrink"]


def test_a_restart_neither_loses_nor_repeats_a_hold() -> None:
    desk, keys = filled()
    desk.drop(*keys[:6])
    desk.work()
    before = dict(desk.written.holds)
    desk.restart()
    desk.work()
    assert desk.written.holds == before
    assert (len(desk.there), desk.codes()) == (10, ["target_would_shrink"])


def test_half_and_a_slow_trickle_are_never_held() -> None:
    desk, keys = filled()
    desk.drop(*keys[:5])
    desk.work()
    for key in keys[5:]:
        desk.drop(key)
        desk.work()
    assert (desk.there, desk.written.holds, desk.written.latest) == ({}, {}, {})


def test_what_comes_back_ends_the_hold_and_leaves_no_trace() -> None:
    desk, keys = filled()
    desk.drop(*keys[:6])
    desk.work()
    desk.wants(range(6))
    writes = dict(desk.there)
    desk.work()
    assert (desk.there, desk.holds(), desk.reasons()) == (writes, {}, {})
    assert desk.codes() == ["target_would_shrink", "hold_over"]
    desk.restart()
    assert desk.standing.pending == 0


def test_a_hold_does_not_end_because_other_entries_came() -> None:
    desk, keys = filled()
    desk.drop(*keys[:6])
    desk.work()
    desk.wants(range(20, 30))
    desk.work()
    assert (len(desk.there), desk.holds()[SHRINK].count) == (20, 6)


def test_a_verdict_lets_everything_through_even_if_it_runs_out_half_way_and_after_a_restart() -> None:
    desk, keys = filled()
    desk.drop(*keys)
    desk.work()
    desk.says("confirm")
    desk.unit()
    assert (len(desk.there), desk.holds()) == (7, {})
    desk.says("confirm", for_ms=-1)
    desk.restart()
    desk.work()
    assert (desk.there, desk.written.latest) == ({}, {})


def test_what_comes_up_after_a_verdict_ran_out_needs_another() -> None:
    desk, keys = filled(range(20))
    desk.drop(*keys[:11])
    desk.says("confirm")
    desk.unit()
    desk.says("confirm", for_ms=-1)
    desk.drop(*keys[11:])
    desk.work()
    assert sorted(desk.there) == sorted(keys[11:])
    assert (desk.holds()[SHRINK].count, desk.holds()[SHRINK].of) == (9, 9)


def test_a_verdict_may_come_before_the_withdrawals_it_is_for() -> None:
    desk, keys = filled()
    desk.says("confirm")
    for key in keys:
        desk.drop(key)
    desk.work()
    assert (desk.there, desk.codes()) == ({}, [])


def test_a_verdict_that_has_run_out_or_is_on_something_else_does_not_count() -> None:
    desk, keys = filled()
    desk.says("confirm", for_ms=-1)
    desk.says("confirm", target=LIST.id)
    desk.says("confirm", kind=SURGE)
    desk.drop(*keys)
    desk.work()
    assert len(desk.there) == 10


def test_a_rejection_is_remembered_until_it_is_over_and_can_be_taken_back() -> None:
    desk, keys = filled()
    desk.drop(*keys)
    desk.says("reject")
    desk.work()
    assert desk.holds()[SHRINK].rejected
    desk.says("reject", for_ms=-1)
    desk.restart()
    desk.work()
    assert desk.holds()[SHRINK].rejected
    assert len(desk.there) == 10
    desk.says("confirm")
    desk.work()
    assert (desk.there, desk.holds()) == ({}, {})


def test_an_empty_target_is_filled_in_as_many_pieces_as_it_takes() -> None:
    desk = Desk()
    for start in range(0, 300, 30):
        desk.wants(range(start, start + 30))
        desk.unit()
        desk.restart()
    desk.work(200)
    assert (len(desk.there), desk.codes()) == (300, [])


@pytest.mark.usefixtures("old")
def test_a_flood_of_new_entries_waits_while_edits_and_withdrawals_go_on() -> None:
    desk, keys = filled()
    desk.wants(range(100, 121))
    desk.wants([1], content="c2")
    desk.drop(keys[0])
    desk.work()
    assert sorted(desk.there) == sorted(keys[1:])
    assert desk.there[keys[1]] == "c2"
    held = [name for name, state in desk.states().items() if state == "held"]
    assert len(held) == 21
    assert {desk.reasons()[name] for name in held} == {"guard_surge"}
    assert desk.holds()[SURGE].count == 21
    desk.restart()
    desk.work()
    assert len(desk.there) == 9
    desk.says("confirm", SURGE)
    desk.unit()
    desk.says("confirm", SURGE, for_ms=-1)
    desk.restart()
    desk.work()
    assert (len(desk.there), desk.holds(), desk.reasons()) == (30, {}, {})


@pytest.mark.usefixtures("old")
def test_held_entries_that_nobody_wants_any_more_are_forgotten_and_the_hold_ends() -> None:
    desk, _ = filled()
    more = desk.wants(range(100, 121))
    desk.work()
    desk.drop(*more[:10])
    desk.work()
    assert (len(desk.there), desk.holds(), len(desk.written.latest)) == (21, {}, 21)


def test_a_hold_fits_into_a_record_however_long_its_entries_are() -> None:
    desk = Desk()
    keys = [desk.want(f"http://h{n}.example/{'x' * 1_500}") for n in range(400)]
    desk.work(200)
    desk.drop(*keys)
    desk.work()
    hold = desk.holds()[SHRINK]
    assert hold.count == 400
    assert 100 < len(hold.sample) < 400
    assert len(hold.encode()) < 500_000


def test_a_guard_without_limits_holds_nothing() -> None:
    desk, keys = filled()
    desk.policy.view = Policy.of([resource("Guard", "default", {})])
    desk.drop(*keys)
    desk.work()
    assert desk.there == {}


def test_what_is_released_stays_and_is_never_touched_again() -> None:
    desk, keys = filled()
    desk.wants(range(10), content="", released=True)
    desk.work()
    desk.restart()
    desk.drop(*keys)
    desk.work()
    assert (sorted(desk.there), desk.codes()) == (sorted(keys), [])
    assert set(desk.reasons().values()) == {"released"}
    desk.wants([3], content="c1")
    desk.work()
    desk.drop(keys[3])
    desk.work()
    assert sorted(desk.there) == sorted(keys[:3] + keys[4:]), "wanted again, it is ours again"


def test_what_is_to_be_sent_again_is_written_once_more_and_only_once() -> None:
    desk, _ = filled()
    ahead = int(time.time() * 1000) + 60_000
    desk.there.clear()
    desk.wants(range(5), resend_at=ahead)
    desk.work()
    assert len(desk.there) == 5
    desk.there.clear()
    desk.wants(range(5), resend_at=ahead)
    desk.restart()
    desk.work()
    assert desk.there == {}


class AnyOrder(RuleBasedStateMachine):
    """Whatever comes in whatever order: nothing abnormal happens unasked, and a confirmation brings it to an end."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(batch=4)

    some = st.sets(st.integers(0, 15), min_size=6, max_size=16)

    @rule(numbers=some, content=st.sampled_from(["c1", "c2"]))
    def wanted(self, numbers: set[int], content: str) -> None:
        self.desk.wants(numbers, content=content)

    @rule(numbers=some)
    def dropped(self, numbers: set[int]) -> None:
        self.desk.drop(*(key for n in numbers if (key := f"{BLOCK.id}/domain:h{n}.example") in self.desk.desired))

    @rule(numbers=st.sets(st.integers(0, 15), max_size=3))
    def let_go(self, numbers: set[int]) -> None:
        keys = {f"{BLOCK.id}/domain:h{n}.example" for n in numbers} & self.desk.desired.keys()
        for key in keys:
            self.desk.want(key.rpartition(":")[2], content="", released=True)

    @rule(kind=st.sampled_from([SHRINK, SURGE]), for_ms=st.sampled_from([HOUR_MS, -1]))
    def confirmed(self, kind: HoldKind, for_ms: int) -> None:
        self.desk.says("confirm", kind, for_ms)

    @rule()
    def restarted(self) -> None:
        self.desk.restart()

    @rule(units=st.integers(1, 8))
    def worked(self, units: int) -> None:
        for _ in range(units):
            self.unit()

    def unit(self) -> None:
        before, stay = set(self.desk.there), self.released() - self.desk.desired.keys()
        self.desk.unit()
        after = set(self.desk.there)
        assert stay <= after
        holds = self.desk.holds()
        if SHRINK in holds:
            assert not before - after
        tally = self.desk.standing.tallies.get(BLOCK.id)
        if tally:
            assert (tally.there, tally.leaving, tally.coming) == counted(self.desk)

    def released(self) -> set[str]:
        """What was let go, by the records."""
        return {key for key, a in self.desk.written.latest.items() if a.reason and a.reason.code == "released"}

    def teardown(self) -> None:
        self.desk.says("confirm", SHRINK)
        self.desk.says("confirm", SURGE)
        self.desk.work()
        wanted = {key: d.content for key, d in self.desk.desired.items() if not d.released}
        assert {key: c for key, c in self.desk.there.items() if key not in self.released()} == wanted
        assert self.desk.written.holds == {}
        assert not {a.confirmed for a in self.desk.written.latest.values()} - {None}


def counted(desk: Desk) -> tuple[int, int, int]:
    items = [item for item in desk.standing if item.target_id == BLOCK.id and not item.released]
    leaving = [item for item in items if item.leaving and not item.let_through]
    there = [item for item in items if item.present and not (item.leaving and item.let_through)]
    coming = [item for item in items if item.new and not item.let_through]
    return len(there), len(leaving), len(coming)


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAnyOrder = AnyOrder.TestCase
