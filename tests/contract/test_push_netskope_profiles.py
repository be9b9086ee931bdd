"""The Netskope pusher and the sandbox tenant's destination profiles: what policy applies, whatever it answers."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from schemas.desired import AppliedState
from schemas.hold import HoldKind, hold_id
from schemas.policy import Policy
from schemas.resources import resource
from schemas.targets import DestinationProfile
from services.push_netskope import profileplan
from services.push_netskope.profileplan import VALUES_A_CALL
from services.runtime.vendors.errors import VendorError
from services.sandbox.netskope.settings import ProfileLimits
from services.sandbox.tenant.quota import Limit
from tests.contract import test_push_netskope_tenant as tenant
from tests.contract.test_sandbox_netskope_gate import Api, serving
from tests.pushing import LIST, NAME

PROFILES = "/api/v2/profiles/destinations"
PROFILE = DestinationProfile(kind="destination-profile", name="blocked sites")
REGEX = DestinationProfile(kind="destination-profile", name="patterns", match="regex")
DEFAULT = PROFILE.default
FEW_CALLS = 2
MANY = FEW_CALLS * VALUES_A_CALL + 1
PENDING = {"profile_apply": "pending"}
BOTH = pytest.mark.parametrize("switches", [{}, PENDING], ids=["auto", "pending"])


class Desk(tenant.Desk):
    """A desk that looks at profiles."""

    def profiles(self, name: str = PROFILE.name, copy: str = "applied") -> list[str] | None:
        held = self.api.truth()["profiles"][copy]
        return next((found["values"] for found in held if found["name"] == name), None)

    def waits(self) -> bool:
        return bool(self.api.truth()["profiles"]["pending"])

    def seeded(self, *values: str, name: str = PROFILE.name, **more: object) -> None:
        self.api.seed(profiles=[{"name": name, "values": list(values), **more}])


@pytest.fixture(scope="module")
def served_netskope() -> Iterator[Api]:
    limits = ProfileLimits(exact_values=100, exact_total=250, regex_total=5)
    with serving(policy_rate=(Limit(10_000, 1.0),), profile_limits=limits) as api:
        yield api


@pytest.fixture
def desk(netskope: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(profileplan, "FEW_CALLS", FEW_CALLS)
    found = Desk(netskope)
    yield found
    found.close()


@BOTH
def test_a_profile_that_is_missing_is_made_then_changed_value_by_value(desk: Desk, switches: dict[str, object]) -> None:
    desk.api.switch(**switches)
    first = desk.want("a.example", PROFILE)
    desk.work()
    assert (desk.profiles(), desk.sent("PATCH")) == (["a.example"], 0)
    desk.want("http://B.example/Path", PROFILE)
    desk.work()
    desk.drop(first)
    desk.work()
    assert (desk.profiles(), desk.waits()) == (["b.example/path"], False)
    assert desk.sent("PATCH", "/values") == desk.sent("PATCH") == 2
    assert desk.states() == {"url:http://b.example/Path": "applied"}
    calls = desk.writes()
    desk.restart()
    desk.work()
    assert desk.writes() == calls, "a restart writes nothing"


@BOTH
def test_much_is_one_write_and_an_emptied_profile_holds_its_default(desk: Desk, switches: dict[str, object]) -> None:
    desk.api.switch(**switches)
    desk.seeded("theirs.example")
    keys = [desk.want(f"h{number}.example", PROFILE) for number in range(MANY)]
    desk.work()
    assert len(desk.profiles() or []) == MANY + 1
    assert desk.sent("PATCH") == 1
    desk.drop(*keys)
    desk.work()
    assert (desk.profiles(), desk.states(), desk.sent("PATCH")) == (["theirs.example"], {}, 2)
    key = desk.want("a.example", REGEX)
    desk.work()
    desk.drop(key)
    desk.work()
    assert (desk.profiles(REGEX.name), desk.waits()) == ([REGEX.default], False)


def test_a_new_profile_takes_all_at_once_with_its_description(desk: Desk) -> None:
    described = DestinationProfile(kind="destination-profile", name="new", match="sensitive", description="of ours")
    for number in range(100):
        desk.want(f"h{number}.example", described)
    desk.work()
    (row,) = desk.api.truth()["profiles"]["applied"]
    assert (row["type"], row["description"], row["values_count"]) == ("sensitive", "of ours", 100)
    assert desk.writes() == 1


def test_values_of_others_and_other_profiles_stay_as_they_are(desk: Desk) -> None:
    desk.seeded("CIDR:203.0.113.0/24", "Shared.Example", "twice.example", "twice.example")
    desk.seeded("private.example", name="someone else's")
    keys = [desk.want(value, PROFILE) for value in ("a.example", "shared.example")]
    desk.work()
    theirs = ["CIDR:203.0.113.0/24", "Shared.Example", "twice.example", "twice.example"]
    assert desk.profiles() == [*theirs, "a.example"]
    assert desk.reasons() == {"domain:shared.example": "already_there"}
    keys += [desk.want(f"h{number}.example", PROFILE) for number in range(MANY)]
    desk.work()
    desk.drop(*keys)
    desk.work()
    assert desk.profiles() == theirs
    assert desk.profiles("someone else's") == ["private.example"]


def test_a_profile_among_many_is_found_and_read_without_the_values_of_the_others(desk: Desk) -> None:
    desk.api.seed(profiles=[{"name": f"p{number:03}", "values": ["x.example"]} for number in range(205)])
    desk.seeded("theirs.example")
    desk.want("a.example", PROFILE)
    desk.work()
    assert desk.profiles() == ["theirs.example", "a.example"]
    assert desk.sent("GET") == 4, "three pages, and the one profile"


def test_a_profile_that_moved_while_it_was_looked_for_is_never_taken_for_another(desk: Desk) -> None:
    desk.seeded("private.example", name="someone else's")
    desk.seeded("theirs.example")
    another = {"elements": [{"id": "another", "name": "someone else's", "values": ["private.example"]}]}
    desk.want("a.example", PROFILE)
    desk.api.fault("status", path="limit=1$", code=200, body=another, times=3)
    with pytest.raises(VendorError, match="at another place"):
        desk.work()
    assert desk.writes() == 0
    desk.api.fault("status", path="limit=1$", code=200, body={"elements": []})
    desk.work()
    assert (desk.profiles(), desk.profiles("someone else's")) == (["theirs.example", "a.example"], ["private.example"])


def test_values_the_tenant_names_as_invalid_are_rejected_and_the_rest_is_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = "services.sandbox.netskope.urlsyntax.destination_reason"
    monkeypatch.setattr(judge, lambda value: "not this one" if value.startswith("198.51.100") else None)
    values = ("198.51.100.7", "a.example", "b.example", "198.51.100.8")
    for status, name in ((400, PROFILE.name), (422, "made anew")):
        desk.api.switch(profile_invalid_status=status)
        target = PROFILE.model_copy(update={"name": name})
        if name == PROFILE.name:
            desk.seeded("theirs.example")
        for value in values:
            desk.want(value, target)
        desk.work()
        assert set(desk.profiles(name) or ()) - {"theirs.example"} == {"a.example", "b.example"}
    rejected = {value for value, state in desk.states().items() if state == "rejected"}
    assert rejected == {"ipv4:198.51.100.7", "ipv4:198.51.100.8"}
    details = {applied.reason.detail for applied in desk.written.latest.values() if applied.reason is not None}
    assert details == {"not this one"}
    calls = desk.writes()
    desk.restart()
    desk.work()
    assert desk.writes() == calls, "rejected is rejected until it changes"


@pytest.mark.parametrize("there", [True, False])
def test_values_refused_without_a_place_are_found_by_halves(desk: Desk, there: bool) -> None:
    if there:
        desk.seeded("theirs.example")
    wanted = [f"h{number}.example" for number in range(8)]
    for value in wanted:
        desk.want(value, PROFILE)
    method, times = ("PATCH", 5) if there else ("POST", 2)
    desk.api.fault("status", path=PROFILES, method=method, code=400, body={"message": "invalid"}, times=times)
    desk.work()
    rejected = [name for name, state in desk.states().items() if state == "rejected"]
    assert rejected == ["domain:h0.example"]
    assert set(desk.profiles() or ()) - {"theirs.example"} == {*wanted[1:]}


def test_what_one_body_does_not_take_follows_and_a_refusal_of_that_rejects_no_bystander(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profileplan, "MOST_BYTES", 100)
    for number in range(30):
        desk.want(f"h{number}.example", PROFILE)
    desk.api.fault("status", path="values$", method="PATCH", code=400, body={"message": "invalid"})
    desk.work()
    assert set(desk.profiles() or ()) == {f"h{number}.example" for number in range(30)}
    assert (set(desk.states().values()), desk.sent("POST")) == ({"applied"}, 1)


def test_a_refusal_of_the_whole_becomes_the_reason_and_is_tried_again_later(desk: Desk) -> None:
    desk.want("a.example", PROFILE)
    desk.want("b.example", LIST)
    body = {"validation_errors": [{"field": "name", "message": "is reserved"}]}
    desk.api.fault("status", path=f"{PROFILES}$", method="POST", code=400, body=body)
    desk.work()
    assert (desk.reasons(), desk.urls()) == ({"domain:a.example": "refused"}, ["b.example"])
    (detail,) = (applied.reason.detail for applied in desk.written.latest.values() if applied.reason is not None)
    assert "is reserved" in detail
    desk.later(61)
    desk.work()
    assert (desk.profiles(), desk.reasons()) == (["a.example"], {})


@BOTH
@pytest.mark.parametrize("kind", ["reset_after", "cut", "malformed"])
@pytest.mark.parametrize("step", ["create", "append", "remove", "replace"])
def test_an_answer_that_is_lost_loses_nothing_and_writes_nothing_twice(
    desk: Desk, kind: str, step: str, switches: dict[str, object]
) -> None:
    gone: list[str] = []
    if step != "create":
        desk.seeded("theirs.example")
    if step in ("remove", "replace"):
        gone = [desk.want(f"gone{n}.example", PROFILE) for n in range(MANY if step == "replace" else 1)]
        desk.work()
        desk.drop(*gone)
    if step != "remove":
        desk.want("a.example", PROFILE)
    desk.api.switch(**switches)
    path = {"create": f"{PROFILES}$", "replace": "destinations/[^/]*$"}.get(step, "values$")
    desk.api.fault(kind, path=path, method="POST" if step == "create" else "PATCH")
    with pytest.raises(VendorError):
        desk.work()
    desk.restart()
    desk.work()
    ours = [] if step == "remove" else ["a.example"]
    assert desk.profiles() == ["theirs.example"] * (step != "create") + ours
    assert desk.states() == dict.fromkeys([f"domain:{value}" for value in ours], "applied")
    assert not desk.waits()


def test_a_deploy_that_is_lost_is_done_again_before_anything_is_recorded(desk: Desk) -> None:
    desk.api.switch(**PENDING)
    desk.want("a.example", PROFILE)
    desk.api.fault("reset_before", path="deploy$", times=1)
    with pytest.raises(VendorError):
        desk.work()
    assert (desk.profiles(), desk.reasons()) == (None, {"domain:a.example": "unconfirmed"})
    desk.restart()
    desk.work()
    assert (desk.profiles(), desk.states(), desk.waits()) == (["a.example"], {"domain:a.example": "applied"}, False)


def test_a_deploy_that_does_not_name_the_profile_is_trouble_and_tried_again(desk: Desk) -> None:
    desk.api.switch(**PENDING)
    desk.want("a.example", PROFILE)
    desk.api.fault("status", path="deploy$", code=200, body={"applied": []})
    desk.work()
    assert desk.reasons() == {"domain:a.example": "refused"}
    desk.later(61)
    desk.work()
    assert (desk.profiles(), desk.reasons(), desk.waits()) == (["a.example"], {}, False)


@pytest.mark.parametrize("many", [1, MANY])
def test_a_profile_that_waits_for_somebody_is_deployed_read_again_and_written(desk: Desk, many: int) -> None:
    desk.seeded("theirs.example")
    desk.seeded("theirs.example", "waiting.example", pending=True)
    desk.seeded("waiting.example", name="someone else's", pending=True)
    for number in range(many):
        desk.want(f"h{number}.example", PROFILE)
    desk.work()
    values = desk.profiles() or []
    assert (values[:2], len(values)) == (["theirs.example", "waiting.example"], many + 2)
    assert set(desk.states().values()) == {"applied"}
    assert desk.profiles("someone else's") is None, "only what is written to is deployed"


def test_what_is_withdrawn_while_its_write_is_in_doubt_is_taken_out_again(desk: Desk) -> None:
    desk.seeded("theirs.example")
    key = desk.want("a.example", PROFILE)
    desk.api.fault("reset_after", path="values$")
    with pytest.raises(VendorError):
        desk.work()
    desk.drop(key)
    desk.restart()
    desk.work()
    assert (desk.profiles(), desk.states()) == (["theirs.example"], {})


def test_what_others_took_out_is_written_again_and_told(desk: Desk) -> None:
    desk.want("a.example", PROFILE)
    desk.want("b.example", PROFILE)
    desk.work()
    desk.seeded("b.example", "theirs.example")
    desk.later(601)
    desk.work()
    assert desk.profiles() == ["b.example", "theirs.example", "a.example"]
    assert [(item.subject, item.reason) for item in desk.told.items] == [("domain:a.example", "lost")]


def test_where_the_connection_says_so_it_is_told_and_left_until_the_next_write(desk: Desk) -> None:
    desk.close()
    reporting = Desk(desk.api, reconcile={"interval": "10m", "mode": "report"})
    reporting.want("a.example", PROFILE)
    reporting.want("b.example", PROFILE)
    reporting.work()
    reporting.seeded("b.example")
    writes = reporting.writes()
    reporting.later(601)
    reporting.work()
    assert (reporting.profiles(), reporting.writes()) == (["b.example"], writes)
    assert [code for code, _ in reporting.told.said] == ["drift"]
    reporting.want("c.example", PROFILE)
    reporting.work()
    assert set(reporting.profiles() or ()) == {"a.example", "b.example", "c.example"}
    reporting.close()


def test_a_profile_of_another_type_is_not_touched_and_says_what_to_do(desk: Desk) -> None:
    desk.seeded("a.b", type="sensitive")
    desk.want("a.example", PROFILE)
    desk.work()
    assert (desk.profiles(), desk.reasons()) == (["a.b"], {"domain:a.example": "profile_type"})


def test_what_does_not_fit_beside_all_other_profiles_is_held_and_the_room_is_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profileplan, "MOST_TOGETHER", 120)
    desk.api.seed(profiles=[{"name": "theirs", "type": "sensitive", "values": [f"t{n}.example" for n in range(90)]}])
    keys = [desk.want(f"h{number:03}.example", PROFILE, reported_at=1_000 - number) for number in range(40)]
    desk.want("evil.example", REGEX)
    desk.work()
    assert set(desk.profiles() or ()) == {f"h{number:03}.example" for number in range(30)}, "the latest"
    assert set(desk.reasons().values()) == {"list_full"}
    assert list(desk.states().values()).count(AppliedState.HELD) == 10
    labels = {"connection": NAME, "target": PROFILE.id}
    shown = [REGISTRY.get_sample_value(f"ioc_bridge_profile_values{kind}", labels) for kind in ("", "_limit")]
    assert shown == [30, 30]
    desk.drop(*keys[:10])
    desk.work()
    assert (set(desk.states().values()), desk.reasons()) == ({"applied"}, {})


def test_a_tenant_that_takes_fewer_than_it_says_is_told_and_not_bisected(desk: Desk) -> None:
    for number in range(101):
        desk.want(f"h{number}.example", PROFILE)
    desk.work()
    assert set(desk.states().values()) == {"failed"}
    assert desk.writes() == 1
    assert "at most 100 values" in str(next(iter(desk.written.latest.values())).reason)


def guarded(desk: Desk, *verdicts: Any) -> None:
    desk.policy.view = Policy.of([resource("Guard", "default", {"target": {"atLeast": 10}}), *verdicts])


def test_held_withdrawals_stay_while_the_profile_is_written_until_confirmed(desk: Desk) -> None:
    guarded(desk)
    values = [f"h{number:02}.example" for number in range(30)]
    keys = [desk.want(value, PROFILE) for value in values[:-1]]
    desk.work()
    desk.drop(*keys[:20])
    desk.want(values[-1], PROFILE)
    desk.work()
    desk.restart()
    desk.later(601)
    desk.work()
    assert set(desk.profiles() or ()) == set(values)
    now = int(time.time() * 1000)
    name = hold_id(NAME, PROFILE.id, HoldKind.TARGET_WOULD_SHRINK)
    spec = {"connection": NAME, "subject": PROFILE.id, "verdict": "confirm", "at": now, "until": now + 60_000}
    guarded(desk, resource("Verdict", name, spec))
    desk.work()
    assert (set(desk.profiles() or ()), desk.written.holds) == (set(values[20:]), {})


def test_released_values_stay_and_may_be_taken_out_by_anybody(desk: Desk) -> None:
    keys = [desk.want(value, PROFILE) for value in ("a.example", "b.example")]
    desk.work()
    calls = desk.writes()
    desk.want("a.example", PROFILE, content="", released=True)
    desk.work()
    desk.drop(*keys)
    desk.work()
    assert (desk.profiles(), desk.states(), desk.writes()) == (["a.example"], {}, calls + 1)
    desk.seeded("theirs.example")
    desk.want("c.example", PROFILE)
    desk.work()
    assert desk.profiles() == ["theirs.example", "c.example"]


def test_values_to_be_sent_again_are_written_once_more_and_only_once(desk: Desk) -> None:
    for number in range(3):
        desk.want(f"h{number}.example", PROFILE)
    desk.work()
    calls = desk.writes()
    desk.want("h1.example", PROFILE, resend_at=int(time.time() * 1000) + 60_000)
    desk.work()
    desk.restart()
    desk.work()
    assert desk.writes() == calls + 1
    assert desk.profiles() == [f"h{number}.example" for number in range(3)], "and none stands there twice"
