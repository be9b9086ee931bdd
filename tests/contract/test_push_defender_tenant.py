"""The Defender pusher's part against the sandbox tenant: what the tenant holds afterwards, whatever it answers."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.marker import marker
from schemas.types import IndicatorType
from services.runtime.vendors.errors import VendorError
from tests.contract.defender import OWNER, PusherHarness
from tests.contract.test_vendor_sessions import Sandbox
from tests.pushing import AUDIT


@pytest.fixture
def harness(defender: Sandbox) -> Iterator[PusherHarness]:
    with closing(PusherHarness(defender)) as found:
        yield found


def test_what_is_desired_is_there_once_and_a_restart_sends_nothing(harness: PusherHarness) -> None:
    for number in range(620):
        harness.want(f"host{number}.example")
    harness.want("2001:db8::1")
    harness.want("a" * 64)
    harness.want("http://evil.example/it's?a=1&b=2", type=IndicatorType.URL)
    harness.want("evil.example", AUDIT)
    harness.work()
    assert len(harness.rows()) == 624
    assert {"2001:db8:0:0:0:0:0:1", "http://evil.example/it's?a=1&b=2"} <= harness.values()
    assert set(harness.states().values()) == {"applied"}
    assert harness.sent("/import") == 2, "500 a call"
    harness.restart()
    harness.later(0)
    harness.work()
    assert harness.sent("/import", "/BatchDelete") == 2


def test_an_edit_is_made_in_place_and_a_withdrawal_takes_only_its_own(harness: PusherHarness) -> None:
    harness.seed("foreign.example")
    harness.want("a.example", comments="old")
    gone = harness.want("b.example")
    harness.work()
    before = harness.rows()["a.example Block"]["id"]
    harness.want("a.example", comments="new", content="c2")
    harness.drop(gone)
    harness.work()
    assert harness.values() == {"foreign.example", "a.example"}
    row = harness.rows()["a.example Block"]
    assert (row["id"], row["description"]) == (before, "new")
    assert harness.states() == {"domain:a.example": "applied"}


@pytest.mark.parametrize("atomic", [True, False])
def test_a_batch_with_rows_that_others_deleted_is_withdrawn_all_the_same(harness: PusherHarness, atomic: bool) -> None:
    harness.switch(batch_delete_atomic=atomic)
    keys = [harness.want(f"h{number}.example") for number in range(30)]
    harness.work()
    harness.delete("h3.example", "h7.example")
    harness.drop(*keys)
    harness.work()
    assert (harness.values(), harness.states()) == (set(), {})


def test_one_row_that_others_deleted_is_withdrawn_all_the_same(harness: PusherHarness) -> None:
    key = harness.want("a.example")
    harness.work()
    harness.delete("a.example")
    harness.drop(key)
    harness.work()
    assert harness.states() == {}


@pytest.mark.parametrize("error", ["row", "whole"])
def test_a_full_tenant_holds_back_what_does_not_fit_and_takes_it_when_there_is_room(
    harness: PusherHarness, error: str
) -> None:
    harness.switch(capacity=6, capacity_error=error)
    harness.seed("foreign.example")
    keys = [harness.want(f"h{number}.example") for number in range(8)]
    harness.work()
    assert len(harness.values()) == 6
    assert sorted(harness.states().values()) == ["applied"] * 5 + ["held"] * 3
    assert set(harness.reasons().values()) == {"capacity"}
    there = [key for key in keys if harness.states()[key.partition("/")[2]] == "applied"]
    harness.drop(there[0], there[1])
    harness.work()
    assert sorted(harness.states().values()) == ["applied"] * 5 + ["held"]
    harness.switch(capacity=15_000)
    calls = harness.sent("/import")
    harness.work()
    assert harness.sent("/import") == calls, "a full tenant is not asked again and again"
    harness.later(61)
    harness.work()
    assert set(harness.states().values()) == {"applied"}
    assert "foreign.example" in harness.values()


def test_rows_that_the_vendor_rejects_are_told_with_its_words_and_take_no_other_with_them(
    harness: PusherHarness,
) -> None:
    params = {"values": ["h1.example"], "reason": "The value is on the allow list of the vendor."}
    harness.sandbox.fault("partial_batch", times=None, params=params)
    for number in range(4):
        harness.want(f"h{number}.example")
    harness.work()
    assert harness.states() == {f"domain:h{n}.example": "rejected" if n == 1 else "applied" for n in range(4)}
    (reason,) = [applied.reason for applied in harness.written.latest.values() if applied.reason]
    assert (reason.code, reason.detail) == ("vendor_rejected", "The value is on the allow list of the vendor.")
    calls = harness.sent("/import")
    harness.restart()
    harness.work()
    assert harness.sent("/import") == calls, "rejected is rejected until it changes"
    harness.sandbox.tenant.faults.clear()
    harness.want("h1.example", content="c2")
    harness.work()
    assert set(harness.states().values()) == {"applied"}


def test_a_batch_refused_whole_is_halved_until_the_culprit_stands_alone(harness: PusherHarness) -> None:
    body = {"error": {"code": "InvalidRequestBody", "message": "Request body is incorrect", "target": "t"}}
    harness.sandbox.fault("status", path="/import", code=400, body=body, times=5)
    for number in range(16):
        harness.want(f"h{number}.example")
    harness.work()
    states = harness.states()
    assert [value for value, state in states.items() if state == "rejected"] == ["domain:h0.example"]
    assert len(harness.values()) == 15


@pytest.mark.parametrize("kind", ["reset_after", "cut", "malformed", "empty"])
def test_an_answer_that_is_lost_leads_to_no_second_row_and_no_lost_one(harness: PusherHarness, kind: str) -> None:
    keys = [harness.want(f"h{number}.example") for number in range(5)]
    harness.sandbox.fault(kind, path="/import")
    with pytest.raises(VendorError):
        harness.work()
    assert len(harness.values()) == 5
    assert set(harness.reasons().values()) == {"unconfirmed"}
    harness.restart()
    harness.work()
    assert set(harness.states().values()) == {"applied"}
    harness.drop(*keys)
    harness.sandbox.fault("reset_after", path="/BatchDelete")
    with pytest.raises(VendorError):
        harness.work()
    harness.restart()
    harness.work()
    assert (harness.rows(), harness.states()) == ({}, {})


def test_what_was_sent_and_is_not_wanted_any_more_is_found_by_its_mark(harness: PusherHarness) -> None:
    keys = [harness.want(f"h{number}.example") for number in range(3)]
    harness.sandbox.fault("reset_after", path="/import")
    with pytest.raises(VendorError):
        harness.work()
    harness.seed("h0.example", action="Warn")
    harness.drop(*keys)
    harness.restart()
    harness.work()
    assert (set(harness.rows()), harness.states()) == ({"h0.example Warn"}, {})


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        ("evil.example", "DomainName", "evil.example"),
        ("ab" * 32, "FileSha256", "AB" * 32),
        ("http://evil.example/it's?a=1&b=2", "Url", "http://evil.example/it's?a=1&b=2"),
        ("2001:db8::1", "IpAddress", "2001:db8:0:0:0:0:0:1"),
    ],
)
def test_what_others_wrote_is_left_alone_from_beginning_to_end(
    harness: PusherHarness, value: str, kind: str, written: str
) -> None:
    harness.seed(written, indicatorType=kind, description="theirs")
    before = harness.rows()
    key = harness.want(value, type=IndicatorType.URL if kind == "Url" else None)
    harness.work()
    assert harness.rows() == before
    assert list(harness.reasons().values()) == ["already_there"]
    harness.drop(key)
    harness.work()
    assert (harness.rows(), harness.states()) == (before, {})


def test_what_others_delete_of_ours_or_give_up_of_theirs_is_written(harness: PusherHarness) -> None:
    harness.seed("theirs.example")
    harness.want("ours.example")
    harness.want("theirs.example")
    harness.work()
    harness.delete("ours.example", "theirs.example")
    harness.work()
    assert harness.values() == set()
    harness.later(601)
    harness.work()
    assert harness.values() == {"ours.example", "theirs.example"}
    assert "drift" in [code for code, _ in harness.told.said]


def test_where_the_connection_says_so_what_others_deleted_is_told_and_left(harness: PusherHarness) -> None:
    harness.close()
    reporting = PusherHarness(harness.sandbox, reconcile={"interval": "10m", "mode": "report"})
    reporting.want("ours.example")
    reporting.work()
    reporting.delete("ours.example")
    reporting.seed("stray.example", externalId=marker(OWNER, "domain:stray.example"))
    reporting.later(601)
    reporting.work()
    assert reporting.values() == {"stray.example"}
    assert [code for code, _ in reporting.told.said] == ["drift", "strays"]
    reporting.close()


def test_rows_with_our_mark_that_nothing_asks_for_are_deleted_but_not_when_they_are_many(
    harness: PusherHarness,
) -> None:
    harness.want("a.example")
    harness.work()
    orphans = [f"stray{number}.example" for number in range(21)]
    for value in orphans:
        harness.seed(value, externalId=marker(OWNER, f"domain:{value}"))
    harness.seed("other.example", externalId=marker("deadbeef", "domain:other.example"))
    harness.later(601)
    harness.work()
    assert set(orphans) <= harness.values()
    assert [code for code, _ in harness.told.said][-1] == "many_strays"
    harness.delete("stray0.example")
    harness.later(601)
    harness.work()
    assert harness.values() == {"a.example", "other.example"}


@pytest.mark.parametrize(
    "switches",
    [
        {"page_size": 7},
        {"page_size": 7, "list_order": "newest_first", "emit_nextlink": True},
        {"page_size": 7, "list_order": "scrambled", "web_category_row": True},
    ],
)
def test_a_listing_is_whole_however_it_is_paged(harness: PusherHarness, switches: dict[str, object]) -> None:
    harness.switch(**switches)
    harness.seed(*(f"h{number}.example" for number in range(40)))
    for number in range(60):
        harness.want(f"h{number}.example")
    harness.work()
    assert len(harness.values() - {"News"}) >= 60
    codes = list(harness.reasons().values())
    assert codes == ["already_there"] * 40


@pytest.mark.parametrize(("md5", "state"), [(True, "applied"), (False, "skipped")])
def test_md5_is_left_to_the_vendor_to_take_or_not(harness: PusherHarness, md5: bool, state: str) -> None:
    harness.switch(md5_accepted=md5)
    harness.want("a" * 32, type=IndicatorType.MD5)
    harness.want("b" * 64)
    harness.work()
    assert sorted(harness.states().values()) == sorted([state, "applied"])


def test_an_entry_whose_expiry_has_passed_is_skipped_by_name(harness: PusherHarness) -> None:
    harness.want("a.example", expires_at=1_000)
    harness.work()
    assert harness.states() == {"domain:a.example": "skipped"}
    assert harness.reasons() == {"domain:a.example": "expired"}
    assert harness.values() == set()
