"""The tests that every pusher passes. Bind them: a subclass named `Test…` with a fixture `case`."""

import time
from abc import ABC, abstractmethod

import pytest

from schemas.canonical import canonicalise
from schemas.hold import HoldKind, hold_id
from schemas.policy import Policy
from schemas.resources import resource
from schemas.targets import Target
from services.runtime.vendors.errors import StoppedError, VendorError
from tests.pushing import NAME, PusherHarness

_GUARD = resource("Guard", "default", {"target": {"atLeast": 10}})
_DAY_MS = 24 * 3_600_000


class PusherCase(ABC):
    """One kind of target at a tenant that a pusher works for. Its comparisons are due every ten minutes."""

    harness: PusherHarness
    target: Target
    values: tuple[str, ...]
    """Thirty canonical values that the target takes."""

    @abstractmethod
    def held(self) -> set[str]:
        """What the tenant holds there, as canonical values; without what keeps an empty list valid."""

    @abstractmethod
    def writes(self) -> int:
        """Calls so far that change something at the tenant."""

    @abstractmethod
    def later(self, seconds: float) -> None:
        """Let time pass for the pusher."""

    @abstractmethod
    def fail_next(self) -> None:
        """Have the tenant answer the next call with 503."""

    def place_theirs(self) -> set[str]:
        """Have somebody else write an entry, where a pusher keeps those. Returns what is held from now on."""
        return set()

    def want(self, *values: str, **details: object) -> list[str]:
        """Desire entries at the target; returns their keys."""
        return [self.harness.want(value, self.target, **details) for value in values]

    def ids(self, *values: str) -> set[str]:
        """The ids of indicators."""
        return {canonicalise(value).id for value in values}

    def close(self) -> None:
        """Close the connections."""
        self.harness.close()


