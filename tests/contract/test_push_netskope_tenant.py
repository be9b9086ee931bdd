"""The Netskope pusher against the sandbox tenant: what policy applies afterwards, whatever the tenant answers."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.targets import FileHashList, UrlList
from services.push_netskope.client import NetskopeClient
from services.push_netskope.service import ONCE, NetskopePusher
from services.runtime.book import Book, Pace
from services.runtime.budget import Quotas, Window
from services.runtime.vendors.errors import VendorError
from services.runtime.vendors.netskope import QUOTAS, NetskopeSession
from tests import pushing
from tests.contract.test_sandbox_netskope_gate import DEPLOY, HASHES, LISTS, V1_TOKEN, Api
from tests.pushing import HASHES as BAD_FILES
from tests.pushing import LIST

PLENTY: Quotas = {bucket: (Window(10_000, 1),) for bucket in QUOTAS}
DEFAULT = LIST.default


class Desk(pushing.Desk):
    """A pusher at work for the tenant, with a clock of its own for what is due now and then."""

    def __init__(self, api: Api, **spec: object) -> None:
        self.api = api
        self.now = 0.0
        connection = pushing.netskope(str(api.http.base_url), **{"reconcile": {"interval": "10m"}, **spec})
        super().__init__(connection, self._pusher_for, detailed=False)

    def _pusher_for(self, book: Book) -> NetskopePusher:
        session = NetskopeSession(self.connection, threading.Event(), policy=ONCE, quotas=PLENTY)
        client = NetskopeClient(session, book.check, book.stop)
        pace = Pace(first_failed_s=60, longest_failed_s=60)
        return NetskopePusher(book, client, pace=pace, clock=lambda: self.now)

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.standing.wake(float("inf"))

    def urls(self, name: str = LIST.name) -> list[str] | None:
        lists = self.api.truth()["url_lists"]["applied"]
        return next((found["data"]["urls"] for found in lists if found["name"] == name), None)

    def hashes(self, name: str = BAD_FILES.name) -> list[str]:
        found: list[str] = self.api.truth()["hash_lists"]["applied"][name]
        return found

    def sent(self, method: str = "", route: str = "") -> int:
        calls = self.api.admin("calls", method="GET")["calls"]
        return sum(call["count"] for call in calls if method in call["method"] and route in call["route"])

    def writes(self) -> int:
        return self.sent("POST") + self.sent("PATCH")


@pytest.fixture
def desk(netskope: Api) -> Iterator[Desk]:
    netskope.seed(hash_lists=[{"name": BAD_FILES.name, "hashes": ["f" * 64]}])
    found = Desk(netskope)
    yield found
    found.close()


def seeded(desk: Desk, *urls: str, kind: str = "exact", name: str = LIST.name, pending: bool = False) -> None:
    desk.api.seed(url_lists=[{"name": name, "data": {"urls": list(urls), "type": kind}, "pending": pending}])


def test_a_list_that_is_missing_is_made_then_appended_to_then_replaced(desk: Desk) -> None:
    first = desk.want("a.example", LIST)
    desk.work()
    assert (desk.urls(), desk.sent("POST", LISTS), desk.sent("PATCH")) == (["a.example"], 2, 0), "made, deployed"
    desk.want("b.example", LIST)
    desk.work()
    assert (desk.urls(), desk.sent("PATCH")) == (["a.example", "b.example"], 1)
    desk.drop(first)
    desk.work()
    assert (desk.urls(), desk.sent("PATCH")) == (["b.example"], 2)
    assert desk.states() == {"domain:b.example": "applied"}
    calls = desk.writes()
    desk.restart()
    desk.work()
    assert desk.writes() == calls, "a restart writes nothing"


@pytest.mark.parametrize("status", [200, 201])
def test_all_that_came_up_is_one_write_and_an_emptied_list_holds_its_default(desk: Desk, status: int) -> None:
    desk.api.switch(write_status=status)
    keys = [desk.want(f"h{number}.example", LIST) for number in range(3_000)]
    desk.work()
    assert len(desk.urls() or []) == 3_000
    assert desk.writes() == 2
    desk.drop(*keys)
    desk.work()
    assert (desk.urls(), desk.states()) == ([DEFAULT], {})


@pytest.mark.parametrize("switches", [{}, {"append_dedup": False}, {"both_copies": True}])
def test_entries_of_others_and_other_lists_stay_as_they_are(desk: Desk, switches: dict[str, object]) -> None:
    desk.api.switch(**switches)
    seeded(desk, "theirs.example", "shared.example")
    seeded(desk, "private.example", name="someone else's")
    keys = [desk.want(value, LIST) for value in ("a.example", "shared.example")]
    desk.work()
    assert desk.urls() == ["theirs.example", "shared.example", "a.example"]
    assert desk.reasons() == {"domain:shared.example": "already_there"}
    desk.drop(*keys)
    desk.work()
    assert desk.urls() == ["theirs.example", "shared.example"]
    assert desk.urls("someone else's") == ["private.example"]


def test_entries_the_tenant_names_as_invalid_are_rejected_with_its_reason_and_the_rest_is_there(desk: Desk) -> None:
    desk.api.switch(addresses=False)
    seeded(desk, "theirs.example")
    for value in ("a.example", "198.51.100.7", "b.example", "198.51.100.8"):
        desk.want(value, LIST)
    desk.work()
    assert desk.urls() == ["theirs.example", "a.example", "b.example"]
    rejected = {name for name, state in desk.states().items() if state == "rejected"}
    assert rejected == {"ipv4:198.51.100.7", "ipv4:198.51.100.8"}
    assert all(applied.reason.detail for applied in desk.written.latest.values() if applied.reason is not None)
    calls = desk.writes()
    desk.restart()
    desk.work()
    assert desk.writes() == calls, "rejected is rejected until it changes"


def test_entries_refused_without_a_name_are_found_by_halves(desk: Desk) -> None:
    seeded(desk, "theirs.example")
    for number in range(8):
        desk.want(f"h{number}.example", LIST)
    body = {"statusCode": 400, "message": "urls must be valid", "error": "Bad Request"}
    desk.api.admin("faults", {"kind": "status", "path": "append", "code": 400, "body": body, "times": 5})
    desk.work()
    rejected = [name for name, state in desk.states().items() if state == "rejected"]
    assert rejected == ["domain:h0.example"]
    assert set(desk.urls() or []) == {"theirs.example", *(f"h{number}.example" for number in range(1, 8))}


def test_a_refusal_of_the_whole_becomes_the_reason_and_is_tried_again_later(desk: Desk) -> None:
    desk.want("a.example", LIST)
    desk.want("c" * 64, BAD_FILES)
    desk.api.admin("faults", {"kind": "status", "path": "urllist", "code": 403, "body": {"message": "no"}})
    desk.work()
    assert desk.reasons() == {"domain:a.example": "forbidden"}, "trouble with one list holds up no other"
    assert desk.hashes() == ["c" * 64]
    desk.api.admin("faults", method="DELETE")
    desk.work()
    assert desk.urls() is None
    desk.later(61)
    desk.work()
    assert (desk.urls(), desk.reasons()) == (["a.example"], {})


@pytest.mark.parametrize("kind", ["reset_after", "cut", "malformed"])
@pytest.mark.parametrize("path", [f"{LISTS}$", "append", "replace", "deploy"])
def test_an_answer_that_is_lost_loses_nothing_and_writes_nothing_twice(desk: Desk, kind: str, path: str) -> None:
    gone = None
    if path != f"{LISTS}$":
        seeded(desk, "theirs.example")
    if path == "replace":
        gone = desk.want("gone.example", LIST)
        desk.work()
        desk.drop(gone)
    desk.want("a.example", LIST)
    method = "POST" if path in (f"{LISTS}$", "deploy") else "PATCH"
    desk.api.fault(kind, path=path, method=method)
    with pytest.raises(VendorError):
        desk.work()
    desk.restart()
    desk.work()
    assert desk.urls() == ["a.example"] if path == f"{LISTS}$" else ["theirs.example", "a.example"]
    assert desk.states() == {"domain:a.example": "applied"}
    assert not desk.api.truth()["url_lists"]["pending"]


def test_what_is_withdrawn_while_its_write_is_in_doubt_is_taken_out_again(desk: Desk) -> None:
    seeded(desk, "theirs.example")
    key = desk.want("a.example", LIST)
    desk.api.fault("reset_after", path="append")
    with pytest.raises(VendorError):
        desk.work()
    desk.drop(key)
    desk.restart()
    desk.work()
    assert (desk.urls(), desk.states()) == (["theirs.example"], {})
    assert not desk.api.truth()["url_lists"]["pending"]


def test_a_change_that_others_left_waiting_is_not_deployed_before_we_have_one(desk: Desk) -> None:
    seeded(desk, "a.example")
    desk.want("a.example", LIST)
    desk.work()
    seeded(desk, "waiting.example", name="someone else's", pending=True)
    desk.later(601)
    desk.work()
    assert (desk.sent("POST", DEPLOY), desk.urls("someone else's")) == (0, None)


def test_what_others_took_out_is_written_again_and_told(desk: Desk) -> None:
    desk.want("a.example", LIST)
    desk.want("b.example", LIST)
    desk.work()
    seeded(desk, "b.example", "theirs.example")
    desk.later(601)
    desk.work()
    assert desk.urls() == ["b.example", "theirs.example", "a.example"]
    assert [(item.subject, item.reason) for item in desk.told.items] == [("domain:a.example", "lost")]


def test_a_list_that_others_deleted_is_made_again(desk: Desk) -> None:
    desk.want("a.example", LIST)
    desk.work()
    (list_id,) = [found["id"] for found in desk.api.truth()["url_lists"]["applied"]]
    desk.api.http.delete(f"{LISTS}/{list_id}").raise_for_status()
    desk.api.http.post(DEPLOY).raise_for_status()
    desk.want("b.example", LIST)
    desk.work()
    assert set(desk.urls() or []) == {"a.example", "b.example"}
    assert set(desk.states().values()) == {"applied"}


def test_a_list_of_another_type_is_not_touched_and_says_what_to_do(desk: Desk) -> None:
    seeded(desk, "^a$", kind="regex")
    desk.want("a.example", LIST)
    desk.work()
    assert (desk.urls(), desk.reasons()) == (["^a$"], {"domain:a.example": "list_type"})


def test_a_regex_list_holds_patterns_that_the_tenant_takes(desk: Desk) -> None:
    patterns = UrlList(kind="url-list", name="patterns", match="regex")
    desk.want("evil.example", patterns)
    desk.want("http://evil.example/a?b=(c)", patterns)
    desk.work()
    assert set(desk.states().values()) == {"applied"}
    assert len(desk.urls("patterns") or []) == 2


@pytest.mark.parametrize("status", [400, 413])
def test_a_tenant_that_takes_less_than_it_says_is_told_and_not_bisected(
    netskope: Api, desk: Desk, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(netskope.tenant.url_lists, "_limit_bytes", 2_000)
    netskope.switch(oversize_status=status)
    for number in range(200):
        desk.want(f"host{number}.example", LIST)
    desk.work()
    assert set(desk.states().values()) == {"failed"}
    assert desk.writes() <= 2


def test_a_hash_list_is_replaced_whole_and_a_repeat_is_no_error(desk: Desk) -> None:
    keys = [desk.want(value, BAD_FILES) for value in ("b" * 64, "a" * 32)]
    desk.work()
    assert desk.hashes() == ["a" * 32, "b" * 64]
    desk.api.fault("reset_after", path=HASHES)
    desk.want("c" * 64, BAD_FILES)
    with pytest.raises(VendorError):
        desk.work()
    desk.restart()
    desk.work()
    assert set(desk.states().values()) == {"applied"}, "'Duplicate request' means that it is as it should be"
    desk.drop(*keys)
    desk.work()
    assert desk.hashes() == ["c" * 64]


def test_an_emptied_hash_list_holds_its_default(desk: Desk) -> None:
    key = desk.want("a" * 64, BAD_FILES)
    desk.work()
    desk.drop(key)
    desk.work()
    assert (desk.hashes(), desk.states()) == ([BAD_FILES.default], {})


def test_hashes_a_list_cannot_hold_are_skipped_without_a_call(desk: Desk) -> None:
    desk.want("a" * 40, BAD_FILES)
    desk.work()
    assert (desk.reasons(), desk.sent("POST", HASHES)) == ({"sha1:" + "a" * 40: "hash_type_not_supported"}, 0)


def test_a_hash_list_that_is_not_there_says_what_to_do_and_is_found_once_it_is(desk: Desk) -> None:
    missing = FileHashList(kind="file-hash-list", name="not there")
    key = desk.want("a" * 64, missing)
    other = desk.want("b" * 64, missing)
    desk.work()
    assert set(desk.reasons().values()) == {"list_missing"}
    desk.drop(other)
    desk.work()
    desk.api.seed(hash_lists=[{"name": "not there", "hashes": ["f" * 64]}])
    desk.later(61)
    desk.work()
    assert (desk.hashes("not there"), list(desk.states().values())) == (["a" * 64], ["applied"])
    assert key.endswith("a" * 64)


def test_a_pending_change_of_a_hash_list_blocks_until_it_is_applied(desk: Desk) -> None:
    desk.api.switch(hash_list_apply="pending")
    desk.want("a" * 64, BAD_FILES)
    desk.work()
    desk.want("b" * 64, BAD_FILES)
    desk.work()
    assert desk.reasons() == {"sha256:" + "b" * 64: "pending_change"}
    desk.api.admin("apply")
    desk.later(61)
    desk.work()
    desk.api.admin("apply")
    assert (desk.hashes(), set(desk.states().values())) == (["a" * 64, "b" * 64], {"applied"})


@pytest.mark.parametrize("status", [200, 403])
def test_a_wrong_v1_token_is_trouble_of_the_hash_list_alone_and_heals(
    desk: Desk, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.api.switch(v1_bad_token_status=status)
    monkeypatch.setenv("PUSH_TEST_V1", "wrong")
    desk.want("a" * 64, BAD_FILES)
    desk.want("a.example", LIST)
    desk.work()
    assert desk.urls() == ["a.example"]
    assert list(desk.reasons()) == ["sha256:" + "a" * 64]
    monkeypatch.setenv("PUSH_TEST_V1", V1_TOKEN)
    desk.later(61)
    desk.work()
    assert desk.hashes() == ["a" * 64]


def test_errors_that_arrive_with_200_are_told_in_the_vendors_words(desk: Desk) -> None:
    body: dict[str, Any] = {"status": "error", "errorCode": "X", "errors": ["the moon is full"]}
    desk.api.fault("status", path=HASHES, code=200, body=body)
    desk.want("a" * 64, BAD_FILES)
    desk.work()
    (applied,) = desk.written.latest.values()
    assert applied.state == "failed"
    assert applied.reason is not None
    assert "the moon is full" in applied.reason.detail


def test_where_the_connection_says_so_what_others_took_out_is_told_and_left_until_the_next_write(desk: Desk) -> None:
    desk.close()
    reporting = Desk(desk.api, reconcile={"interval": "10m", "mode": "report"})
    reporting.want("a.example", LIST)
    reporting.want("b.example", LIST)
    reporting.work()
    seeded(reporting, "b.example")
    writes = reporting.writes()
    reporting.later(601)
    reporting.work()
    assert (reporting.urls(), reporting.writes()) == (["b.example"], writes)
    assert [code for code, _ in reporting.told.said] == ["drift"]
    reporting.want("c.example", LIST)
    reporting.work()
    assert set(reporting.urls() or ()) == {"a.example", "b.example", "c.example"}
    reporting.close()
