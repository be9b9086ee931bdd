"""A domain is blocked with what is below it at Netskope, as at Defender: judged by what the tenant would block."""

from collections.abc import Iterator
from typing import Any

import pytest

from schemas.targets import Target
from schemas.types import Severity
from schemas.vendors.netskope import DestinationProfile, UrlList
from services.push_netskope.url_lists import plan
from services.runtime.vendors.errors import VendorError
from tests.contract.test_push_netskope_profiles import PusherHarness
from tests.contract.test_push_netskope_tenant import seeded
from tests.contract.test_sandbox_netskope_gate import Api
from tests.pushing import COVERING, netskope

NAMES = COVERING.name
EXACT = COVERING.model_copy(update={"subdomains": "exact"})
PATTERNS = UrlList(kind="url-list", name="patterns", match="regex")
PROFILE = DestinationProfile(kind="destination-profile", name="sites")
TARGETS = pytest.mark.parametrize("target", [COVERING, PATTERNS, PROFILE], ids=["exact list", "regex list", "profile"])
APEX = pytest.mark.parametrize("covers", [False, True], ids=["wildcard below only", "wildcard and apex"])
PAIR = ["evil.example", "*.evil.example"]
BLOCKED = ("evil.example", "login.evil.example", "a.b.evil.example:8443/path?x")
OPEN = ("notevil.example", "example", "evil.example.org", "good.example/evil.example")
SPILLING = UrlList(kind="url-list", name=NAMES, size_mb=1, overflow=("second", "third"))
MANY = [f"h{number}.example" for number in range(9)]


@pytest.fixture
def harness(netskope: Api) -> Iterator[PusherHarness]:
    found = PusherHarness(netskope)
    yield found
    found.close()


def blocked(harness: PusherHarness, *addresses: str) -> set[str]:
    return {address for address in addresses if harness.api.tenant.would_block(address)}


def ours(harness: PusherHarness, value: str = "domain:evil.example") -> str | None:
    return next(found.remote_id for key, found in harness.written.latest.items() if key.endswith(f"/{value}"))


def sharing_says(harness: PusherHarness, target: Target, content: str) -> None:
    for key, record in list(harness.desired.items()):
        harness.desired[key] = record.model_copy(update={"target": target, "content": content})
        harness.store.desire(key, harness.desired[key])


@APEX
@TARGETS
def test_a_domain_is_blocked_with_what_is_below_it_and_is_gone_with_all_of_it(
    harness: PusherHarness, target: UrlList | DestinationProfile, *, covers: bool
) -> None:
    harness.api.switch(wildcard_covers_apex=covers)
    key = harness.want("evil.example", target)
    harness.want("http://page.example/", target)
    harness.want("198.51.100.7", target)
    harness.work()
    others = (*OPEN, "sub.page.example", "198.51.100.8")
    assert blocked(harness, *BLOCKED, "page.example", "198.51.100.7", *others) == {
        *BLOCKED,
        "page.example",
        "198.51.100.7",
    }
    calls = harness.writes()
    harness.restart()
    harness.later(601)
    harness.work()
    assert harness.writes() == calls, "it is read back as the same"
    harness.drop(key)
    harness.work()
    assert blocked(harness, *BLOCKED, "page.example") == {"page.example"}


@APEX
def test_the_target_may_say_exact_and_may_change_its_mind(harness: PusherHarness, *, covers: bool) -> None:
    harness.api.switch(wildcard_covers_apex=covers)
    harness.want("evil.example", EXACT)
    harness.work()
    assert blocked(harness, *BLOCKED) == {"evil.example"}
    sharing_says(harness, COVERING, "c2")
    harness.work()
    assert (blocked(harness, *BLOCKED), ours(harness)) == (set(BLOCKED), " ".join(PAIR))
    sharing_says(harness, EXACT, "c3")
    harness.work()
    assert (blocked(harness, *BLOCKED), harness.urls(NAMES), ours(harness)) == ({"evil.example"}, PAIR[:1], PAIR[0])


def test_where_the_connection_says_that_the_wildcard_covers_the_apex_it_is_one_entry(harness: PusherHarness) -> None:
    harness.api.switch(wildcard_covers_apex=True)
    harness.want("evil.example", COVERING)
    harness.want("evil.example", PROFILE)
    harness.work()
    assert set(harness.urls(NAMES) or ()) == set(PAIR)
    harness.connection = netskope(str(harness.api.http.base_url), wildcardCoversApex=True)
    harness.restart()
    harness.api.fault("reset_after", path="replace")
    with pytest.raises(VendorError):
        harness.work()
    harness.restart()
    harness.work()
    assert (harness.urls(NAMES), blocked(harness, *BLOCKED)) == (PAIR[1:], set(BLOCKED))
    assert set(harness.profiles(PROFILE.name) or ()) == set(PAIR), "no page says so of profiles"
    harness.drop(*harness.desired)
    harness.work()
    assert (blocked(harness, *BLOCKED), harness.written.latest) == (set(), {})


