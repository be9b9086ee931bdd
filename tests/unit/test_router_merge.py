"""Merging: idempotent, a later statement replaces, first seen only moves back and last seen only forward."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.indicator import Indicator
from schemas.report import Report, Verb
from schemas.resources.merging import MergingSpec
from schemas.types import IndicatorType, Severity
from services.router.evaluation.combine import asserting, combine
from services.router.evaluation.merge import merge


def report(seen: int = 1_000, verb: Verb = Verb.UPDATE, **more: object) -> Report:
    fields = {"first_seen": seen, "last_seen": seen, "observed_at": seen + 5, "severity": Severity.HIGH, **more}
    return Report.model_validate({"verb": verb, "type": IndicatorType.DOMAIN, "value": "evil.example", **fields})


def merged(before: Indicator | None, source: str, said: Report) -> Indicator:
    """With what all sources say together, long before anything ages."""
    after = merge(before, source, said)
    assert after is not None
    return combine(after, asserting(after, {}, 3_000), {}, MergingSpec(), 3_000)


reports = st.builds(
    report,
    seen=st.integers(1, 50),
    verb=st.sampled_from(Verb),
    comments=st.sampled_from(["", "a", "b"]),
    tags=st.sampled_from([(), ("x",)]),
)
statements = st.lists(st.tuples(st.sampled_from(["defender", "netskope"]), reports), max_size=12)


def play(said: list[tuple[str, Report]]) -> Indicator | None:
    indicator: Indicator | None = None
    for source, statement in said:
        indicator = merge(indicator, source, statement) or indicator
    return indicator


def test_a_first_report_makes_the_indicator() -> None:
    found = merged(None, "defender", report(tags=("phish",), comments="seen", reputation=8))
    assert (found.type, found.value, found.active, found.hits) == (IndicatorType.DOMAIN, "evil.example", True, 1)
    assert (found.severity, found.reputation, found.tags, found.comments) == (Severity.HIGH, 8, ("phish",), "seen")


@given(statements, reports)
def test_a_repeat_changes_nothing(said: list[tuple[str, Report]], last: Report) -> None:
    before = play(said)
    after = merge(before, "defender", last) or before
    assert merge(after, "defender", last) is None


@given(statements)
def test_seen_times_span_all_statements(said: list[tuple[str, Report]]) -> None:
    indicator = play(said)
    if indicator is None:
        return
    updates = [statement for _, statement in said if statement.verb is Verb.UPDATE]
    assert indicator.first_seen == min(statement.first_seen for statement in updates)
    assert indicator.last_seen == max(statement.last_seen for statement in updates)


def test_a_withdrawal_of_the_only_source_makes_it_inactive() -> None:
    before = merged(None, "defender", report())
    after = merged(before, "defender", report(2_000, Verb.WITHDRAW))
    assert not after.active
    assert after.sources["defender"].withdrawn_at == 2_005


def test_another_source_keeps_it_active() -> None:
    both = merged(merged(None, "defender", report()), "netskope", report(900, severity=Severity.LOW))
    after = merged(both, "defender", report(2_000, Verb.WITHDRAW))
    assert after.active
    assert after.severity is Severity.LOW, "only those who still vouch are believed"


def test_a_withdrawal_of_what_was_never_reported_says_nothing() -> None:
    assert merge(None, "defender", report(verb=Verb.WITHDRAW)) is None
    other = merged(None, "netskope", report())
    assert merge(other, "defender", report(verb=Verb.WITHDRAW)) is None


def test_a_withdrawn_indicator_comes_back() -> None:
    gone = merged(merged(None, "defender", report()), "defender", report(2_000, Verb.WITHDRAW))
    back = merged(gone, "defender", report())
    assert back.active
    assert back.sources["defender"].withdrawn_at is None


def test_an_edit_without_a_newer_time_is_seen() -> None:
    before = merged(None, "defender", report(comments="before"))
    assert merged(before, "defender", report(comments="after")).comments == "after"


def test_an_older_statement_that_comes_late_only_moves_first_seen() -> None:
    before = merged(None, "netskope", report(1_000, comments="new"))
    after = merged(before, "netskope", report(500, comments="old"))
    assert (after.first_seen, after.last_seen, after.comments) == (500, 1_000, "new")
    assert merge(after, "netskope", report(700)) is None


def test_hits_count_sightings_not_repeats() -> None:
    first = merged(None, "netskope", report(1_000))
    assert merged(first, "netskope", report(1_500)).hits == 2
