"""Changes of other people that wait in the tenant: ours would have them deployed, and wait unless told otherwise."""

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from schemas.vendors.netskope import UrlList
from services.runtime.vendors.errors import VendorError
from tests.contract.test_push_netskope_tenant import PusherHarness, seeded
from tests.contract.test_sandbox_netskope_gate import DEPLOY, LISTS, Api
from tests.pushing import LIST, NAME

THEIRS = "someone else's"
OTHER = UrlList(kind="url-list", name="another of ours", subdomains="exact")


@pytest.fixture
def harness(netskope: Api) -> Iterator[PusherHarness]:
    found = PusherHarness(netskope)
    yield found
    found.close()


def edited(harness: PusherHarness, *urls: str, name: str = THEIRS, by: str = "alice@corp.example") -> None:
    """Another admin changes a list and does not apply it yet."""
    harness.api.seed(
        url_lists=[{"name": name, "data": {"urls": list(urls), "type": "exact"}, "pending": True, "by": by}]
    )


def pending(harness: PusherHarness) -> set[str]:
    return {found["name"] for found in harness.api.truth()["url_lists"]["pending"]}


def waiting() -> float | None:
    return REGISTRY.get_sample_value("ioc_bridge_deploy_waits", {"connection": NAME})


@pytest.mark.parametrize("restart", [False, True])
def test_changes_of_others_are_not_deployed_with_ours_and_ours_follow_by_themselves(
    harness: PusherHarness, restart: bool
) -> None:
    gone = harness.want("gone.example", LIST)
    harness.work()
    edited(harness, "draft.example")
    harness.want("a.example", LIST)
    harness.drop(gone)
    for _ in range(3):
        harness.work()
        harness.later(61)
    assert (harness.urls(), harness.urls(THEIRS), pending(harness)) == (["gone.example"], None, {THEIRS})
    assert harness.states() == {"domain:a.example": "held", "domain:gone.example": "held"}
    assert set(harness.reasons().values()) == {"others_pending"}
    detail = {applied.reason.detail for applied in harness.written.latest.values() if applied.reason}
    assert len(detail) == 1
    assert f"{THEIRS} (by alice@corp.example)" in detail.pop()
    assert [code for code, _ in harness.told.said] == ["deploy_waits"], "said once"
    assert waiting() == 1
    writes = harness.written.writes
    harness.later(61)
    harness.work()
    assert harness.written.writes == writes, "nor is it recorded again"
    harness.api.admin("apply")
    if restart:
        harness.restart()
    harness.later(61)
    harness.work()
    assert (harness.urls(), harness.urls(THEIRS)) == (["a.example"], ["draft.example"])
    assert (harness.states(), harness.reasons()) == ({"domain:a.example": "applied"}, {})
    assert waiting() == 0
    assert [code for code, _ in harness.told.said] == ["deploy_waits"] + ([] if restart else ["deploy_goes_on"])


def test_where_the_connection_says_so_changes_of_others_are_deployed_along(netskope: Api) -> None:
    harness = PusherHarness(netskope, deploy={"othersPending": "deploy"})
    edited(harness, "draft.example")
    harness.want("a.example", LIST)
    harness.work()
    assert (harness.urls(), harness.urls(THEIRS)) == (["a.example"], ["draft.example"])
    assert set(harness.states().values()) == {"applied"}
    harness.close()


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_change_of_ours_that_waits_is_known_for_ours(harness: PusherHarness, restart: bool, withdrawn: bool) -> None:
    seeded(harness, "theirs.example")
    first = harness.want("a.example", LIST)
    if withdrawn:
        harness.want("b.example", LIST)
        harness.work()
        harness.drop(first)
    harness.api.fault("status", path="deploy$", code=503)
    with pytest.raises(VendorError):
        harness.work()
    assert pending(harness) == {LIST.name}
    if restart:
        harness.restart()
    harness.later(61)
    harness.work()
    assert harness.urls() == ["theirs.example", "b.example" if withdrawn else "a.example"]
    assert (pending(harness), set(harness.states().values())) == (set(), {"applied"})


@pytest.mark.parametrize("restart", [False, True])
def test_what_was_written_before_somebody_began_an_edit_waits_and_may_go_along_with_theirs(
    harness: PusherHarness, restart: bool
) -> None:
    harness.want("a.example", LIST)
    harness.api.fault("status", path="deploy$", code=503)
    with pytest.raises(VendorError):
        harness.work()
    edited(harness, "draft.example")
    harness.later(61)
    harness.work()
    if restart:
        harness.restart()
        harness.work()
    assert (harness.urls(), pending(harness)) == (None, {LIST.name, THEIRS})
    assert harness.reasons() == {"domain:a.example": "others_pending_written"}
    harness.api.admin("apply")
    writes = harness.writes()
    harness.later(61)
    harness.work()
    assert (harness.urls(), harness.states(), harness.writes()) == (
        ["a.example"],
        {"domain:a.example": "applied"},
        writes,
    )


@pytest.mark.parametrize("restart", [False, True])
def test_an_edit_of_our_own_list_is_not_mixed_with_ours(harness: PusherHarness, restart: bool) -> None:
    gone = harness.want("a.example", LIST)
    harness.work()
    edited(harness, "draft.example", name=LIST.name)
    if restart:
        harness.restart()
    harness.want("b.example", LIST)
    harness.drop(gone)
    harness.work()
    harness.later(61)
    if restart:
        harness.restart()
    harness.work()
    (waits,) = harness.api.truth()["url_lists"]["pending"]
    assert (harness.urls(), waits["data"]["urls"]) == (["a.example"], ["draft.example"])
    assert set(harness.reasons().values()) == {"others_pending"}
    harness.api.admin("apply")
    harness.later(61)
    harness.work()
    assert (harness.urls(), harness.states()) == (["draft.example", "b.example"], {"domain:b.example": "applied"})


def test_two_lists_of_ours_that_wait_after_a_restart_do_not_wait_for_each_other(harness: PusherHarness) -> None:
    for target in (LIST, OTHER):
        harness.want("a.example", target)
    harness.api.fault("status", path="deploy$", code=503)
    with pytest.raises(VendorError):
        harness.work()
    (first,) = pending(harness)
    harness.restart()
    harness.api.fault("status", path="deploy$", code=503)
    with pytest.raises(VendorError):
        harness.work()
    harness.restart()
    harness.work()
    assert (harness.urls(), harness.urls(OTHER.name), pending(harness)) == (["a.example"], ["a.example"], set())
    assert first in {LIST.name, OTHER.name}


def test_a_deletion_that_waits_is_a_change_of_others(harness: PusherHarness) -> None:
    seeded(harness, "x.example", name=THEIRS)
    (list_id,) = [found["id"] for found in harness.api.truth()["url_lists"]["applied"]]
    harness.api.http.delete(f"{LISTS}/{list_id}").raise_for_status()
    harness.want("a.example", LIST)
    harness.work()
    assert harness.reasons() == {"domain:a.example": "others_pending"}
    assert harness.sent("POST", DEPLOY) == 0


def test_what_needs_no_deploy_is_recorded_while_others_wait(harness: PusherHarness) -> None:
    seeded(harness, "there.example")
    edited(harness, "draft.example")
    harness.want("there.example", LIST)
    harness.want("new.example", LIST)
    harness.want("2001:db8::1", LIST)
    harness.work()
    assert harness.states() == {
        "domain:there.example": "applied", "domain:new.example": "held", "ipv6:2001:db8::1": "skipped",
    }  # fmt: skip