@TARGETS
def test_what_a_former_release_wrote_becomes_the_pair_and_is_open_at_no_moment(
    harness: PusherHarness, target: UrlList | DestinationProfile
) -> None:
    if target is PATTERNS:
        return
    harness.want("evil.example", target.model_copy(update={"subdomains": "exact"}))
    harness.want("other.example", target.model_copy(update={"subdomains": "exact"}))
    harness.work()
    for key, record in harness.desired.items():
        harness.desired[key] = record.model_copy(update={"target": target})  # the same content
    patches = harness.sent("PATCH", "replace")
    harness.restart()
    harness.work()
    assert blocked(harness, *BLOCKED, "x.other.example") == {*BLOCKED, "x.other.example"}
    assert (ours(harness), set(harness.states().values())) == (" ".join(PAIR), {"applied"})
    assert harness.sent("PATCH", "replace") == patches, "what is there is only added to"


@TARGETS
@pytest.mark.parametrize("gone", PAIR)
def test_a_half_that_others_took_out_is_drift_of_one_entry_and_is_written_again(
    harness: PusherHarness, target: UrlList | DestinationProfile, gone: str
) -> None:
    if target is PATTERNS:
        return
    key = harness.want("evil.example", target)
    harness.work()
    left = [list_entry for list_entry in PAIR if list_entry != gone]
    if target is COVERING:
        seeded(harness, *left, name=NAMES)
    else:
        harness.seeded(*left, name=PROFILE.name)
    harness.later(601)
    harness.work()
    assert [(entry.subject, entry.reason) for entry in harness.told.entries] == [("domain:evil.example", "lost")]
    assert (blocked(harness, *BLOCKED), ours(harness)) == (set(BLOCKED), " ".join(PAIR))
    harness.drop(key)
    harness.work()
    assert blocked(harness, *BLOCKED) == set(), "the half that was never gone is still known for ours"


@TARGETS
@pytest.mark.parametrize("theirs", PAIR)
def test_a_half_of_somebody_else_stays_and_the_other_one_is_ours(
    harness: PusherHarness, target: UrlList | DestinationProfile, theirs: str
) -> None:
    if target is PATTERNS:
        return
    if target is COVERING:
        seeded(harness, theirs, name=NAMES)
    else:
        harness.seeded(theirs, name=PROFILE.name)
    key = harness.want("evil.example", target)
    harness.work()
    (mine,) = [list_entry for list_entry in PAIR if list_entry != theirs]
    assert (blocked(harness, *BLOCKED), ours(harness)) == (set(BLOCKED), mine)
    assert (harness.states(), harness.reasons()) == (
        {"domain:evil.example": "applied"}, {"domain:evil.example": "already_there"},
    )  # fmt: skip
    writes = harness.written.writes
    harness.restart()
    harness.later(601)
    harness.work()
    assert harness.written.writes == writes, "it is as it should be"
    harness.drop(key)
    harness.work()
    held = harness.urls(NAMES) if target is COVERING else harness.profiles(PROFILE.name)
    assert held == [theirs]


@TARGETS
@pytest.mark.parametrize("there_before", [False, True])
def test_a_half_that_is_refused_rejects_the_domain_as_a_whole_in_the_vendors_words(
    harness: PusherHarness, target: UrlList | DestinationProfile, *, there_before: bool
) -> None:
    if target is PATTERNS:
        return
    seeded(harness, "theirs.example", name=NAMES)
    harness.seeded("theirs.example", name=PROFILE.name)
    if there_before:
        harness.want("evil.example", target.model_copy(update={"subdomains": "exact"}))
        harness.work()
        sharing_says(harness, target, "c2")
    else:
        harness.want("evil.example", target)
    harness.want("good.example", target)
    sync_state = 0 if there_before else 1
    body: dict[str, Any] = {"statusCode": 400, "message": [[PAIR[1], "the star is full"]], "error": "Bad Request"}
    if target is PROFILE:
        body = {"validation_errors": [{"field": f"values[{sync_state}]", "message": "the star is full"}]}
    path = "append" if target is COVERING else "/values"
    harness.api.fault("status", path=path, method="PATCH", code=400, body=body)
    harness.work()
    (applied,) = [found for key, found in harness.written.latest.items() if key.endswith("/domain:evil.example")]
    assert (applied.state, applied.remote_id) == ("rejected", None), applied.reason
    assert applied.reason is not None
    assert applied.reason.detail == "the star is full"
    assert blocked(harness, *BLOCKED, "x.good.example", "theirs.example") == {"x.good.example", "theirs.example"}


