"""Changes of other people that wait in the tenant: ours would have them deployed, and wait unless told otherwise."""

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from schemas.targets import UrlList
from services.runtime.vendors.errors import VendorError
from tests.contract.test_push_netskope_tenant import Desk, seeded
from tests.contract.test_sandbox_netskope_gate import DEPLOY, LISTS, Api
from tests.pushing import LIST, NAME

THEIRS = "someone else's"
OTHER = UrlList(kind="url-list", name="another of ours")


@pytest.fixture
def desk(netskope: Api) -> Iterator[Desk]:
    found = Desk(netskope)
    yield found
    found.close()


def edited(desk: Desk, *urls: str, name: str = THEIRS, by: str = "alice@corp.example") -> None:
    """Another admin changes a list and does not apply it yet."""
    desk.api.seed(url_lists=[{"name": name, "data": {"urls": list(urls), "type": "exact"}, "pending": True, "by": by}])


def pending(desk: Desk) -> set[str]:
    return {found["name"] for found in desk.api.truth()["url_lists"]["pending"]}


def waiting() -> float | None:
    return REGISTRY.get_sample_value("ioc_bridge_deploy_waits", {"connection": NAME})


@pytest.mark.parametrize("restart", [False, True])
def test_changes_of_others_are_not_deployed_with_ours_and_ours_follow_by_themselves(desk: Desk, restart: bool) -> None:
    gone = desk.want("gone.example", LIST)
    desk.work()
    edited(desk, "draft.example")
    desk.want("a.example", LIST)
    desk.drop(gone)
    for _ in range(3):
        desk.work()
        desk.later(61)
    assert (desk.urls(), desk.urls(THEIRS), pending(desk)) == (["gone.example"], None, {THEIRS})
    assert desk.states() == {"domain:a.example": "held", "domain:gone.example": "held"}
    assert set(desk.reasons().values()) == {"others_pending"}
    detail = {applied.reason.detail for applied in desk.written.latest.values() if applied.reason}
    assert len(detail) == 1
    assert f"{THEIRS} (by alice@corp.example)" in detail.pop()
    assert [code for code, _ in desk.told.said] == ["deploy_waits"], "said once"
    assert waiting() == 1
    writes = desk.written.writes
    desk.later(61)
    desk.work()
    assert desk.written.writes == writes, "nor is it recorded again"
    desk.api.admin("apply")
    if restart:
        desk.restart()
    desk.later(61)
    desk.work()
    assert (desk.urls(), desk.urls(THEIRS)) == (["a.example"], ["draft.example"])
    assert (desk.states(), desk.reasons()) == ({"domain:a.example": "applied"}, {})
    assert waiting() == 0
    assert [code for code, _ in desk.told.said] == ["deploy_waits"] + ([] if restart else ["deploy_goes_on"])


def test_where_the_connection_says_so_changes_of_others_are_deployed_along(netskope: Api) -> None:
    desk = Desk(netskope, deploy={"othersPending": "deploy"})
    edited(desk, "draft.example")
    desk.want("a.example", LIST)
    desk.work()
    assert (desk.urls(), desk.urls(THEIRS)) == (["a.example"], ["draft.example"])
    assert set(desk.states().values()) == {"applied"}
    desk.close()


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_change_of_ours_that_waits_is_known_for_ours(desk: Desk, restart: bool, withdrawn: bool) -> None:
    seeded(desk, "theirs.example")
    first = desk.want("a.example", LIST)
    if withdrawn:
        desk.want("b.example", LIST)
        desk.work()
        desk.drop(first)
    desk.api.fault("status", path="deploy$", code=503)
    with pytest.raises(VendorError):
        desk.work()
    assert pending(desk) == {LIST.name}
    if restart:
        desk.restart()
    desk.later(61)
    desk.work()
    assert desk.urls() == ["theirs.example", "b.example" if withdrawn else "a.example"]
    assert (pending(desk), set(desk.states().values())) == (set(), {"applied"})


@pytest.mark.parametrize("restart", [False, True])
def test_what_was_written_before_somebody_began_an_edit_waits_and_may_go_along_with_theirs(
    desk: Desk, restart: bool
) -> None:
    desk.want("a.example", LIST)
    desk.api.fault("status", path="deploy$", code=503)
    with pytest.raises(VendorError):
        desk.work()
    edited(desk, "draft.example")
    desk.later(61)
    desk.work()
    if restart:
        desk.restart()
        desk.work()
    assert (desk.urls(), pending(desk)) == (None, {LIST.name, THEIRS})
    assert desk.reasons() == {"domain:a.example": "others_pending_written"}
    desk.api.admin("apply")
    writes = desk.writes()
    desk.later(61)
    desk.work()
    assert (desk.urls(), desk.states(), desk.writes()) == (["a.example"], {"domain:a.example": "applied"}, writes)


@pytest.mark.parametrize("restart", [False, True])
def test_an_edit_of_our_own_list_is_not_mixed_with_ours(desk: Desk, restart: bool) -> None:
    gone = desk.want("a.example", LIST)
    desk.work()
    edited(desk, "draft.example", name=LIST.name)
    if restart:
        desk.restart()
    desk.want("b.example", LIST)
    desk.drop(gone)
    desk.work()
    desk.later(61)
    if restart:
        desk.restart()
    desk.work()
    (waits,) = desk.api.truth()["url_lists"]["pending"]
    assert (desk.urls(), waits["data"]["urls"]) == (["a.example"], ["draft.example"])
    assert set(desk.reasons().values()) == {"others_pending"}
    desk.api.admin("apply")
    desk.later(61)
    desk.work()
    assert (desk.urls(), desk.states()) == (["draft.example", "b.example"], {"domain:b.example": "applied"})


def test_two_lists_of_ours_that_wait_after_a_restart_do_not_wait_for_each_other(desk: Desk) -> None:
    for target in (LIST, OTHER):
        desk.want("a.example", target)
    desk.api.fault("status", path="deploy$", code=503)
    with pytest.raises(VendorError):
        desk.work()
    (first,) = pending(desk)
    desk.restart()
    desk.api.fault("status", path="deploy$", code=503)
    with pytest.raises(VendorError):
        desk.work()
    desk.restart()
    desk.work()
    assert (desk.urls(), desk.urls(OTHER.name), pending(desk)) == (["a.example"], ["a.example"], set())
    assert first in {LIST.name, OTHER.name}


def test_a_deletion_that_waits_is_a_change_of_others(desk: Desk) -> None:
    seeded(desk, "x.example", name=THEIRS)
    (list_id,) = [found["id"] for found in desk.api.truth()["url_lists"]["applied"]]
    desk.api.http.delete(f"{LISTS}/{list_id}").raise_for_status()
    desk.want("a.example", LIST)
    desk.work()
    assert desk.reasons() == {"domain:a.example": "others_pending"}
    assert desk.sent("POST", DEPLOY) == 0


def test_what_needs_no_deploy_is_recorded_while_others_wait(desk: Desk) -> None:
    seeded(desk, "there.example")
    edited(desk, "draft.example")
    desk.want("there.example", LIST)
    desk.want("new.example", LIST)
    desk.want("2001:db8::1", LIST)
    desk.work()
    assert desk.states() == {
        "domain:there.example": "applied", "domain:new.example": "held", "ipv6:2001:db8::1": "skipped",
    }  # fmt: skip
