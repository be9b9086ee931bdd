"""What a new listing changes: applying the reports to the last one always gives the new one."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import indicator_id
from schemas.checkpoint import SnapshotChunk
from schemas.report import Report, Verb
from schemas.types import IndicatorType, Severity
from services.runtime.polling.snapshot import CHUNKS, chunk_of, difference, fingerprint

Chunks = dict[int, dict[str, str]]


def said(value: str, comments: str = "", at: int = 1_000, severity: Severity = Severity.HIGH) -> Report:
    return Report(
        verb=Verb.UPDATE,
        type=IndicatorType.DOMAIN,
        value=value,
        observed_at=at,
        first_seen=500,
        last_seen=500,
        severity=severity,
        comments=comments,
    )


def listing(*reports: Report) -> dict[str, Report]:
    return {indicator_id(report.type, report.value): report for report in reports}


def remember(known: Chunks, changes: dict[int, dict[str, str] | None]) -> Chunks:
    """As the topic keeps it: chunk by chunk, tombstones forgotten."""
    kept = {**known, **changes}
    return {number: entries for number, entries in kept.items() if entries is not None}


def test_new_changed_and_vanished_indicators_are_reported_and_others_are_not() -> None:
    _, changes = difference({}, listing(said("same.example"), said("edited.example"), said("gone.example")), 1)
    known = remember({}, changes)
    now = listing(said("same.example", at=2_000), said("edited.example", "new words"), said("new.example"))
    reports, _ = difference(known, now, 2_000)
    assert {(report.verb, report.value) for report in reports} == {
        (Verb.UPDATE, "edited.example"), (Verb.UPDATE, "new.example"), (Verb.WITHDRAW, "gone.example"),
    }  # fmt: skip
    assert len(reports) == 3


def test_when_it_was_heard_is_no_change_but_everything_else_is() -> None:
    one = said("a.example")
    assert fingerprint(one) == fingerprint(one.model_copy(update={"observed_at": 9}))
    for change in (
        {"comments": "x"},
        {"severity": Severity.LOW},
        {"expires_at": 7},
        {"tags": ("t",)},
        {"last_seen": 9},
    ):
        assert fingerprint(one) != fingerprint(one.model_copy(update=change))


def test_only_chunks_that_differ_are_written_and_an_emptied_one_is_forgotten() -> None:
    values = [f"host{number}.example" for number in range(500)]
    _, changes = difference({}, listing(*map(said, values)), 1)
    known = remember({}, changes)
    assert len(known) == CHUNKS
    _, changes = difference(known, listing(*map(said, values), said("one-more.example")), 2)
    assert list(changes) == [chunk_of("domain:one-more.example")]
    reports, changes = difference(known, {}, 3)
    assert changes == dict.fromkeys(range(CHUNKS))
    assert len(reports) == 500


NAMES = st.sampled_from([f"h{number}.example" for number in range(12)])
LISTINGS = st.dictionaries(NAMES, st.sampled_from(["a", "b"])).map(
    lambda found: listing(*(said(value, comments) for value, comments in found.items()))
)


@given(st.lists(LISTINGS, min_size=1, max_size=6))
def test_reports_applied_to_the_last_listing_give_the_new_one(listings: list[dict[str, Report]]) -> None:
    known: Chunks = {}
    held: dict[str, Report] = {}
    for at, now in enumerate(listings):
        reports, changes = difference(known, now, 1_000 + at)
        for report in reports:
            key = indicator_id(report.type, report.value)
            if report.verb is Verb.UPDATE:
                held[key] = report
            else:
                del held[key]
        assert held == now
        known = remember(known, changes)
        assert difference(known, now, at + 1) == ([], {})
        for number, entries in known.items():
            chunk = SnapshotChunk(source="s", chunk=number, entries=entries)
            assert SnapshotChunk.decode(chunk.encode()) == chunk