class PusherConformance:
    """What any pusher must do."""

    def test_what_is_desired_is_there_and_what_is_not_any_more_is_gone(self, case: PusherCase) -> None:
        theirs = case.place_theirs()
        keys = case.want(*case.values)
        case.harness.work()
        assert case.held() == {*case.values} | theirs
        assert case.harness.states() == dict.fromkeys(case.ids(*case.values), "applied")
        case.harness.drop(*keys[:5])
        case.harness.work()
        assert case.held() == {*case.values[5:]} | theirs
        assert set(case.harness.states()) == case.ids(*case.values[5:])

    def test_a_restart_writes_nothing_again(self, case: PusherCase) -> None:
        case.want(*case.values)
        case.harness.work()
        writes, records = case.writes(), case.harness.written.writes
        case.harness.restart()
        case.harness.work()
        case.later(601)
        case.harness.work()
        assert (case.writes(), case.harness.written.writes) == (writes, records)

    @pytest.mark.parametrize("dropped", [20, 29])
    def test_withdrawals_that_a_guard_holds_stay_until_a_person_confirms(self, case: PusherCase, dropped: int) -> None:
        theirs = case.place_theirs()
        case.harness.policy.view = Policy.of([_GUARD])
        keys = case.want(*case.values[:-1])
        case.harness.work()
        case.harness.drop(*keys[:dropped])
        case.harness.work()
        case.want(case.values[-1])
        case.harness.work()
        case.harness.restart()
        case.later(601)
        case.harness.work()
        assert case.held() == {*case.values} | theirs, "what is new is written, what is held stays"
        assert [code for code, _ in case.harness.told.said] == ["target_would_shrink"]
        now = int(time.time() * 1000)
        name = hold_id(NAME, case.target.id, HoldKind.TARGET_WOULD_SHRINK)
        spec = {"connection": NAME, "subject": case.target.id, "verdict": "confirm", "at": now, "until": now + _DAY_MS}
        case.harness.policy.view = Policy.of([_GUARD, resource("Verdict", name, spec)])
        case.harness.work()
        left = case.values[dropped:]
        assert (case.held(), case.harness.written.holds) == ({*left} | theirs, {})
        assert case.harness.states() == dict.fromkeys(case.ids(*left), "applied")
        assert case.harness.reasons() == {}

    def test_released_entries_stay_whatever_is_written_later(self, case: PusherCase) -> None:
        released, other, late = case.values[:2], case.values[2], case.values[5]
        keys = case.want(*released, other)
        case.harness.work()
        writes = case.writes()
        case.want(*released, content="", released=True)
        case.harness.work()
        case.harness.restart()
        case.later(601)
        case.harness.work()
        assert (case.held(), case.writes()) == ({*released, other}, writes), "neither written nor taken for orphans"
        case.harness.drop(*keys)
        case.harness.work()
        case.harness.restart()
        case.want(late)
        case.harness.work()
        assert case.held() == {*released, late}
        remembered = set() if case.target.is_readable else case.ids(*released)
        assert {name for name, code in case.harness.reasons().items() if code == "released"} == remembered

    def test_entries_to_be_sent_again_are_written_once_more_and_only_once(self, case: PusherCase) -> None:
        case.want(*case.values)
        case.harness.work()
        writes = case.writes()
        case.want(*case.values[:5], resend_at=int(time.time() * 1000) + 60_000)
        case.harness.work()
        again = case.writes()
        case.harness.restart()
        case.harness.work()
        assert writes < again == case.writes()
        assert case.held() == {*case.values}

    def test_a_vendor_that_fails_is_worked_with_again_and_nothing_is_lost(self, case: PusherCase) -> None:
        case.want(*case.values)
        case.fail_next()
        with pytest.raises(VendorError):
            case.harness.work()
        case.later(61)
        case.harness.work()
        assert case.held() == {*case.values}
        assert case.harness.states() == dict.fromkeys(case.ids(*case.values), "applied")

    def test_asked_to_leave_it_calls_nobody_any_more(self, case: PusherCase) -> None:
        case.want(*case.values)
        writes = case.writes()
        case.harness.writer.stop.set()
        with pytest.raises(StoppedError):
            case.harness.work()
        assert (case.writes(), case.held() & {*case.values}) == (writes, set())

    def test_an_entry_is_tried_by_itself_without_a_call(self, case: PusherCase) -> None:
        case.want(*case.values)
        for entry in list(case.harness.store):
            case.harness.pusher.try_entry(entry)
        assert (case.writes(), case.harness.written.writes) == (0, 0)

    def test_a_comparison_that_a_person_asks_for_is_answered_once(self, case: PusherCase) -> None:
        case.harness.ask("empty")
        case.harness.work()
        assert case.harness.told.answers == ["empty"], "also where nothing is known"
        case.want(*case.values)
        case.harness.ask("first")
        case.harness.work()
        case.harness.restart()
        case.harness.work()
        assert case.harness.told.answers == ["empty", "first"]
        assert case.held() == {*case.values}


class LosablePusherCase(PusherCase):
    """A target that can be compared with what is known of it."""

    @abstractmethod
    def take_out(self, *values: str) -> None:
        """Have somebody else remove entries."""


class ComparingPusherConformance(PusherConformance):
    """What a pusher must do where it can read what the tenant holds."""

    def test_what_others_took_out_is_told_and_written_again(self, case: LosablePusherCase) -> None:
        case.want(*case.values[:10])
        case.harness.work()
        case.take_out(*case.values[:2])
        case.harness.ask("first")
        case.harness.work()
        assert case.harness.told.answers == ["first"]
        assert case.harness.told.found[0]["lost"] == 2
        lost = [entry.subject for entry in case.harness.told.entries if entry.reason == "lost"]
        assert set(lost) == case.ids(*case.values[:2])
        assert case.held() == {*case.values[:10]}

    def test_what_others_took_out_is_written_again_without_being_asked(self, case: LosablePusherCase) -> None:
        case.want(*case.values[:10])
        case.harness.work()
        case.take_out(*case.values[:2])
        case.later(601)
        case.harness.work()
        assert case.held() == {*case.values[:10]}
