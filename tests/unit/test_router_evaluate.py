"""Evaluation: exact differences to what was asked for before, withdrawal when no sharing wants it any more."""

from collections.abc import Mapping

from schemas.indicator import Indicator
from schemas.policy import Policy
from schemas.report import Report, Verb
from schemas.resources import AnyResource, resource
from schemas.types import IndicatorType, Severity
from services.router.evaluation.compile import CompiledPolicy, compile_policy
from services.router.evaluation.evaluate import Decision, evaluate
from services.router.evaluation.merge import merge

BLOCK = {"kind": "defender-action", "action": "Block"}
URLS = {"kind": "url-list", "name": "from defender"}
HASHES = {"kind": "file-hash-list", "name": "hashes"}


def connection(name: str, kind: str) -> AnyResource:
    spec: dict[str, object] = {"type": "defender", "tenantId": "t", "appId": "a", "appSecret": {"env": "SECRET"}}
    if kind == "netskope":
        token = {"env": "TOKEN"}
        spec = {"type": "netskope", "tenantUrl": "http://127.0.0.1:1", "v2Token": token, "v1Token": token}
    return resource("Connection", name, spec)


def sharing(name: str, source: str, destination: str, target: Mapping[str, object], **more: object) -> AnyResource:
    spec = {"source": source, "destination": destination, "target": target, **more}
    return resource("Sharing", name, spec)


TENANTS = [connection("mde", "defender"), connection("lab", "defender"), connection("ns", "netskope")]


def policy(*sharings: AnyResource) -> CompiledPolicy:
    found = Policy.of([*TENANTS, *sharings], version=len(sharings))
    assert found.misfits() == []
    return compile_policy(found, 1)


def indicator(source: str = "mde", before: Indicator | None = None, **more: object) -> Indicator:
    fields = {
        "verb": Verb.UPDATE, "type": IndicatorType.DOMAIN, "value": "evil.example",
        "first_seen": 1, "last_seen": 1, "observed_at": 2, "severity": Severity.LOW, **more,
    }  # fmt: skip
    found = merge(before, source, Report.model_validate(fields))
    assert found is not None
    return found


def keys(decision: Decision) -> dict[str, bool]:
    return {f"{change.destination} {change.key}": change.entry is not None for change in decision.changes}


TO_URLS = sharing("urls", "mde", "ns", URLS)
TO_HASHES = sharing("hashes", "mde", "ns", HASHES)
TO_BLOCK = sharing("block", "ns", "mde", BLOCK)
FROM_LAB = sharing("lab-urls", "lab", "ns", URLS)


def test_a_wanted_indicator_is_put_at_its_target() -> None:
    decision = evaluate(indicator(), policy(TO_URLS), 7, 7)
    assert keys(decision) == {"ns url-list:from%20defender/domain:evil.example": True}
    entry = decision.changes[0].entry
    assert entry is not None
    assert (entry.value, entry.sources, entry.sharings, entry.reported_at) == ("evil.example", ("mde",), ("urls",), 7)


def test_a_second_look_finds_nothing_to_do() -> None:
    first = evaluate(indicator(), policy(TO_URLS, TO_HASHES), 7, 7)
    again = evaluate(first.indicator, policy(TO_URLS, TO_HASHES), 9, 9)
    assert again.indicator is first.indicator
    assert again.changes == []


def test_what_no_sharing_wants_any_more_is_withdrawn() -> None:
    placed = evaluate(indicator(), policy(TO_URLS), 7, 7).indicator
    gone = evaluate(placed, policy(), 8, 8)
    assert keys(gone) == {"ns url-list:from%20defender/domain:evil.example": False}
    assert gone.indicator.desired == {}


def test_a_disabled_sharing_wants_nothing() -> None:
    placed = evaluate(indicator(), policy(TO_URLS), 7, 7).indicator
    off = sharing("urls", "mde", "ns", URLS, enabled=False)
    assert list(keys(evaluate(placed, policy(off), 8, 8)).values()) == [False]


def test_a_withdrawn_source_no_longer_vouches_but_another_does() -> None:
    both = indicator("lab", indicator("mde"))
    placed = evaluate(both, policy(TO_URLS, FROM_LAB), 7, 7).indicator
    left = merge(placed, "mde", Report.model_validate(_withdrawal()))
    assert left is not None
    still = evaluate(left, policy(TO_URLS, FROM_LAB), 8, 8)
    assert [change.entry is not None for change in still.changes] == [True], "rewritten for its other sharing"
    assert still.changes[0].entry is not None
    assert still.changes[0].entry.sharings == ("lab-urls",)
    last = merge(still.indicator, "lab", Report.model_validate(_withdrawal()))
    assert last is not None
    assert list(keys(evaluate(last, policy(TO_URLS, FROM_LAB), 9, 9)).values()) == [False]


def _withdrawal() -> dict[str, object]:
    return {
        "verb": Verb.WITHDRAW, "type": IndicatorType.DOMAIN, "value": "evil.example",
        "first_seen": 1, "last_seen": 1, "observed_at": 3,
    }  # fmt: skip


def test_two_sharings_feed_one_target() -> None:
    decision = evaluate(indicator("lab", indicator("mde")), policy(TO_URLS, FROM_LAB), 7, 7)
    assert len(decision.changes) == 1
    assert decision.changes[0].entry is not None
    assert decision.changes[0].entry.sources == ("lab", "mde")


def test_what_a_target_cannot_hold_is_skipped_with_a_reason_said_once() -> None:
    first = evaluate(indicator(), policy(TO_HASHES), 7, 7)
    assert first.newly_skipped == [("ns", "other_family")]
    assert first.indicator.skipped == {"ns/file-hash-list:hashes": "other_family"}
    assert evaluate(first.indicator, policy(TO_HASHES), 8, 8).newly_skipped == []


def test_an_edit_matters_only_where_the_vendor_is_told_of_it() -> None:
    rules = policy(TO_URLS, TO_BLOCK)
    for source, matters in (("mde", False), ("ns", True)):
        placed = evaluate(indicator(source), rules, 7, 7).indicator
        edited = evaluate(indicator(source, placed, severity=Severity.HIGH), rules, 8, 8)
        assert bool(edited.changes) is matters, source


def test_a_changed_target_changes_the_content() -> None:
    placed = evaluate(indicator(), policy(TO_URLS), 7, 7)
    resized = evaluate(placed.indicator, policy(sharing("urls", "mde", "ns", {**URLS, "sizeMb": 3})), 8, 8)
    before, after = placed.changes[0].entry, resized.changes[0].entry
    assert before is not None
    assert after is not None
    assert before.content != after.content
