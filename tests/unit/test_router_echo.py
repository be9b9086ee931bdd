"""Loops: what we put somewhere is not taken for a statement of the tenant that meets it there."""

from schemas.indicator import Indicator
from schemas.policy import Policy
from schemas.report import Report, Verb
from schemas.types import IndicatorType
from services.router.evaluation.compile import CompiledPolicy, compile_policy
from services.router.evaluation.evaluate import Decision, evaluate
from services.router.evaluation.merge import ECHO_MS, merge
from tests.unit.test_router_evaluate import BLOCK, TENANTS, URLS, sharing

DAY = 24 * 60 * 60 * 1000
BOTH_WAYS = [sharing("to-ns", "mde", "ns", URLS), sharing("to-mde", "ns", "mde", BLOCK)]
POLICY: CompiledPolicy = compile_policy(Policy.of([*TENANTS, *BOTH_WAYS], 1), 1)


def said(at: int, *, sighting: bool, verb: Verb = Verb.UPDATE) -> Report:
    return Report(
        verb=verb, type=IndicatorType.DOMAIN, value="evil.example", first_seen=at, last_seen=at, observed_at=at,
        sighting=sighting,
    )  # fmt: skip


def hear(before: Indicator | None, source: str, report: Report) -> Decision:
    merged = merge(before, source, report) or before
    assert merged
    return evaluate(merged, POLICY, report.observed_at, report.observed_at)


def wanted(decision: Decision) -> set[str]:
    return {key.partition("/")[0] for key in decision.indicator.desired}


def test_a_sighting_of_what_we_put_there_is_an_echo() -> None:
    there = hear(None, "mde", said(100, sighting=False))
    met = hear(there.indicator, "ns", said(200, sighting=True))
    assert wanted(met) == {"ns"}, "not sent back to where it came from"
    assert met.indicator.sources["ns"].echo
    gone = hear(met.indicator, "mde", said(300, sighting=False, verb=Verb.WITHDRAW))
    assert wanted(gone) == set(), "an echo does not keep it alive"


def test_a_late_sighting_after_withdrawal_is_still_an_echo_and_a_much_later_one_is_news() -> None:
    there = hear(None, "mde", said(100, sighting=False))
    gone = hear(there.indicator, "mde", said(300, sighting=False, verb=Verb.WITHDRAW))
    late = hear(gone.indicator, "ns", said(400, sighting=True))
    assert wanted(late) == set()
    news = hear(late.indicator, "ns", said(300 + ECHO_MS + 1, sighting=True))
    assert wanted(news) == {"mde"}


def test_what_the_tenant_knew_before_us_is_its_own() -> None:
    knew = hear(None, "ns", said(50, sighting=True))
    both = hear(knew.indicator, "mde", said(100, sighting=False))
    again = hear(both.indicator, "ns", said(200, sighting=True))
    assert wanted(again) == {"mde", "ns"}
    late = hear(hear(None, "mde", said(100, sighting=False)).indicator, "ns", said(99, sighting=True))
    assert wanted(late) == {"mde", "ns"}, "seen there before we put it there"


def test_a_listing_is_never_an_echo() -> None:
    there = hear(None, "ns", said(100, sighting=True))
    added = hear(there.indicator, "mde", said(200, sighting=False))
    assert wanted(added) == {"mde", "ns"}, "somebody entered it there, too"


def test_a_value_that_both_tenants_know_does_not_go_round_in_a_thousand_rounds() -> None:
    indicator = hear(hear(None, "mde", said(100, sighting=False)).indicator, "ns", said(101, sighting=True)).indicator
    changes = 0
    for number in range(1_000):
        decision = hear(indicator, "ns", said(200 + number, sighting=True))
        indicator, changes = decision.indicator, changes + len(decision.changes)
    assert changes == 0
    assert indicator.sources["ns"].hits == 1_001
    gone = hear(indicator, "mde", said(5_000, sighting=False, verb=Verb.WITHDRAW))
    assert wanted(gone) == set()


def test_two_that_speak_for_themselves_each_withdraw_for_themselves() -> None:
    indicator = hear(hear(None, "ns", said(50, sighting=True)).indicator, "mde", said(100, sighting=False)).indicator
    for number in range(1_000):
        verb = Verb.WITHDRAW if number % 2 else Verb.UPDATE
        indicator = hear(indicator, "ns", said(200 + number, sighting=True)).indicator
        decision = hear(indicator, "mde", said(200 + number, sighting=False, verb=verb))
        indicator = decision.indicator
        assert wanted(decision) == ({"mde"} if number % 2 else {"mde", "ns"})
