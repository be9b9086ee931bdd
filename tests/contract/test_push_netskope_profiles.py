"""The Netskope pusher and the sandbox tenant's destination profiles: what policy applies, whatever it answers."""

import time
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from schemas.desired import AppliedState
from schemas.vendors.netskope import DestinationProfile
from services.push_netskope.profiles import plan as profile_plan
from services.push_netskope.profiles.plan import VALUES_A_CALL
from services.runtime.vendors.errors import VendorError
from services.sandbox.netskope.settings import ProfileLimits
from services.sandbox.tenant.quota import Limit
from tests.contract import test_push_netskope_tenant as tenant
from tests.contract.test_sandbox_netskope_gate import Api, serving
from tests.pushing import LIST, NAME

PROFILES = "/api/v2/profiles/destinations"
PROFILE = DestinationProfile(kind="destination-profile", name="blocked sites", subdomains="exact")
REGEX = DestinationProfile(kind="destination-profile", name="patterns", match="regex", subdomains="exact")
DEFAULT = PROFILE.default
FEW_CALLS = 2
MANY = FEW_CALLS * VALUES_A_CALL + 1
PENDING = {"profile_apply": "pending"}
BOTH = pytest.mark.parametrize("switches", [{}, PENDING], ids=["auto", "pending"])


