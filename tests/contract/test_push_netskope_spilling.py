"""URL lists that overflow into further ones, in the sandbox tenant: what is in which, whatever happens in between."""

import time
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from schemas.targets import UrlList
from schemas.types import Severity
from services.push_netskope import plan
from services.runtime import budget, log
from services.runtime.vendors.errors import VendorError
from services.sandbox.tenant.quota import Limit
from tests.contract.test_push_netskope_tenant import Desk, seeded
from tests.contract.test_sandbox_netskope_gate import TOKEN, V1_TOKEN, Api, serving
from tests.pushing import NAME

FIRST = UrlList(kind="url-list", name="first", size_mb=1, overflow=("second", "third"))
SINGLE = UrlList(kind="url-list", name="single", size_mb=1)
THEIRS = "someone else's"
ROOM = 24
"""Bytes there are in each list, for two entries."""


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with serving(policy_rate=(Limit(10_000, 1.0),), v1_rate=(Limit(10_000, 1.0),)) as api:
        yield api


@pytest.fixture
def desk(served: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(budget, "_shared", {})
    monkeypatch.setattr(log, "_secrets", set())
    monkeypatch.setattr(plan, "MEGABYTE", ROOM + plan._ENVELOPE)
    monkeypatch.setenv("PUSH_TEST_V2", TOKEN)
    monkeypatch.setenv("PUSH_TEST_V1", V1_TOKEN)
    served.admin("reset")
    found = Desk(served)
    yield found
    found.close()


def lists(desk: Desk) -> list[list[str] | None]:
    return [desk.urls(name) for name in FIRST.lists]


def filled(desk: Desk, names: str, severity: Severity = Severity.MEDIUM, target: UrlList = FIRST) -> list[str]:
    """Entries by their letters, brought to the lists."""
    keys = [desk.want(f"{name}.example", target, severity=severity) for name in names]
    desk.work()
    return keys


def named(desk: Desk, target: UrlList) -> None:
    """The sharing says something else of its target: everything of it is desired so."""
    for key, record in list(desk.desired.items()):
        content = f"of {target.overflow}"
        desk.desired[key] = record.model_copy(update={"target": target, "content": content})
        desk.standing.desire(key, desk.desired[key])
    desk.work()


def places(desk: Desk) -> dict[str, str | None]:
    return {applied.value[0]: applied.remote_id for applied in desk.written.latest.values()}


def test_what_does_not_fit_goes_into_the_next_list_and_stays_there_when_there_is_room_again(desk: Desk) -> None:
    keys = filled(desk, "abc")
    assert lists(desk) == [["a.example", "b.example"], ["c.example"], None]
    assert places(desk) == {"a": "a.example", "b": "b.example", "c": "c.example in second"}
    calls = desk.writes()
    desk.restart()
    desk.later(601)
    desk.work()
    assert desk.writes() == calls, "a restart writes nothing"
    desk.drop(keys[0])
    filled(desk, "d")
    assert lists(desk) == [["b.example", "d.example"], ["c.example"], None]
    desk.drop(*desk.desired)
    desk.work()
    assert lists(desk) == [[FIRST.default], [FIRST.default], None]
    assert desk.states() == {}


def test_when_all_are_full_the_best_stay_and_the_rest_follows_as_room_comes(desk: Desk) -> None:
    keys = filled(desk, "abcdefg")
    assert lists(desk) == [["a.example", "b.example"], ["c.example", "d.example"], ["e.example", "f.example"]]
    assert desk.reasons() == {"domain:g.example": "list_full"}
    filled(desk, "w", Severity.HIGH)
    assert lists(desk) == [["a.example", "b.example"], ["c.example", "d.example"], ["e.example", "w.example"]]
    assert desk.reasons() == {"domain:f.example": "list_full", "domain:g.example": "list_full"}
    desk.drop(keys[2])
    desk.work()
    assert lists(desk) == [["a.example", "b.example"], ["d.example", "f.example"], ["e.example", "w.example"]]
    assert desk.reasons() == {"domain:g.example": "list_full"}


@pytest.mark.parametrize("further", [("third",), ("fourth", "third"), None])
def test_what_is_in_a_list_that_is_named_no_more_leaves_it_and_goes_into_another(
    desk: Desk, further: tuple[str, ...] | None
) -> None:
    filled(desk, "abcd")
    seeded(desk, "c.example", "d.example", "theirs.example", name="second")
    named(desk, FIRST.model_copy(update={"overflow": further}))
    assert (desk.urls("first"), desk.urls("second")) == (["a.example", "b.example"], ["theirs.example"])
    if further:
        assert desk.urls(further[0]) == ["c.example", "d.example"]
        assert desk.reasons() == {}
    else:
        assert desk.reasons() == {"domain:c.example": "list_full", "domain:d.example": "list_full"}
    calls = desk.writes()
    desk.restart()
    desk.work()
    assert desk.writes() == calls


@pytest.mark.parametrize("path", ["second_replaced", "deploy", "third_made"])
def test_a_process_that_ends_while_entries_change_lists_leaves_none_behind(desk: Desk, path: str) -> None:
    filled(desk, "abcd")
    route = {"second_replaced": "replace", "deploy": "deploy$", "third_made": "urllist$"}[path]
    desk.api.fault("reset_after", path=route, method="PATCH" if route == "replace" else "POST")
    with pytest.raises(VendorError):
        named(desk, FIRST.model_copy(update={"overflow": ("third",)}))
    desk.restart()
    desk.later(601)
    desk.work()
    assert lists(desk) == [["a.example", "b.example"], [FIRST.default], ["c.example", "d.example"]]
    desk.drop(*desk.desired)
    desk.work()
    assert lists(desk) == [[FIRST.default], [FIRST.default], [FIRST.default]]
    assert desk.states() == {}


@pytest.mark.parametrize("path", ["urllist$", "append", "replace", "deploy$"])
def test_what_is_withdrawn_while_its_write_into_a_further_list_is_in_doubt_is_taken_out(desk: Desk, path: str) -> None:
    keys = filled(desk, "ab")
    if path != "urllist$":
        seeded(desk, "t.example", *([FIRST.default] if path == "replace" else []), name="second")
    desk.api.fault("reset_after", path=path, method="POST" if "$" in path else "PATCH")
    with pytest.raises(VendorError):
        keys += filled(desk, "c")
    desk.drop(*desk.desired)
    desk.restart()
    desk.work()
    assert desk.urls("second") in (["t.example"], [FIRST.default], None)
    assert not desk.api.truth()["url_lists"]["pending"] or path == "urllist$"
    assert desk.states() == {}


def test_entries_of_others_stay_in_every_list_and_one_in_any_counts_as_there(desk: Desk) -> None:
    seeded(desk, "t.example", name="first")
    seeded(desk, "a.example", "u.example", name="second")
    keys = filled(desk, "abc")
    assert lists(desk) == [["t.example", "b.example"], ["a.example", "u.example"], ["c.example"]]
    assert desk.reasons() == {"domain:a.example": "already_there"}
    desk.drop(*keys)
    desk.work()
    assert lists(desk) == [["t.example"], ["a.example", "u.example"], [FIRST.default]]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("target", [FIRST, SINGLE])
def test_what_has_to_leave_a_full_list_while_others_wait_stays_ours(desk: Desk, restart: bool, target: UrlList) -> None:
    filled(desk, "abcdef"[: 2 * len(target.lists)], target=target)
    before = [desk.urls(name) for name in target.lists]
    draft = {"name": THEIRS, "data": {"urls": ["draft.example"], "type": "exact"}, "pending": True}
    desk.api.seed(url_lists=[{**draft, "by": "alice@corp.example"}])
    last = before[-1][-1] if before[-1] else ""
    filled(desk, "w", Severity.HIGH, target=target)
    assert [desk.urls(name) for name in target.lists] == before
    assert desk.reasons() == {"domain:w.example": "others_pending", f"domain:{last}": "others_pending"}
    assert places(desk)[last[0]], "it is there, and the books say so"
    if restart:
        desk.restart()
    desk.api.admin("apply")
    desk.later(61)
    desk.work()
    assert (desk.urls(target.lists[-1]) or [""])[-1] == "w.example"
    assert desk.reasons() == {f"domain:{last}": "list_full"}


@pytest.mark.parametrize("restart", [False, True])
def test_a_further_list_of_ours_that_waits_is_known_for_ours(desk: Desk, restart: bool) -> None:
    keys = filled(desk, "ab")
    desk.api.fault("status", path="deploy$", code=503)
    with pytest.raises(VendorError):
        filled(desk, "c")
    if restart:
        desk.restart()
    desk.drop(keys[0])  # so that the first list is written while the second waits
    desk.later(61)
    desk.work()
    assert lists(desk)[:2] == [["b.example"], ["c.example"]]
    assert (desk.reasons(), desk.api.truth()["url_lists"]["pending"]) == ({}, [])
    assert "deploy_waits" not in [code for code, _ in desk.told.said]


def test_an_edit_of_a_further_list_by_others_is_not_mixed_with_ours(desk: Desk) -> None:
    filled(desk, "abc")
    draft = {"name": "second", "data": {"urls": ["c.example", "t.example"], "type": "exact"}, "pending": True}
    desk.api.seed(url_lists=[{**draft, "by": "alice@corp.example"}])
    filled(desk, "d")
    (waits,) = desk.api.truth()["url_lists"]["pending"]
    assert waits["data"]["urls"] == ["c.example", "t.example"]
    assert desk.reasons() == {"domain:d.example": "others_pending"}
    desk.api.admin("apply")
    desk.later(61)
    desk.work()
    assert lists(desk) == [["a.example", "b.example"], ["c.example", "t.example"], ["d.example"]]


def test_a_further_list_of_another_type_is_passed_over_and_told_where_it_is_the_last(desk: Desk) -> None:
    seeded(desk, "^a$", kind="regex", name="second")
    filled(desk, "abcde")
    assert lists(desk) == [["a.example", "b.example"], ["^a$"], ["c.example", "d.example"]]
    assert desk.reasons() == {"domain:e.example": "list_type"}


def test_what_others_took_out_of_a_further_list_is_written_into_it_again(desk: Desk) -> None:
    filled(desk, "abcd")
    seeded(desk, "d.example", name="second")
    desk.ask("first")
    desk.work()
    assert lists(desk) == [["a.example", "b.example"], ["d.example", "c.example"], None]
    assert [(item.subject, item.reason) for item in desk.told.items] == [("domain:c.example", "lost")]
    assert desk.told.found == [{"lost": 1, "failing": 0}]


def test_entries_that_one_list_refuses_are_rejected_and_trouble_with_it_holds_up_no_other(desk: Desk) -> None:
    filled(desk, "ab")
    body = {"statusCode": 400, "message": [["c.example", "is not valid"]], "error": "Bad Request"}
    desk.api.admin(
        "faults", {"kind": "status", "path": "urllist$", "method": "POST", "code": 400, "body": body, "times": 1}
    )
    filled(desk, "cd")
    assert lists(desk) == [["a.example", "b.example"], ["d.example"], None]
    assert desk.states()["domain:c.example"] == "rejected"
    desk.api.admin("faults", {"kind": "status", "path": "append", "code": 409, "body": {"message": "no"}, "times": 9})
    filled(desk, "efg")
    assert (desk.urls("second"), desk.urls("third")) == (["d.example"], ["f.example", "g.example"])
    assert desk.reasons()["domain:e.example"] == "refused"


def test_released_and_repeated_entries_of_a_further_list(desk: Desk) -> None:
    filled(desk, "abcd")
    desk.want("c.example", FIRST, content="", released=True)
    desk.work()
    calls = desk.writes()
    desk.want("d.example", FIRST, resend_at=int(time.time() * 1000) + 60_000)
    desk.work()
    assert desk.writes() == calls + 2, "written once more, and deployed"
    desk.restart()
    desk.drop(*desk.desired)
    desk.work()
    assert lists(desk) == [[FIRST.default], ["c.example"], None]


def test_the_size_is_that_of_all_lists_together(desk: Desk) -> None:
    filled(desk, "abc")
    labels = {"connection": NAME, "target": FIRST.id}
    assert REGISTRY.get_sample_value("ioc_bridge_list_bytes", labels) == 3 * (len("a.example") + 3)
    limit = REGISTRY.get_sample_value("ioc_bridge_list_bytes_limit", labels)
    assert limit == REGISTRY.get_sample_value("ioc_bridge_list_bytes_limit", {**labels}) == 3 * 1_000_000
