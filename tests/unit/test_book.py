"""A pusher's books: what goes out is noted first, every outcome is published once, and people hear each reason once."""

from collections.abc import Iterator

import pytest

from schemas.desired import AppliedState
from schemas.record import Reason
from services.runtime.book import Book, Pace
from services.runtime.standing import UNCONFIRMED, Item, Outcome, Place
from services.runtime.vendors.errors import StoppedError
from tests.pushing import Desk, netskope

WHY = Reason(code="vendor_rejected", detail="no")


class _Nothing:
    def unit(self) -> float:
        return float("inf")

    def close(self) -> None:
        """There is nothing to close."""


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk(netskope("http://127.0.0.1:1"), lambda _: _Nothing(), detailed=True)
    yield desk
    desk.close()


def only(desk: Desk) -> Item:
    (found,) = desk.standing
    return found


def test_what_goes_out_for_the_first_time_is_noted_before_and_survives_a_restart(desk: Desk) -> None:
    key = desk.want("evil.example")
    desk.book.intend([(only(desk), None)])
    assert desk.reasons() == {"domain:evil.example": UNCONFIRMED}
    writes = desk.written.writes
    desk.book.intend([(only(desk), None)])
    assert desk.written.writes == writes, "it is noted once"
    desk.drop(key)
    desk.restart()
    assert only(desk).place is Place.WITHDRAW, "it may be there"


def test_an_outcome_is_published_once_and_told_once(desk: Desk) -> None:
    desk.want("evil.example")
    for _ in range(3):
        desk.book.record([Outcome(only(desk), AppliedState.REJECTED, None, WHY)])
    assert desk.written.writes == 1
    assert [(item.subject, item.reason) for item in desk.told.items] == [("domain:evil.example", "vendor_rejected")]
    assert [code for code, _ in desk.told.said] == ["rejected"]


def test_skips_are_counted_as_skips_and_not_told_as_trouble(desk: Desk) -> None:
    desk.want("evil.example")
    desk.book.record([Outcome(only(desk), AppliedState.SKIPPED, None, Reason(code="expired"))])
    assert [code for code, _ in desk.told.said] == ["skipped"]


def test_what_is_gone_leaves_a_tombstone_and_no_entry(desk: Desk) -> None:
    key = desk.want("evil.example")
    desk.book.record([Outcome(only(desk), AppliedState.APPLIED, "7")])
    desk.drop(key)
    desk.book.record([Outcome(only(desk), None)])
    assert (desk.written.latest, list(desk.standing)) == ({}, [])


def test_nothing_is_written_once_it_was_asked_to_leave(desk: Desk) -> None:
    desk.want("evil.example")
    book: Book = desk.book
    book.stop.set()
    with pytest.raises(StoppedError):
        book.intend([(only(desk), None)])
    with pytest.raises(StoppedError):
        book.record([Outcome(only(desk), AppliedState.APPLIED, "7")])
    assert desk.written.writes == 0
    assert only(desk).state is None, "what was not published is not believed"


def test_waits_double_up_to_their_longest() -> None:
    pace = Pace(first_s=1, longest_s=8, first_failed_s=10, longest_failed_s=30)
    assert [pace.lasting(failures) for failures in (0, 1, 2, 3, 10_000)] == [10, 20, 30, 30, 30]
    for failures, most in ((0, 1), (1, 2), (3, 8), (10_000, 8)):
        assert 0.75 * most <= pace.passing(failures) <= 1.25 * most
