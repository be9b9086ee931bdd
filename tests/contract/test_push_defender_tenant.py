"""The Defender pusher's part against the sandbox tenant: what the tenant holds afterwards, whatever it answers."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.marker import marker
from schemas.types import IndicatorType
from services.runtime.vendors.errors import VendorError
from tests.contract.defender import OWNER, Desk
from tests.contract.test_vendor_sessions import Sandbox
from tests.pushing import AUDIT


@pytest.fixture
def desk(defender: Sandbox) -> Iterator[Desk]:
    with closing(Desk(defender)) as found:
        yield found


def test_what_is_desired_is_there_once_and_a_restart_sends_nothing(desk: Desk) -> None:
    for number in range(620):
        desk.want(f"host{number}.example")
    desk.want("2001:db8::1")
    desk.want("a" * 64)
    desk.want("http://evil.example/it's?a=1&b=2", type=IndicatorType.URL)
    desk.want("evil.example", AUDIT)
    desk.work()
    assert len(desk.rows()) == 624
    assert {"2001:db8:0:0:0:0:0:1", "http://evil.example/it's?a=1&b=2"} <= desk.values()
    assert set(desk.states().values()) == {"applied"}
    assert desk.sent("/import") == 2, "500 a call"
    desk.restart()
    desk.later(0)
    desk.work()
    assert desk.sent("/import", "/BatchDelete") == 2


def test_an_edit_is_made_in_place_and_a_withdrawal_takes_only_its_own(desk: Desk) -> None:
    desk.seed("foreign.example")
    desk.want("a.example", comments="old")
    gone = desk.want("b.example")
    desk.work()
    before = desk.rows()["a.example Block"]["id"]
    desk.want("a.example", comments="new", content="c2")
    desk.drop(gone)
    desk.work()
    assert desk.values() == {"foreign.example", "a.example"}
    row = desk.rows()["a.example Block"]
    assert (row["id"], row["description"]) == (before, "new")
    assert desk.states() == {"domain:a.example": "applied"}


@pytest.mark.parametrize("atomic", [True, False])
def test_a_batch_with_rows_that_others_deleted_is_withdrawn_all_the_same(desk: Desk, atomic: bool) -> None:
    desk.switch(batch_delete_atomic=atomic)
    keys = [desk.want(f"h{number}.example") for number in range(30)]
    desk.work()
    desk.delete("h3.example", "h7.example")
    desk.drop(*keys)
    desk.work()
    assert (desk.values(), desk.states()) == (set(), {})


def test_one_row_that_others_deleted_is_withdrawn_all_the_same(desk: Desk) -> None:
    key = desk.want("a.example")
    desk.work()
    desk.delete("a.example")
    desk.drop(key)
    desk.work()
    assert desk.states() == {}


@pytest.mark.parametrize("error", ["row", "whole"])
def test_a_full_tenant_holds_back_what_does_not_fit_and_takes_it_when_there_is_room(desk: Desk, error: str) -> None:
    desk.switch(capacity=6, capacity_error=error)
    desk.seed("foreign.example")
    keys = [desk.want(f"h{number}.example") for number in range(8)]
    desk.work()
    assert len(desk.values()) == 6
    assert sorted(desk.states().values()) == ["applied"] * 5 + ["held"] * 3
    assert set(desk.reasons().values()) == {"capacity"}
    there = [key for key in keys if desk.states()[key.partition("/")[2]] == "applied"]
    desk.drop(there[0], there[1])
    desk.work()
    assert sorted(desk.states().values()) == ["applied"] * 5 + ["held"]
    desk.switch(capacity=15_000)
    calls = desk.sent("/import")
    desk.work()
    assert desk.sent("/import") == calls, "a full tenant is not asked again and again"
    desk.later(61)
    desk.work()
    assert set(desk.states().values()) == {"applied"}
    assert "foreign.example" in desk.values()


def test_rows_that_the_vendor_rejects_are_told_with_its_words_and_take_no_other_with_them(desk: Desk) -> None:
    params = {"values": ["h1.example"], "reason": "The value is on the allow list of the vendor."}
    desk.sandbox.fault("partial_batch", times=None, params=params)
    for number in range(4):
        desk.want(f"h{number}.example")
    desk.work()
    assert desk.states() == {f"domain:h{n}.example": "rejected" if n == 1 else "applied" for n in range(4)}
    (reason,) = [applied.reason for applied in desk.written.latest.values() if applied.reason]
    assert (reason.code, reason.detail) == ("vendor_rejected", "The value is on the allow list of the vendor.")
    calls = desk.sent("/import")
    desk.restart()
    desk.work()
    assert desk.sent("/import") == calls, "rejected is rejected until it changes"
    desk.sandbox.tenant.faults.clear()
    desk.want("h1.example", content="c2")
    desk.work()
    assert set(desk.states().values()) == {"applied"}


def test_a_batch_refused_whole_is_halved_until_the_culprit_stands_alone(desk: Desk) -> None:
    body = {"error": {"code": "InvalidRequestBody", "message": "Request body is incorrect", "target": "t"}}
    desk.sandbox.fault("status", path="/import", code=400, body=body, times=5)
    for number in range(16):
        desk.want(f"h{number}.example")
    desk.work()
    states = desk.states()
    assert [value for value, state in states.items() if state == "rejected"] == ["domain:h0.example"]
    assert len(desk.values()) == 15


@pytest.mark.parametrize("kind", ["reset_after", "cut", "malformed", "empty"])
def test_an_answer_that_is_lost_leads_to_no_second_row_and_no_lost_one(desk: Desk, kind: str) -> None:
    keys = [desk.want(f"h{number}.example") for number in range(5)]
    desk.sandbox.fault(kind, path="/import")
    with pytest.raises(VendorError):
        desk.work()
    assert len(desk.values()) == 5
    assert set(desk.reasons().values()) == {"unconfirmed"}
    desk.restart()
    desk.work()
    assert set(desk.states().values()) == {"applied"}
    desk.drop(*keys)
    desk.sandbox.fault("reset_after", path="/BatchDelete")
    with pytest.raises(VendorError):
        desk.work()
    desk.restart()
    desk.work()
    assert (desk.rows(), desk.states()) == ({}, {})


def test_what_was_sent_and_is_not_wanted_any_more_is_found_by_its_mark(desk: Desk) -> None:
    keys = [desk.want(f"h{number}.example") for number in range(3)]
    desk.sandbox.fault("reset_after", path="/import")
    with pytest.raises(VendorError):
        desk.work()
    desk.seed("h0.example", action="Warn")
    desk.drop(*keys)
    desk.restart()
    desk.work()
    assert (set(desk.rows()), desk.states()) == ({"h0.example Warn"}, {})


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        ("evil.example", "DomainName", "evil.example"),
        ("ab" * 32, "FileSha256", "AB" * 32),
        ("http://evil.example/it's?a=1&b=2", "Url", "http://evil.example/it's?a=1&b=2"),
        ("2001:db8::1", "IpAddress", "2001:db8:0:0:0:0:0:1"),
    ],
)
def test_what_others_wrote_is_left_alone_from_beginning_to_end(desk: Desk, value: str, kind: str, written: str) -> None:
    desk.seed(written, indicatorType=kind, description="theirs")
    before = desk.rows()
    key = desk.want(value, type=IndicatorType.URL if kind == "Url" else None)
    desk.work()
    assert desk.rows() == before
    assert list(desk.reasons().values()) == ["already_there"]
    desk.drop(key)
    desk.work()
    assert (desk.rows(), desk.states()) == (before, {})


def test_what_others_delete_of_ours_or_give_up_of_theirs_is_written(desk: Desk) -> None:
    desk.seed("theirs.example")
    desk.want("ours.example")
    desk.want("theirs.example")
    desk.work()
    desk.delete("ours.example", "theirs.example")
    desk.work()
    assert desk.values() == set()
    desk.later(601)
    desk.work()
    assert desk.values() == {"ours.example", "theirs.example"}
    assert "drift" in [code for code, _ in desk.told.said]


def test_where_the_connection_says_so_what_others_deleted_is_told_and_left(desk: Desk) -> None:
    desk.close()
    reporting = Desk(desk.sandbox, reconcile={"interval": "10m", "mode": "report"})
    reporting.want("ours.example")
    reporting.work()
    reporting.delete("ours.example")
    reporting.seed("stray.example", externalId=marker(OWNER, "domain:stray.example"))
    reporting.later(601)
    reporting.work()
    assert reporting.values() == {"stray.example"}
    assert [code for code, _ in reporting.told.said] == ["drift", "strays"]
    reporting.close()


def test_rows_with_our_mark_that_nothing_asks_for_are_deleted_but_not_when_they_are_many(desk: Desk) -> None:
    desk.want("a.example")
    desk.work()
    strays = [f"stray{number}.example" for number in range(21)]
    for value in strays:
        desk.seed(value, externalId=marker(OWNER, f"domain:{value}"))
    desk.seed("other.example", externalId=marker("deadbeef", "domain:other.example"))
    desk.later(601)
    desk.work()
    assert set(strays) <= desk.values()
    assert [code for code, _ in desk.told.said][-1] == "many_strays"
    desk.delete("stray0.example")
    desk.later(601)
    desk.work()
    assert desk.values() == {"a.example", "other.example"}


@pytest.mark.parametrize(
    "switches",
    [
        {"page_size": 7},
        {"page_size": 7, "list_order": "newest_first", "emit_nextlink": True},
        {"page_size": 7, "list_order": "scrambled", "web_category_row": True},
    ],
)
def test_a_listing_is_whole_however_it_is_paged(desk: Desk, switches: dict[str, object]) -> None:
    desk.switch(**switches)
    desk.seed(*(f"h{number}.example" for number in range(40)))
    for number in range(60):
        desk.want(f"h{number}.example")
    desk.work()
    assert len(desk.values() - {"News"}) >= 60
    codes = list(desk.reasons().values())
    assert codes == ["already_there"] * 40


@pytest.mark.parametrize(("md5", "state"), [(True, "applied"), (False, "skipped")])
def test_md5_is_left_to_the_vendor_to_take_or_not(desk: Desk, md5: bool, state: str) -> None:
    desk.switch(md5_accepted=md5)
    desk.want("a" * 32, type=IndicatorType.MD5)
    desk.want("b" * 64)
    desk.work()
    assert sorted(desk.states().values()) == sorted([state, "applied"])


def test_an_entry_whose_expiry_has_passed_is_skipped_by_name(desk: Desk) -> None:
    desk.want("a.example", expires_at=1_000)
    desk.work()
    assert desk.states() == {"domain:a.example": "skipped"}
    assert desk.reasons() == {"domain:a.example": "expired"}
    assert desk.values() == set()
