"""A pusher's books: what goes out is noted first, every outcome is published once, and people hear each reason once."""

from collections.abc import Iterator

import pytest

from schemas.desired import AppliedState
from schemas.record import Reason
from services.runtime.reconciling.entry import UNCONFIRMED, Entry, Outcome, SyncState
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.errors import StoppedError
from services.runtime.vendors.pace import Pace
from tests.pushing import PusherHarness, netskope

WHY = Reason(code="vendor_rejected", detail="no")


class _Nothing:
    def try_entry(self, entry: Entry) -> None:
        """Nothing is wrong with any."""

    def reconcile_once(self) -> float:
        return float("inf")

    def close(self) -> None:
        """There is nothing to close."""


@pytest.fixture
def harness() -> Iterator[PusherHarness]:
    harness = PusherHarness(netskope("http://127.0.0.1:1"), lambda _: _Nothing())
    yield harness
    harness.close()


def only(harness: PusherHarness) -> Entry:
    (found,) = harness.store
    return found


def test_what_goes_out_for_the_first_time_is_noted_before_and_survives_a_restart(harness: PusherHarness) -> None:
    key = harness.want("evil.example")
    harness.writer.write_ahead([(only(harness), None)])
    assert harness.reasons() == {"domain:evil.example": UNCONFIRMED}
    writes = harness.written.writes
    harness.writer.write_ahead([(only(harness), None)])
    assert harness.written.writes == writes, "it is noted once"
    harness.drop(key)
    harness.restart()
    assert only(harness).sync_state is SyncState.WITHDRAW, "it may be there"


def test_an_outcome_is_published_once_and_told_once(harness: PusherHarness) -> None:
    harness.want("evil.example")
    for _ in range(3):
        harness.writer.record([Outcome(only(harness), AppliedState.REJECTED, None, WHY)])
    assert harness.written.writes == 1
    assert [(entry.subject, entry.reason) for entry in harness.told.entries] == [
        ("domain:evil.example", "vendor_rejected")
    ]
    assert [code for code, _ in harness.told.said] == ["rejected"]


def test_skips_are_counted_as_skips_and_not_told_as_trouble(harness: PusherHarness) -> None:
    harness.want("evil.example")
    harness.writer.record([Outcome(only(harness), AppliedState.SKIPPED, None, Reason(code="expired"))])
    assert [code for code, _ in harness.told.said] == ["skipped"]


def test_what_is_gone_leaves_a_tombstone_and_no_entry(harness: PusherHarness) -> None:
    key = harness.want("evil.example")
    harness.writer.record([Outcome(only(harness), AppliedState.APPLIED, "7")])
    harness.drop(key)
    harness.writer.record([Outcome(only(harness), None)])
    assert (harness.written.latest, list(harness.store)) == ({}, [])


def test_nothing_is_written_once_it_was_asked_to_leave(harness: PusherHarness) -> None:
    harness.want("evil.example")
    writer: StatusWriter = harness.writer
    writer.stop.set()
    with pytest.raises(StoppedError):
        writer.write_ahead([(only(harness), None)])
    with pytest.raises(StoppedError):
        writer.record([Outcome(only(harness), AppliedState.APPLIED, "7")])
    assert harness.written.writes == 0
    assert only(harness).state is None, "what was not published is not believed"


def test_waits_double_up_to_their_longest() -> None:
    pace = Pace(first_s=1, longest_s=8, first_failed_s=10, longest_failed_s=30)
    assert [pace.lasting(failures) for failures in (0, 1, 2, 3, 10_000)] == [10, 20, 30, 30, 30]
    for failures, most in ((0, 1), (1, 2), (3, 8), (10_000, 8)):
        assert 0.75 * most <= pace.passing(failures) <= 1.25 * most
