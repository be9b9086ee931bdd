"""The Netskope pusher against the sandbox tenant: what policy applies afterwards, whatever the tenant answers."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.vendors.netskope import FileHashList, UrlList
from services.push_netskope.client import NetskopeClient
from services.push_netskope.service import NetskopePusher
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.budget import Quotas, Window
from services.runtime.vendors.errors import VendorError
from services.runtime.vendors.netskope import QUOTAS, NetskopeSession
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.session import BeforeCall
from tests import pushing
from tests.contract.test_sandbox_netskope_gate import DEPLOY, HASHES, LISTS, V1_TOKEN, Api
from tests.pushing import HASHES as BAD_FILES
from tests.pushing import LIST

PLENTY: Quotas = {bucket: (Window(10_000, 1),) for bucket in QUOTAS}
DEFAULT = LIST.default


class PusherHarness(pushing.PusherHarness):
    """A pusher at work for the tenant, with a clock of its own for what is due now and then."""

    def __init__(self, api: Api, **spec: object) -> None:
        self.api = api
        self.now = 0.0
        connection = pushing.netskope(str(api.http.base_url), **{"reconcile": {"interval": "10m"}, **spec})
        super().__init__(connection, self._pusher_for)

    def _pusher_for(self, writer: StatusWriter) -> NetskopePusher:
        before = BeforeCall(writer.check)
        session = NetskopeSession(self.connection, threading.Event(), before=before, quotas=PLENTY)
        client = NetskopeClient(session)
        pace = Pace(first_failed_s=60, longest_failed_s=60)
        return NetskopePusher(writer, client, pace=pace, clock=lambda: self.now)

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.store.wake(float("inf"))

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
def harness(netskope: Api) -> Iterator[PusherHarness]:
    netskope.seed(hash_lists=[{"name": BAD_FILES.name, "hashes": ["f" * 64]}])
    found = PusherHarness(netskope)
    yield found
    found.close()


def seeded(
    harness: PusherHarness, *urls: str, kind: str = "exact", name: str = LIST.name, pending: bool = False
) -> None:
    harness.api.seed(url_lists=[{"name": name, "data": {"urls": list(urls), "type": kind}, "pending": pending}])


def test_a_list_that_is_missing_is_made_then_appended_to_then_replaced(harness: PusherHarness) -> None:
    first = harness.want("a.example", LIST)
    harness.work()
    assert (harness.urls(), harness.sent("POST", LISTS), harness.sent("PATCH")) == (["a.example"], 2, 0), (
        "made, deployed"
    )
    harness.want("b.example", LIST)
    harness.work()
    assert (harness.urls(), harness.sent("PATCH")) == (["a.example", "b.example"], 1)
    harness.drop(first)
    harness.work()
    assert (harness.urls(), harness.sent("PATCH")) == (["b.example"], 2)
    assert harness.states() == {"domain:b.example": "applied"}
    calls = harness.writes()
    harness.restart()
    harness.work()
    assert harness.writes() == calls, "a restart writes nothing"


@pytest.mark.parametrize("status", [200, 201])
def test_all_that_came_up_is_one_write_and_an_emptied_list_holds_its_default(
    harness: PusherHarness, status: int
) -> None:
    harness.api.switch(write_status=status)
    keys = [harness.want(f"h{number}.example", LIST) for number in range(3_000)]
    harness.work()
    assert len(harness.urls() or []) == 3_000
    assert harness.writes() == 2
    harness.drop(*keys)
    harness.work()
    assert (harness.urls(), harness.states()) == ([DEFAULT], {})


@pytest.mark.parametrize("switches", [{}, {"append_dedup": False}, {"both_copies": True}])
def test_entries_of_others_and_other_lists_stay_as_they_are(
    harness: PusherHarness, switches: dict[str, object]
) -> None:
    harness.api.switch(**switches)
    seeded(harness, "theirs.example", "shared.example")
    seeded(harness, "private.example", name="someone else's")
    keys = [harness.want(value, LIST) for value in ("a.example", "shared.example")]
    harness.work()
    assert harness.urls() == ["theirs.example", "shared.example", "a.example"]
    assert harness.reasons() == {"domain:shared.example": "already_there"}
    harness.drop(*keys)
    harness.work()
    assert harness.urls() == ["theirs.example", "shared.example"]
    assert harness.urls("someone else's") == ["private.example"]


def test_entries_the_tenant_names_as_invalid_are_rejected_with_its_reason_and_the_rest_is_there(
    harness: PusherHarness,
) -> None:
    harness.api.switch(addresses=False)
    seeded(harness, "theirs.example")
    for value in ("a.example", "198.51.100.7", "b.example", "198.51.100.8"):
        harness.want(value, LIST)
    harness.work()
    assert harness.urls() == ["theirs.example", "a.example", "b.example"]
    rejected = {name for name, state in harness.states().items() if state == "rejected"}
    assert rejected == {"ipv4:198.51.100.7", "ipv4:198.51.100.8"}
    assert all(applied.reason.detail for applied in harness.written.latest.values() if applied.reason is not None)
    calls = harness.writes()
    harness.restart()
    harness.work()
    assert harness.writes() == calls, "rejected is rejected until it changes"


def test_entries_refused_without_a_name_are_found_by_halves(harness: PusherHarness) -> None:
    seeded(harness, "theirs.example")
    for number in range(8):
        harness.want(f"h{number}.example", LIST)
    body = {"statusCode": 400, "message": "urls must be valid", "error": "Bad Request"}
    harness.api.admin("faults", {"kind": "status", "path": "append", "code": 400, "body": body, "times": 5})
    harness.work()
    rejected = [name for name, state in harness.states().items() if state == "rejected"]
    assert rejected == ["domain:h0.example"]
    assert set(harness.urls() or []) == {"theirs.example", *(f"h{number}.example" for number in range(1, 8))}


def test_a_refusal_of_the_whole_becomes_the_reason_and_is_tried_again_later(harness: PusherHarness) -> None:
    harness.want("a.example", LIST)
    harness.want("c" * 64, BAD_FILES)
    harness.api.admin("faults", {"kind": "status", "path": "urllist", "code": 403, "body": {"message": "no"}})
    harness.work()
    assert harness.reasons() == {"domain:a.example": "forbidden"}, "trouble with one list holds up no other"
    assert harness.hashes() == ["c" * 64]
    harness.api.admin("faults", method="DELETE")
    harness.work()
    assert harness.urls() is None
    harness.later(61)
    harness.work()
    assert (harness.urls(), harness.reasons()) == (["a.example"], {})


@pytest.mark.parametrize("kind", ["reset_after", "cut", "malformed"])
@pytest.mark.parametrize("path", [f"{LISTS}$", "append", "replace", "deploy"])
def test_an_answer_that_is_lost_loses_nothing_and_writes_nothing_twice(
    harness: PusherHarness, kind: str, path: str
) -> None:
    gone = None
    if path != f"{LISTS}$":
        seeded(harness, "theirs.example")
    if path == "replace":
        gone = harness.want("gone.example", LIST)
        harness.work()
        harness.drop(gone)
    harness.want("a.example", LIST)
    method = "POST" if path in (f"{LISTS}$", "deploy") else "PATCH"
    harness.api.fault(kind, path=path, method=method)
    with pytest.raises(VendorError):
        harness.work()
    harness.restart()
    harness.work()
    assert harness.urls() == ["a.example"] if path == f"{LISTS}$" else ["theirs.example", "a.example"]
    assert harness.states() == {"domain:a.example": "applied"}
    assert not harness.api.truth()["url_lists"]["pending"]


def test_what_is_withdrawn_while_its_write_is_in_doubt_is_taken_out_again(harness: PusherHarness) -> None:
    seeded(harness, "theirs.example")
    key = harness.want("a.example", LIST)
    harness.api.fault("reset_after", path="append")
    with pytest.raises(VendorError):
        harness.work()
    harness.drop(key)
    harness.restart()
    harness.work()
    assert (harness.urls(), harness.states()) == (["theirs.example"], {})
    assert not harness.api.truth()["url_lists"]["pending"]


def test_a_change_that_others_left_waiting_is_not_deployed_before_we_have_one(harness: PusherHarness) -> None:
    seeded(harness, "a.example")
    harness.want("a.example", LIST)
    harness.work()
    seeded(harness, "waiting.example", name="someone else's", pending=True)
    harness.later(601)
    harness.work()
    assert (harness.sent("POST", DEPLOY), harness.urls("someone else's")) == (0, None)


def test_what_others_took_out_is_written_again_and_told(harness: PusherHarness) -> None:
    harness.want("a.example", LIST)
    harness.want("b.example", LIST)
    harness.work()
    seeded(harness, "b.example", "theirs.example")
    harness.later(601)
    harness.work()
    assert harness.urls() == ["b.example", "theirs.example", "a.example"]
    assert [(entry.subject, entry.reason) for entry in harness.told.entries] == [("domain:a.example", "lost")]


def test_a_list_that_others_deleted_is_made_again(harness: PusherHarness) -> None:
    harness.want("a.example", LIST)
    harness.work()
    (list_id,) = [found["id"] for found in harness.api.truth()["url_lists"]["applied"]]
    harness.api.http.delete(f"{LISTS}/{list_id}").raise_for_status()
    harness.api.http.post(DEPLOY).raise_for_status()
    harness.want("b.example", LIST)
    harness.work()
    assert set(harness.urls() or []) == {"a.example", "b.example"}
    assert set(harness.states().values()) == {"applied"}


def test_a_list_of_another_type_is_not_touched_and_says_what_to_do(harness: PusherHarness) -> None:
    seeded(harness, "^a$", kind="regex")
    harness.want("a.example", LIST)
    harness.work()
    assert (harness.urls(), harness.reasons()) == (["^a$"], {"domain:a.example": "list_type"})


def test_a_regex_list_holds_patterns_that_the_tenant_takes(harness: PusherHarness) -> None:
    patterns = UrlList(kind="url-list", name="patterns", match="regex")
    harness.want("evil.example", patterns)
    harness.want("http://evil.example/a?b=(c)", patterns)
    harness.work()
    assert set(harness.states().values()) == {"applied"}
    assert len(harness.urls("patterns") or []) == 2


@pytest.mark.parametrize("status", [400, 413])
def test_a_tenant_that_takes_less_than_it_says_is_told_and_not_bisected(
    netskope: Api, harness: PusherHarness, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(netskope.tenant.url_lists, "_limit_bytes", 2_000)
    netskope.switch(oversize_status=status)
    for number in range(200):
        harness.want(f"host{number}.example", LIST)
    harness.work()
    assert set(harness.states().values()) == {"failed"}
    assert harness.writes() <= 2


def test_a_hash_list_is_replaced_whole_and_a_repeat_is_no_error(harness: PusherHarness) -> None:
    keys = [harness.want(value, BAD_FILES) for value in ("b" * 64, "a" * 32)]
    harness.work()
    assert harness.hashes() == ["a" * 32, "b" * 64]
    harness.api.fault("reset_after", path=HASHES)
    harness.want("c" * 64, BAD_FILES)
    with pytest.raises(VendorError):
        harness.work()
    harness.restart()
    harness.work()
    assert set(harness.states().values()) == {"applied"}, "'Duplicate request' means that it is as it should be"
    harness.drop(*keys)
    harness.work()
    assert harness.hashes() == ["c" * 64]


def test_an_emptied_hash_list_holds_its_default(harness: PusherHarness) -> None:
    key = harness.want("a" * 64, BAD_FILES)
    harness.work()
    harness.drop(key)
    harness.work()
    assert (harness.hashes(), harness.states()) == ([BAD_FILES.default], {})


def test_hashes_a_list_cannot_hold_are_skipped_without_a_call(harness: PusherHarness) -> None:
    harness.want("a" * 40, BAD_FILES)
    harness.work()
    assert (harness.reasons(), harness.sent("POST", HASHES)) == ({"sha1:" + "a" * 40: "hash_type_not_supported"}, 0)


def test_a_hash_list_that_is_not_there_says_what_to_do_and_is_found_once_it_is(harness: PusherHarness) -> None:
    missing = FileHashList(kind="file-hash-list", name="not there")
    key = harness.want("a" * 64, missing)
    other = harness.want("b" * 64, missing)
    harness.work()
    assert set(harness.reasons().values()) == {"list_missing"}
    harness.drop(other)
    harness.work()
    harness.api.seed(hash_lists=[{"name": "not there", "hashes": ["f" * 64]}])
    harness.later(61)
    harness.work()
    assert (harness.hashes("not there"), list(harness.states().values())) == (["a" * 64], ["applied"])
    assert key.endswith("a" * 64)


def test_a_pending_change_of_a_hash_list_blocks_until_it_is_applied(harness: PusherHarness) -> None:
    harness.api.switch(hash_list_apply="pending")
    harness.want("a" * 64, BAD_FILES)
    harness.work()
    harness.want("b" * 64, BAD_FILES)
    harness.work()
    assert harness.reasons() == {"sha256:" + "b" * 64: "pending_change"}
    harness.api.admin("apply")
    harness.later(61)
    harness.work()
    harness.api.admin("apply")
    assert (harness.hashes(), set(harness.states().values())) == (["a" * 64, "b" * 64], {"applied"})


@pytest.mark.parametrize("status", [200, 403])
def test_a_wrong_v1_token_is_trouble_of_the_hash_list_alone_and_heals(
    harness: PusherHarness, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.api.switch(v1_bad_token_status=status)
    monkeypatch.setenv("PUSH_TEST_V1", "wrong")
    harness.want("a" * 64, BAD_FILES)
    harness.want("a.example", LIST)
    harness.work()
    assert harness.urls() == ["a.example"]
    assert list(harness.reasons()) == ["sha256:" + "a" * 64]
    monkeypatch.setenv("PUSH_TEST_V1", V1_TOKEN)
    harness.later(61)
    harness.work()
    assert harness.hashes() == ["a" * 64]


def test_errors_that_arrive_with_200_are_told_in_the_vendors_words(harness: PusherHarness) -> None:
    body: dict[str, Any] = {"status": "error", "errorCode": "X", "errors": ["the moon is full"]}
    harness.api.fault("status", path=HASHES, code=200, body=body)
    harness.want("a" * 64, BAD_FILES)
    harness.work()
    (applied,) = harness.written.latest.values()
    assert applied.state == "failed"
    assert applied.reason is not None
    assert "the moon is full" in applied.reason.detail


def test_where_the_connection_says_so_what_others_took_out_is_told_and_left_until_the_next_write(
    harness: PusherHarness,
) -> None:
    harness.close()
    reporting = PusherHarness(harness.api, reconcile={"interval": "10m", "mode": "report"})
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


@pytest.mark.parametrize("form", ["errors", "message"])
def test_a_new_list_is_made_without_the_entries_that_its_first_write_is_refused_for(
    harness: PusherHarness, form: str
) -> None:
    harness.api.switch(invalid_entries=form, addresses=False)
    for value in ("good.example", "198.51.100.7", "size.example", "192.0.2.8"):
        harness.want(value, LIST)
    harness.work()
    assert sorted(harness.urls() or []) == ["good.example", "size.example"]
    states = harness.states()
    assert {states["ipv4:198.51.100.7"], states["ipv4:192.0.2.8"]} == {"rejected"}
    assert {states["domain:good.example"], states["domain:size.example"]} == {"applied"}


@pytest.mark.parametrize(
    "message", ["size.example is not valid", "an entry is not valid", ["bad entry 'size'"], {"text": "no"}]
)
def test_a_new_list_whose_refusal_names_nothing_is_filled_by_halves(harness: PusherHarness, message: object) -> None:
    harness.api.switch(addresses=False)
    body = {"statusCode": 400, "message": message, "error": "Bad Request"}
    harness.api.fault("status", path=LISTS, method="POST", code=400, body=body)
    for value in ("good.example", "198.51.100.7", "size.example"):
        harness.want(value, LIST)
    harness.work()
    assert sorted(harness.urls() or []) == ["good.example", "size.example"]
    assert harness.states()["ipv4:198.51.100.7"] == "rejected"