def test_a_half_found_by_halves_is_taken_out_with_the_other_one(harness: PusherHarness) -> None:
    seeded(harness, "theirs.example", name=NAMES)
    for name in ("evil.example", "good.example"):
        harness.want(name, COVERING)
    body = {"statusCode": 400, "message": "urls must be valid", "error": "Bad Request"}
    # Refused: all four twice, the first two, not the first alone, but the second.
    for skip, times in ((0, 3), (1, 1)):
        harness.api.admin(
            "faults", {"kind": "status", "path": "append", "code": 400, "body": body, "skip": skip, "times": times}
        )
    harness.work()
    states = harness.states()
    rejected = [name for name, state in states.items() if state == "rejected"]
    assert len(rejected) == 1
    host = rejected[0].removeprefix("domain:")
    assert blocked(harness, host, f"x.{host}") == set()
    assert harness.urls(NAMES) == ["theirs.example", *(e for n in ("evil", "good") if f"{n}.example" != host
                                                   for e in (f"{n}.example", f"*.{n}.example"))]  # fmt: skip


def test_entries_that_indicators_share_go_with_the_last_of_them(harness: PusherHarness) -> None:
    domain = harness.want("evil.example", COVERING)
    url = harness.want("https://evil.example/", COVERING)
    harness.work()
    harness.drop(domain)
    harness.work()
    assert harness.urls(NAMES) == ["evil.example"]
    harness.want("evil.example", COVERING)
    harness.work()
    harness.drop(url)
    harness.work()
    assert set(harness.urls(NAMES) or ()) == set(PAIR)


def test_pairs_are_counted_whole_and_kept_together_in_further_lists(
    harness: PusherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "MEGABYTE", 2 * plan.size_of_urls(PAIR) + plan._ENVELOPE)
    for name in MANY:
        harness.want(name, SPILLING, severity=Severity.MEDIUM)
    harness.work()
    for name in SPILLING.lists:
        urls = harness.urls(name) or []
        assert plan.size_of_urls(urls) <= plan.capacity_of(SPILLING, 0)
        assert {url.removeprefix("*.") for url in urls} == {url for url in urls if not url.startswith("*.")}
        assert len(urls) % 2 == 0
    held = {name.removeprefix("domain:") for name, reason in harness.reasons().items() if reason == "list_full"}
    assert blocked(harness, *MANY) == set(MANY) - held
    assert blocked(harness, *(f"x.{name}" for name in MANY)) == {f"x.{name}" for name in set(MANY) - held}
    assert 0 < len(held) < len(MANY)
    harness.drop(*harness.desired)
    harness.work()
    assert blocked(harness, *MANY, *(f"x.{name}" for name in MANY)) == set()


@pytest.mark.parametrize("limit", [4, 5])
def test_a_full_profile_holds_a_pair_or_none_of_it(harness: PusherHarness, limit: int) -> None:
    small = PROFILE.model_copy(update={"limit": limit})
    for name in MANY[:4]:
        harness.want(name, small)
    harness.work()
    assert len(harness.profiles(PROFILE.name) or ()) == 4
    held = {name.removeprefix("domain:") for name, reason in harness.reasons().items() if reason == "list_full"}
    assert (len(held), blocked(harness, *MANY[:4])) == (2, set(MANY[:4]) - held)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("begins", [EXACT, COVERING], ids=["one becomes two", "two become one"])
def test_a_change_that_waits_for_other_people_is_known_for_ours_and_loses_no_half(
    harness: PusherHarness, begins: UrlList, *, restart: bool
) -> None:
    harness.want("evil.example", begins)
    harness.work()
    sharing_says(harness, COVERING if begins is EXACT else EXACT, "c2")
    harness.api.fault("status", path="deploy", code=503)
    with pytest.raises(VendorError):
        harness.work()
    harness.api.seed(
        url_lists=[{"name": "draft", "data": {"urls": ["draft.example"], "type": "exact"}, "pending": True}]
    )
    if restart:
        harness.restart()
    for _ in range(3):
        harness.work()
        harness.later(61)
    assert harness.urls("draft") is None, "nothing of other people is deployed"
    harness.api.admin("apply")
    harness.later(601)
    harness.work()
    assert blocked(harness, *BLOCKED) == ({*BLOCKED} if begins is EXACT else {"evil.example"})
    harness.drop(*harness.desired)
    harness.work()
    assert (blocked(harness, *BLOCKED), harness.written.latest) == (set(), {})
