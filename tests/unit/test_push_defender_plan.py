"""What is sent to Defender next, and what its answers mean; no vendor in sight."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.desired import AppliedState
from schemas.marker import marker
from schemas.record import Reason
from schemas.types import IndicatorType, Severity
from services.push_defender import plan
from services.push_defender.client import ImportResult, Row
from services.push_defender.plan import choose, compare, foreign, results
from services.runtime.reconciling.entry import ID_UNKNOWN, UNCONFIRMED, Entry, Outcome, SyncState
from services.runtime.reconciling.entry_store import EntryStore
from tests.pushing import desired_entry, entry

NOW = 1_900_000_000_000
OWNER = "0badcafe"


def known(value: str, remote_id: str | None, state: AppliedState = AppliedState.APPLIED, reason: str = "") -> Entry:
    """An entry as it stands after an outcome."""
    store = EntryStore()
    store.desire(*desired_entry(value))
    found = next(iter(store))
    store.settle(Outcome(found, state, remote_id, Reason(code=reason) if reason else None))
    return found


def held(value: str) -> Entry:
    return known(value, None, AppliedState.HELD, "capacity")


def row(row_id: str, value: str, mark: str | None = None, **more: Any) -> Row:
    body = {"id": row_id, "indicatorValue": value, "indicatorType": "DomainName", "action": "Block", "externalId": mark}
    return Row.model_validate({**body, **more})


def answer(value: str | None, failed: str | None = None, row_id: str | None = "9") -> ImportResult:
    said = {"id": None if failed else row_id, "indicator": value, "isFailed": bool(failed), "failureReason": failed}
    return ImportResult.model_validate(said)


def of(outcomes: list[Outcome]) -> list[tuple[str, str | None, str | None, str | None]]:
    return [(o.entry.value, o.state, o.remote_id, o.reason.code if o.reason else None) for o in outcomes]


def test_five_hundred_go_at_once_and_what_cannot_be_there_is_set_aside() -> None:
    waiting = [entry("10.0.0.1"), *(entry(f"h{number}.example") for number in range(700))]
    choice = choose(waiting, [], capacity=None, size=500, now_ms=NOW)
    assert [found.value for found in choice.send] == [f"h{number}.example" for number in range(500)]
    assert of(choice.skipped) == [("10.0.0.1", "skipped", None, "internal_address")]


def test_room_goes_to_the_best_ranks_whoever_came_first_and_an_update_needs_none() -> None:
    low = entry("low.example", severity=Severity.LOW)
    update = known("update.example", "7")
    waiting = [low, update, entry("bad.example", reputation=9)]
    choice = choose(waiting, [held("held.example")], capacity=2, size=500, now_ms=NOW)
    assert [found.value for found in choice.send] == ["bad.example", "update.example", "held.example"]
    assert of(choice.skipped) == [("low.example", "held", None, "capacity")]


def test_nothing_new_is_sent_to_a_tenant_that_is_full_and_who_is_held_is_not_held_again() -> None:
    choice = choose([entry("new.example")], [held("held.example")], capacity=0, size=500, now_ms=NOW)
    assert not choice.send
    assert of(choice.skipped) == [("new.example", "held", None, "capacity")]


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.none() | st.integers(0, 20), st.integers(1, 9))
def test_a_choice_never_exceeds_size_or_room_and_names_nobody_twice(
    new: int, updates: int, waits: int, capacity: int | None, size: int
) -> None:
    waiting = [entry(f"n{n}.example") for n in range(new)] + [known(f"u{n}.example", str(n)) for n in range(updates)]
    held_back = [held(f"h{n}.example") for n in range(waits)]
    choice = choose(waiting, held_back, capacity=capacity, size=size, now_ms=NOW)
    assert len(choice.send) <= size
    if capacity is not None:
        assert sum(found.remote_id is None for found in choice.send) <= capacity
    named = Counter([*choice.send, *(outcome.entry for outcome in choice.skipped)])
    assert set(named.values()) <= {1}
    assert all(outcome.entry.sync_state is not SyncState.HELD for outcome in choice.skipped)
    work = new or updates or (waits and capacity != 0)
    assert bool(choice.send or choice.skipped) == bool(work), "there is always progress while there is work"


def test_answers_in_the_order_sent_are_believed_where_they_do_not_contradict() -> None:
    sent = [entry("a.example"), entry("b.example"), entry("c.example"), entry("d.example")]
    answers = [
        answer("a.example", row_id="1"),
        answer(None, row_id="2"),
        answer("C.example", "Invalid"),
        answer("x", row_id="4"),
    ]
    assert of(results(sent, answers)) == [
        ("a.example", "applied", "1", None),
        ("b.example", "applied", "2", None),
        ("c.example", "rejected", None, "vendor_rejected"),
        ("d.example", "applied", "4", None),
    ]


def test_answers_in_another_order_or_number_are_found_by_their_value_or_not_believed() -> None:
    sent = [entry("a.example"), entry("b.example"), entry("c.example")]
    swapped = [answer("b.example", row_id="2"), answer("a.example", "Invalid"), answer("c.example", row_id="3")]
    assert [o.remote_id for o in results(sent, swapped)] == [None, "2", "3"]
    assert of(results(sent, [answer("c.example", row_id="3")])) == [
        ("a.example", "failed", None, UNCONFIRMED),
        ("b.example", "failed", None, UNCONFIRMED),
        ("c.example", "applied", "3", None),
    ]
    twice = [answer("a.example", row_id="1"), answer("a.example", row_id="2")]
    assert {o.state for o in results(sent[:1], twice)} == {"failed"}, "two answers for one entry mean neither"


@pytest.mark.parametrize(
    ("text", "state", "code"),
    [
        ("Max capacity exceeded for tenant", "failed", "capacity"),
        ("Internal error, try again", "failed", "vendor_failed"),
        ("request timed out", "failed", "vendor_failed"),
        ("Domain name is invalid.", "rejected", "vendor_rejected"),
        ("", "rejected", "vendor_rejected"),
    ],
)
def test_a_failed_row_means_what_its_text_says_and_an_older_version_stays(text: str, state: str, code: str) -> None:
    result = ImportResult.model_validate({"indicator": "a.example", "isFailed": True, "failureReason": text})
    assert of(results([known("a.example", "7")], [result])) == [("a.example", state, "7", code)]


def test_a_new_row_that_a_full_tenant_refuses_is_held() -> None:
    said = {"indicator": "a.example", "isFailed": True, "failureReason": "Max capacity exceeded"}
    full = ImportResult.model_validate(said)
    assert of(results([entry("a.example")], [full])) == [("a.example", "held", None, "capacity")]


def test_a_stored_row_whose_id_is_not_told_is_applied_with_a_remark() -> None:
    assert of(results([entry("a.example")], [answer("a.example", row_id=None)])) == [
        ("a.example", "applied", None, ID_UNKNOWN)
    ]
    assert of(results([known("a.example", "7")], [answer("a.example", row_id=None)]))[0][2:] == ("7", None)


def test_unmarked_rows_are_somebody_elses_each_for_its_device_groups() -> None:
    rows = [
        row("1", "theirs.example"),
        row("2", "ours.example", marker(OWNER, "domain:ours.example")),
        row("3", "scoped.example", rbacGroupNames=["Servers"]),
        row("4", "AB" * 32, indicatorType="FileSha256"),
    ]
    assert foreign(rows) == {
        plan.Identity("DomainName", "theirs.example", "Block"),
        plan.Identity("DomainName", "scoped.example", "Block", ("Servers",)),
        plan.Identity("FileSha256", "ab" * 32, "Block"),
    }


def mark(value: str) -> str:
    return marker(OWNER, entry(value).indicator_id)


def test_a_look_at_the_tenant_finds_what_is_lost_what_is_known_again_and_what_is_stray() -> None:
    there, gone = known("there.example", "1"), known("gone.example", "2")
    unknown_id = known("unknown.example", None, reason=ID_UNKNOWN)
    theirs, no_more = (
        known("theirs.example", None, reason="already_there"),
        known("left.example", None, reason="already_there"),
    )
    rows = [
        row("1", "there.example", mark("there.example")),
        row("3", "unknown.example", mark("unknown.example")),
        row("4", "theirs.example"),
        row("5", "nobody.example", mark("nobody.example")),
        row("6", "other.example", marker("deadbeef", "domain:other.example")),
    ]
    drift = compare([there, gone, unknown_id, theirs, no_more], rows, OWNER)
    assert {found.value for found in drift.missing} == {"gone.example", "left.example"}
    assert of(drift.found) == [("unknown.example", "applied", "3", None)]
    assert drift.orphan == ["5"], "rows of others, and of other installations, are no business of ours"


def test_entries_that_still_wait_for_something_are_neither_lost_nor_stray() -> None:
    store = EntryStore()
    store.desire(*desired_entry("sent.example"))
    sent = next(iter(store))
    store.sent(sent, None)
    edited = known("edited.example", "8")
    edited.wanted = "c2"
    drift = compare([sent, edited], [row("7", "sent.example", mark("sent.example"))], OWNER)
    assert (drift.missing, drift.found, drift.orphan) == ([], [], [])


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_nothing_of_others_is_ever_stray_and_nothing_there_is_lost(
    applied: set[int], ours: set[int], theirs: set[int]
) -> None:
    entries = [known(f"h{number}.example", f"o{number}") for number in sorted(applied)]
    rows = [row(f"o{n}", f"h{n}.example", mark(f"h{n}.example")) for n in ours]
    rows += [row(f"t{n}", f"h{n}.example") for n in theirs]
    drift = compare(entries, rows, OWNER)
    assert {found.remote_id for found in drift.missing} == {f"o{n}" for n in applied - ours}
    assert set(drift.orphan) == {f"o{n}" for n in ours - applied}


def test_a_hash_is_the_same_in_either_case() -> None:
    upper = row("1", "AB" * 32, indicatorType="FileSha256")
    assert plan.identity_of(upper) == plan.identity(entry("ab" * 32, type=IndicatorType.SHA256))
