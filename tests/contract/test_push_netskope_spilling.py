"""URL lists that overflow into further ones, in the sandbox tenant: what is in which, whatever happens in between."""

import time
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from schemas.types import Severity
from schemas.vendors.netskope import UrlList
from services.push_netskope.url_lists import plan
from services.runtime.vendors.errors import VendorError
from tests.contract.test_push_netskope_tenant import PusherHarness, seeded
from tests.contract.test_sandbox_netskope_gate import Api
from tests.pushing import NAME

FIRST = UrlList(kind="url-list", name="first", size_mb=1, overflow=("second", "third"), subdomains="exact")
SINGLE = UrlList(kind="url-list", name="single", size_mb=1, subdomains="exact")
THEIRS = "someone else's"
ROOM = 24
"""Bytes there are in each list, for two entries."""


@pytest.fixture
def harness(netskope: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[PusherHarness]:
    monkeypatch.setattr(plan, "MEGABYTE", ROOM + plan._ENVELOPE)
    found = PusherHarness(netskope)
    yield found
    found.close()


def lists(harness: PusherHarness) -> list[list[str] | None]:
    return [harness.urls(name) for name in FIRST.lists]


def filled(
    harness: PusherHarness, names: str, severity: Severity = Severity.MEDIUM, target: UrlList = FIRST
) -> list[str]:
    """Entries by their letters, brought to the lists."""
    keys = [harness.want(f"{name}.example", target, severity=severity) for name in names]
    harness.work()
    return keys


def named(harness: PusherHarness, target: UrlList) -> None:
    """The sharing says something else of its target: everything of it is desired so."""
    for key, record in list(harness.desired.items()):
        content = f"of {target.overflow}"
        harness.desired[key] = record.model_copy(update={"target": target, "content": content})
        harness.store.desire(key, harness.desired[key])
    harness.work()


def by_sync_state(harness: PusherHarness) -> dict[str, str | None]:
    return {applied.value[0]: applied.remote_id for applied in harness.written.latest.values()}


def test_what_does_not_fit_goes_into_the_next_list_and_stays_there_when_there_is_room_again(
    harness: PusherHarness,
) -> None:
    keys = filled(harness, "abc")
    assert lists(harness) == [["a.example", "b.example"], ["c.example"], None]
    assert by_sync_state(harness) == {"a": "a.example", "b": "b.example", "c": "c.example in second"}
    calls = harness.writes()
    harness.restart()
    harness.later(601)
    harness.work()
    assert harness.writes() == calls, "a restart writes nothing"
    harness.drop(keys[0])
    filled(harness, "d")
    assert lists(harness) == [["b.example", "d.example"], ["c.example"], None]
    harness.drop(*harness.desired)
    harness.work()
    assert lists(harness) == [[FIRST.default], [FIRST.default], None]
    assert harness.states() == {}


def test_when_all_are_full_the_best_stay_and_the_rest_follows_as_room_comes(harness: PusherHarness) -> None:
    keys = filled(harness, "abcdefg")
    assert lists(harness) == [["a.example", "b.example"], ["c.example", "d.example"], ["e.example", "f.example"]]
    assert harness.reasons() == {"domain:g.example": "list_full"}
    filled(harness, "w", Severity.HIGH)
    assert lists(harness) == [["a.example", "b.example"], ["c.example", "d.example"], ["e.example", "w.example"]]
    assert harness.reasons() == {"domain:f.example": "list_full", "domain:g.example": "list_full"}
    harness.drop(keys[2])
    harness.work()
    assert lists(harness) == [["a.example", "b.example"], ["d.example", "f.example"], ["e.example", "w.example"]]
    assert harness.reasons() == {"domain:g.example": "list_full"}


@pytest.mark.parametrize("further", [("third",), ("fourth", "third"), None])
def test_what_is_in_a_list_that_is_named_no_more_leaves_it_and_goes_into_another(
    harness: PusherHarness, further: tuple[str, ...] | None
) -> None:
    filled(harness, "abcd")
    seeded(harness, "c.example", "d.example", "theirs.example", name="second")
    named(harness, FIRST.model_copy(update={"overflow": further}))
    assert (harness.urls("first"), harness.urls("second")) == (["a.example", "b.example"], ["theirs.example"])
    if further:
        assert harness.urls(further[0]) == ["c.example", "d.example"]
        assert harness.reasons() == {}
    else:
        assert harness.reasons() == {"domain:c.example": "list_full", "domain:d.example": "list_full"}
    calls = harness.writes()
    harness.restart()
    harness.work()
    assert harness.writes() == calls


@pytest.mark.parametrize("path", ["second_replaced", "deploy", "third_made"])
def test_a_process_that_ends_while_entries_change_lists_leaves_none_behind(harness: PusherHarness, path: str) -> None:
    filled(harness, "abcd")
    route = {"second_replaced": "replace", "deploy": "deploy$", "third_made": "urllist$"}[path]
    harness.api.fault("reset_after", path=route, method="PATCH" if route == "replace" else "POST")
    with pytest.raises(VendorError):
        named(harness, FIRST.model_copy(update={"overflow": ("third",)}))
    harness.restart()
    harness.later(601)
    harness.work()
    assert lists(harness) == [["a.example", "b.example"], [FIRST.default], ["c.example", "d.example"]]
    harness.drop(*harness.desired)
    harness.work()
    assert lists(harness) == [[FIRST.default], [FIRST.default], [FIRST.default]]
    assert harness.states() == {}


@pytest.mark.parametrize("path", ["urllist$", "append", "replace", "deploy$"])
def test_what_is_withdrawn_while_its_write_into_a_further_list_is_in_doubt_is_taken_out(
    harness: PusherHarness, path: str
) -> None:
    keys = filled(harness, "ab")
    if path != "urllist$":
        seeded(harness, "t.example", *([FIRST.default] if path == "replace" else []), name="second")
    harness.api.fault("reset_after", path=path, method="POST" if "$" in path else "PATCH")
    with pytest.raises(VendorError):
        keys += filled(harness, "c")
    harness.drop(*harness.desired)
    harness.restart()
    harness.work()
    assert harness.urls("second") in (["t.example"], [FIRST.default], None)
    assert not harness.api.truth()["url_lists"]["pending"] or path == "urllist$"
    assert harness.states() == {}


def test_entries_of_others_stay_in_every_list_and_one_in_any_counts_as_there(harness: PusherHarness) -> None:
    seeded(harness, "t.example", name="first")
    seeded(harness, "a.example", "u.example", name="second")
    keys = filled(harness, "abc")
    assert lists(harness) == [["t.example", "b.example"], ["a.example", "u.example"], ["c.example"]]
    assert harness.reasons() == {"domain:a.example": "already_there"}
    harness.drop(*keys)
    harness.work()
    assert lists(harness) == [["t.example"], ["a.example", "u.example"], [FIRST.default]]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("target", [FIRST, SINGLE])
def test_what_has_to_leave_a_full_list_while_others_wait_stays_ours(
    harness: PusherHarness, restart: bool, target: UrlList
) -> None:
    filled(harness, "abcdef"[: 2 * len(target.lists)], target=target)
    before = [harness.urls(name) for name in target.lists]
    draft = {"name": THEIRS, "data": {"urls": ["draft.example"], "type": "exact"}, "pending": True}
    harness.api.seed(url_lists=[{**draft, "by": "alice@corp.example"}])
    last = before[-1][-1] if before[-1] else ""
    filled(harness, "w", Severity.HIGH, target=target)
    assert [harness.urls(name) for name in target.lists] == before
    assert harness.reasons() == {"domain:w.example": "others_pending", f"domain:{last}": "others_pending"}
    assert by_sync_state(harness)[last[0]], "it is there, and the books say so"
    if restart:
        harness.restart()
    harness.api.admin("apply")
    harness.later(61)
    harness.work()
    assert (harness.urls(target.lists[-1]) or [""])[-1] == "w.example"
    assert harness.reasons() == {f"domain:{last}": "list_full"}


@pytest.mark.parametrize("restart", [False, True])
def test_a_further_list_of_ours_that_waits_is_known_for_ours(harness: PusherHarness, restart: bool) -> None:
    keys = filled(harness, "ab")
    harness.api.fault("status", path="deploy$", code=503)
    with pytest.raises(VendorError):
        filled(harness, "c")
    if restart:
        harness.restart()
    harness.drop(keys[0])  # so that the first list is written while the second waits
    harness.later(61)
    harness.work()
    assert lists(harness)[:2] == [["b.example"], ["c.example"]]
    assert (harness.reasons(), harness.api.truth()["url_lists"]["pending"]) == ({}, [])
    assert "deploy_waits" not in [code for code, _ in harness.told.said]


def test_an_edit_of_a_further_list_by_others_is_not_mixed_with_ours(harness: PusherHarness) -> None:
    filled(harness, "abc")
    draft = {"name": "second", "data": {"urls": ["c.example", "t.example"], "type": "exact"}, "pending": True}
    harness.api.seed(url_lists=[{**draft, "by": "alice@corp.example"}])
    filled(harness, "d")
    (waits,) = harness.api.truth()["url_lists"]["pending"]
    assert waits["data"]["urls"] == ["c.example", "t.example"]
    assert harness.reasons() == {"domain:d.example": "others_pending"}
    harness.api.admin("apply")
    harness.later(61)
    harness.work()
    assert lists(harness) == [["a.example", "b.example"], ["c.example", "t.example"], ["d.example"]]


def test_a_further_list_of_another_type_is_passed_over_and_told_where_it_is_the_last(harness: PusherHarness) -> None:
    seeded(harness, "^a$", kind="regex", name="second")
    filled(harness, "abcde")
    assert lists(harness) == [["a.example", "b.example"], ["^a$"], ["c.example", "d.example"]]
    assert harness.reasons() == {"domain:e.example": "list_type"}


def test_what_others_took_out_of_a_further_list_is_written_into_it_again(harness: PusherHarness) -> None:
    filled(harness, "abcd")
    seeded(harness, "d.example", name="second")
    harness.ask("first")
    harness.work()
    assert lists(harness) == [["a.example", "b.example"], ["d.example", "c.example"], None]
    assert [(entry.subject, entry.reason) for entry in harness.told.entries] == [("domain:c.example", "lost")]
    assert harness.told.found == [{"lost": 1, "failing": 0}]


def test_entries_that_one_list_refuses_are_rejected_and_trouble_with_it_holds_up_no_other(
    harness: PusherHarness,
) -> None:
    filled(harness, "ab")
    body = {"statusCode": 400, "message": [["c.example", "is not valid"]], "error": "Bad Request"}
    harness.api.admin(
        "faults", {"kind": "status", "path": "urllist$", "method": "POST", "code": 400, "body": body, "times": 1}
    )
    filled(harness, "cd")
    assert lists(harness) == [["a.example", "b.example"], ["d.example"], None]
    assert harness.states()["domain:c.example"] == "rejected"
    harness.api.admin(
        "faults", {"kind": "status", "path": "append", "code": 409, "body": {"message": "no"}, "times": 9}
    )
    filled(harness, "efg")
    assert (harness.urls("second"), harness.urls("third")) == (["d.example"], ["f.example", "g.example"])
    assert harness.reasons()["domain:e.example"] == "refused"


def test_released_and_repeated_entries_of_a_further_list(harness: PusherHarness) -> None:
    filled(harness, "abcd")
    harness.want("c.example", FIRST, content="", released=True)
    harness.work()
    calls = harness.writes()
    harness.want("d.example", FIRST, resend_at=int(time.time() * 1000) + 60_000)
    harness.work()
    assert harness.writes() == calls + 2, "written once more, and deployed"
    harness.restart()
    harness.drop(*harness.desired)
    harness.work()
    assert lists(harness) == [[FIRST.default], ["c.example"], None]


def test_the_size_is_that_of_all_lists_together(harness: PusherHarness) -> None:
    filled(harness, "abc")
    labels = {"connection": NAME, "target": FIRST.id}
    assert REGISTRY.get_sample_value("ioc_bridge_list_bytes", labels) == 3 * (len("a.example") + 3)
    assert REGISTRY.get_sample_value("ioc_bridge_list_bytes_limit", labels) == 3 * 1_000_000
