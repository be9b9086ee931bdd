"""Merging: idempotent, what a source says last counts, first seen only moves back and last seen only forward."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.indicator import Indicator
from schemas.report import Report, Verb
from schemas.resources.merging import MergingSpec
from schemas.types import IndicatorType, Severity
from services.router.evaluation.combine import SourceTerms, asserting, combine
from services.router.evaluation.merge import is_superseded, merge


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


def test_an_older_sighting_that_comes_late_only_moves_first_seen() -> None:
    before = merged(None, "netskope", report(1_000, comments="new", sighting=True))
    after = merged(before, "netskope", report(500, comments="old", sighting=True))
    assert (after.first_seen, after.last_seen, after.comments) == (500, 1_000, "new")
    assert merge(after, "netskope", report(700, sighting=True)) is None


def test_what_a_source_says_last_counts_however_long_ago_it_saw_it() -> None:
    before = merged(None, "feed", report(1_000, comments="first"))
    after = merged(before, "feed", report(500, comments="corrected", observed_at=1_010))
    assert (after.first_seen, after.last_seen, after.comments) == (500, 1_000, "corrected")
    gone = merged(after, "feed", report(1_020, Verb.WITHDRAW, observed_at=1_020))
    back = merged(gone, "feed", report(400, observed_at=1_030, severity=Severity.LOW))
    assert (back.active, back.first_seen, back.severity) == (True, 400, Severity.LOW)


def test_a_source_cannot_have_seen_what_is_yet_to_come() -> None:
    found = merged(None, "feed", report(5_000, observed_at=1_000))
    assert (found.first_seen, found.last_seen) == (1_000, 1_000)


def test_a_time_yet_to_come_that_an_older_release_stored_delays_nothing() -> None:
    known = merged(None, "feed", report())
    state = known.sources["feed"].model_copy(update={"last_seen": 4_070_908_800_000, "observed_at": 1_000})
    known = known.but(sources={"feed": state}, last_seen=state.last_seen)
    terms = {"feed": SourceTerms(aging_ms=500)}
    assert asserting(known, terms, 1_499) == {"feed": 1_500}
    assert asserting(known, terms, 1_500) == {}
    corrected = merged(known, "feed", report(1_200, comments="corrected"))
    assert (corrected.comments, corrected.last_seen) == ("corrected", 1_200)
    met = merged(known, "feed", report(1_200, comments="met again", sighting=True))
    assert (met.comments, met.last_seen) == ("met again", 1_200)


def test_a_clock_that_was_set_back_hinders_no_statement() -> None:
    before = merged(None, "feed", report(1_000, comments="first"))
    after = merged(before, "feed", report(900, comments="second", observed_at=905))
    assert after.comments == "second"
    gone = merge(after, "feed", report(800, Verb.WITHDRAW, observed_at=805))
    assert gone is not None
    assert gone.sources["feed"].withdrawn_at == 805


def test_a_replayed_statement_is_superseded_by_a_later_one_and_by_a_withdrawal() -> None:
    said = report(1_000)
    assert not is_superseded(None, "feed", said)
    known = merged(None, "feed", said)
    assert not is_superseded(known, "feed", said)
    assert not is_superseded(known, "other", said)
    gone = merged(known, "feed", report(2_000, Verb.WITHDRAW))
    assert is_superseded(gone, "feed", said)
    assert is_superseded(gone, "feed", report(1_500, Verb.WITHDRAW))
    assert not is_superseded(gone, "feed", report(3_000))
    assert not is_superseded(gone, "feed", report(1_000, sighting=True)), "an event stays true whenever it is told"


def test_hits_count_sightings_not_repeats() -> None:
    first = merged(None, "netskope", report(1_000))
    assert merged(first, "netskope", report(1_500)).hits == 2