class PusherHarness(tenant.PusherHarness):
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
def harness(netskope: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[PusherHarness]:
    monkeypatch.setattr(profile_plan, "FEW_CALLS", FEW_CALLS)
    found = PusherHarness(netskope)
    yield found
    found.close()


@BOTH
def test_a_profile_that_is_missing_is_made_then_changed_value_by_value(
    harness: PusherHarness, switches: dict[str, object]
) -> None:
    harness.api.switch(**switches)
    first = harness.want("a.example", PROFILE)
    harness.work()
    assert (harness.profiles(), harness.sent("PATCH")) == (["a.example"], 0)
    harness.want("http://B.example/Path", PROFILE)
    harness.work()
    harness.drop(first)
    harness.work()
    assert (harness.profiles(), harness.waits()) == (["b.example/path"], False)
    assert harness.sent("PATCH", "/values") == harness.sent("PATCH") == 2
    assert harness.states() == {"url:http://b.example/Path": "applied"}
    calls = harness.writes()
    harness.restart()
    harness.work()
    assert harness.writes() == calls, "a restart writes nothing"


@BOTH
def test_much_is_one_write_and_an_emptied_profile_holds_its_default(
    harness: PusherHarness, switches: dict[str, object]
) -> None:
    harness.api.switch(**switches)
    harness.seeded("theirs.example")
    keys = [harness.want(f"h{number}.example", PROFILE) for number in range(MANY)]
    harness.work()
    assert len(harness.profiles() or []) == MANY + 1
    assert harness.sent("PATCH") == 1
    harness.drop(*keys)
    harness.work()
    assert (harness.profiles(), harness.states(), harness.sent("PATCH")) == (["theirs.example"], {}, 2)
    key = harness.want("a.example", REGEX)
    harness.work()
    harness.drop(key)
    harness.work()
    assert (harness.profiles(REGEX.name), harness.waits()) == ([REGEX.default], False)


def test_a_new_profile_takes_all_at_once_with_its_description(harness: PusherHarness) -> None:
    described = DestinationProfile(
        kind="destination-profile", name="new", match="sensitive", description="of ours", subdomains="exact"
    )
    for number in range(100):
        harness.want(f"h{number}.example", described)
    harness.work()
    (row,) = harness.api.truth()["profiles"]["applied"]
    assert (row["type"], row["description"], row["values_count"]) == ("sensitive", "of ours", 100)
    assert harness.writes() == 1


def test_values_of_others_and_other_profiles_stay_as_they_are(harness: PusherHarness) -> None:
    harness.seeded("CIDR:203.0.113.0/24", "Shared.Example", "twice.example", "twice.example")
    harness.seeded("private.example", name="someone else's")
    keys = [harness.want(value, PROFILE) for value in ("a.example", "shared.example")]
    harness.work()
    theirs = ["CIDR:203.0.113.0/24", "Shared.Example", "twice.example", "twice.example"]
    assert harness.profiles() == [*theirs, "a.example"]
    assert harness.reasons() == {"domain:shared.example": "already_there"}
    keys += [harness.want(f"h{number}.example", PROFILE) for number in range(MANY)]
    harness.work()
    harness.drop(*keys)
    harness.work()
    assert harness.profiles() == theirs
    assert harness.profiles("someone else's") == ["private.example"]


def test_a_profile_among_many_is_found_and_read_without_the_values_of_the_others(harness: PusherHarness) -> None:
    harness.api.seed(profiles=[{"name": f"p{number:03}", "values": ["x.example"]} for number in range(205)])
    harness.seeded("theirs.example")
    harness.want("a.example", PROFILE)
    harness.work()
    assert harness.profiles() == ["theirs.example", "a.example"]
    assert harness.sent("GET") == 4, "three pages, and the one profile"


def test_a_profile_that_moved_while_it_was_looked_for_is_never_taken_for_another(harness: PusherHarness) -> None:
    harness.seeded("private.example", name="someone else's")
    harness.seeded("theirs.example")
    another = {"elements": [{"id": "another", "name": "someone else's", "values": ["private.example"]}]}
    harness.want("a.example", PROFILE)
    harness.api.fault("status", path="limit=1$", code=200, body=another, times=3)
    with pytest.raises(VendorError, match="at another position"):
        harness.work()
    assert harness.writes() == 0
    harness.api.fault("status", path="limit=1$", code=200, body={"elements": []})
    harness.work()
    assert (harness.profiles(), harness.profiles("someone else's")) == (
        ["theirs.example", "a.example"],
        ["private.example"],
    )


def test_values_the_tenant_names_as_invalid_are_rejected_and_the_rest_is_there(
    harness: PusherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = "services.sandbox.netskope.urlsyntax.destination_reason"
    monkeypatch.setattr(judge, lambda value: "not this one" if value.startswith("198.51.100") else None)
    values = ("198.51.100.7", "a.example", "b.example", "198.51.100.8")
    for status, name in ((400, PROFILE.name), (422, "made anew")):
        harness.api.switch(profile_invalid_status=status)
        target = PROFILE.model_copy(update={"name": name})
        if name == PROFILE.name:
            harness.seeded("theirs.example")
        for value in values:
            harness.want(value, target)
        harness.work()
        assert set(harness.profiles(name) or ()) - {"theirs.example"} == {"a.example", "b.example"}
    rejected = {value for value, state in harness.states().items() if state == "rejected"}
    assert rejected == {"ipv4:198.51.100.7", "ipv4:198.51.100.8"}
    details = {applied.reason.detail for applied in harness.written.latest.values() if applied.reason is not None}
    assert details == {"not this one"}
    calls = harness.writes()
    harness.restart()
    harness.work()
    assert harness.writes() == calls, "rejected is rejected until it changes"


@pytest.mark.parametrize("there", [True, False])
def test_values_refused_without_a_place_are_found_by_halves(harness: PusherHarness, there: bool) -> None:
    if there:
        harness.seeded("theirs.example")
    wanted = [f"h{number}.example" for number in range(8)]
    for value in wanted:
        harness.want(value, PROFILE)
    method, times = ("PATCH", 5) if there else ("POST", 2)
    harness.api.fault("status", path=PROFILES, method=method, code=400, body={"message": "invalid"}, times=times)
    harness.work()
    rejected = [name for name, state in harness.states().items() if state == "rejected"]
    assert rejected == ["domain:h0.example"]
    assert set(harness.profiles() or ()) - {"theirs.example"} == {*wanted[1:]}


def test_what_one_body_does_not_take_follows_and_a_refusal_of_that_rejects_no_bystander(
    harness: PusherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile_plan, "MOST_BYTES", 100)
    for number in range(30):
        harness.want(f"h{number}.example", PROFILE)
    harness.api.fault("status", path="values$", method="PATCH", code=400, body={"message": "invalid"})
    harness.work()
    assert set(harness.profiles() or ()) == {f"h{number}.example" for number in range(30)}
    assert (set(harness.states().values()), harness.sent("POST")) == ({"applied"}, 1)


def test_a_refusal_of_the_whole_becomes_the_reason_and_is_tried_again_later(harness: PusherHarness) -> None:
    harness.want("a.example", PROFILE)
    harness.want("b.example", LIST)
    body = {"validation_errors": [{"field": "name", "message": "is reserved"}]}
    harness.api.fault("status", path=f"{PROFILES}$", method="POST", code=400, body=body)
    harness.work()
    assert (harness.reasons(), harness.urls()) == ({"domain:a.example": "refused"}, ["b.example"])
    (detail,) = (applied.reason.detail for applied in harness.written.latest.values() if applied.reason is not None)
    assert "is reserved" in detail
    harness.later(61)
    harness.work()
    assert (harness.profiles(), harness.reasons()) == (["a.example"], {})


@BOTH
@pytest.mark.parametrize("kind", ["reset_after", "cut", "malformed"])
@pytest.mark.parametrize("step", ["create", "append", "remove", "replace"])
def test_an_answer_that_is_lost_loses_nothing_and_writes_nothing_twice(
    harness: PusherHarness, kind: str, step: str, switches: dict[str, object]
) -> None:
    gone: list[str] = []
    if step != "create":
        harness.seeded("theirs.example")
    if step in ("remove", "replace"):
        gone = [harness.want(f"gone{n}.example", PROFILE) for n in range(MANY if step == "replace" else 1)]
        harness.work()
        harness.drop(*gone)
    if step != "remove":
        harness.want("a.example", PROFILE)
    harness.api.switch(**switches)
    path = {"create": f"{PROFILES}$", "replace": "destinations/[^/]*$"}.get(step, "values$")
    harness.api.fault(kind, path=path, method="POST" if step == "create" else "PATCH")
    with pytest.raises(VendorError):
        harness.work()
    harness.restart()
    harness.work()
    ours = [] if step == "remove" else ["a.example"]
    assert harness.profiles() == ["theirs.example"] * (step != "create") + ours
    assert harness.states() == dict.fromkeys([f"domain:{value}" for value in ours], "applied")
    assert not harness.waits()


def test_a_deploy_that_is_lost_is_done_again_before_anything_is_recorded(harness: PusherHarness) -> None:
    harness.api.switch(**PENDING)
    harness.want("a.example", PROFILE)
    harness.api.fault("reset_before", path="deploy$", times=1)
    with pytest.raises(VendorError):
        harness.work()
    assert (harness.profiles(), harness.reasons()) == (None, {"domain:a.example": "unconfirmed"})
    harness.restart()
    harness.work()
    assert (harness.profiles(), harness.states(), harness.waits()) == (
        ["a.example"],
        {"domain:a.example": "applied"},
        False,
    )


def test_a_deploy_that_does_not_name_the_profile_is_trouble_and_tried_again(harness: PusherHarness) -> None:
    harness.api.switch(**PENDING)
    harness.want("a.example", PROFILE)
    harness.api.fault("status", path="deploy$", code=200, body={"applied": []})
    harness.work()
    assert harness.reasons() == {"domain:a.example": "refused"}
    harness.later(61)
    harness.work()
    assert (harness.profiles(), harness.reasons(), harness.waits()) == (["a.example"], {}, False)


@pytest.mark.parametrize("many", [1, MANY])
def test_a_profile_that_waits_for_somebody_is_deployed_read_again_and_written(
    harness: PusherHarness, many: int
) -> None:
    harness.seeded("theirs.example")
    harness.seeded("theirs.example", "waiting.example", pending=True)
    harness.seeded("waiting.example", name="someone else's", pending=True)
    for number in range(many):
        harness.want(f"h{number}.example", PROFILE)
    harness.work()
    values = harness.profiles() or []
    assert (values[:2], len(values)) == (["theirs.example", "waiting.example"], many + 2)
    assert set(harness.states().values()) == {"applied"}
    assert harness.profiles("someone else's") is None, "only what is written to is deployed"


def test_what_is_withdrawn_while_its_write_is_in_doubt_is_taken_out_again(harness: PusherHarness) -> None:
    harness.seeded("theirs.example")
    key = harness.want("a.example", PROFILE)
    harness.api.fault("reset_after", path="values$")
    with pytest.raises(VendorError):
        harness.work()
    harness.drop(key)
    harness.restart()
    harness.work()
    assert (harness.profiles(), harness.states()) == (["theirs.example"], {})


def test_what_others_took_out_is_written_again_and_told(harness: PusherHarness) -> None:
    harness.want("a.example", PROFILE)
    harness.want("b.example", PROFILE)
    harness.work()
    harness.seeded("b.example", "theirs.example")
    harness.later(601)
    harness.work()
    assert harness.profiles() == ["b.example", "theirs.example", "a.example"]
    assert [(entry.subject, entry.reason) for entry in harness.told.entries] == [("domain:a.example", "lost")]


def test_where_the_connection_says_so_it_is_told_and_left_until_the_next_write(harness: PusherHarness) -> None:
    harness.close()
    reporting = PusherHarness(harness.api, reconcile={"interval": "10m", "mode": "report"})
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


def test_a_profile_of_another_type_is_not_touched_and_says_what_to_do(harness: PusherHarness) -> None:
    harness.seeded("a.b", type="sensitive")
    harness.want("a.example", PROFILE)
    harness.work()
    assert (harness.profiles(), harness.reasons()) == (["a.b"], {"domain:a.example": "profile_type"})


def test_what_does_not_fit_beside_all_other_profiles_is_held_and_the_room_is_shown(
    harness: PusherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile_plan, "MOST_TOGETHER", 120)
    harness.api.seed(profiles=[{"name": "theirs", "type": "sensitive", "values": [f"t{n}.example" for n in range(90)]}])
    keys = [harness.want(f"h{number:03}.example", PROFILE, reported_at=1_000 - number) for number in range(40)]
    harness.want("evil.example", REGEX)
    harness.work()
    assert set(harness.profiles() or ()) == {f"h{number:03}.example" for number in range(30)}, "the latest"
    assert set(harness.reasons().values()) == {"list_full"}
    assert list(harness.states().values()).count(AppliedState.HELD) == 10
    labels = {"connection": NAME, "target": PROFILE.id}
    shown = [REGISTRY.get_sample_value(f"ioc_bridge_profile_values{kind}", labels) for kind in ("", "_limit")]
    assert shown == [30, 30]
    harness.drop(*keys[:10])
    harness.work()
    assert (set(harness.states().values()), harness.reasons()) == ({"applied"}, {})


def test_a_tenant_that_takes_fewer_than_it_says_is_told_and_not_bisected(harness: PusherHarness) -> None:
    for number in range(101):
        harness.want(f"h{number}.example", PROFILE)
    harness.work()
    assert set(harness.states().values()) == {"failed"}
    assert harness.writes() == 1
    assert "at most 100 values" in str(next(iter(harness.written.latest.values())).reason)


def test_released_values_stay_and_may_be_taken_out_by_anybody(harness: PusherHarness) -> None:
    keys = [harness.want(value, PROFILE) for value in ("a.example", "b.example")]
    harness.work()
    calls = harness.writes()
    harness.want("a.example", PROFILE, content="", released=True)
    harness.work()
    harness.drop(*keys)
    harness.work()
    assert (harness.profiles(), harness.states(), harness.writes()) == (["a.example"], {}, calls + 1)
    harness.seeded("theirs.example")
    harness.want("c.example", PROFILE)
    harness.work()
    assert harness.profiles() == ["theirs.example", "c.example"]


def test_values_to_be_sent_again_are_written_once_more_and_only_once(harness: PusherHarness) -> None:
    for number in range(3):
        harness.want(f"h{number}.example", PROFILE)
    harness.work()
    calls = harness.writes()
    harness.want("h1.example", PROFILE, resend_at=int(time.time() * 1000) + 60_000)
    harness.work()
    harness.restart()
    harness.work()
    assert harness.writes() == calls + 1
    assert harness.profiles() == [f"h{number}.example" for number in range(3)], "and none stands there twice"
