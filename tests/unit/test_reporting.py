"""Batches of reports: every report once, in order within its partition, each batch within Kafka's bounds."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import indicator_id
from schemas.partitions import partition_of
from schemas.report import MAX_REPORTS, Report
from services.runtime.kafka.clients import MAX_REQUEST_BYTES
from services.runtime.polling.reporter import Poll, batches
from tests.routing import numbered


def check(reports: list[Report], partitions: int) -> None:
    poll = Poll("source")
    found = list(batches(poll, reports, partitions))
    told = [(number, report) for number, batch in found for report in batch.reports]
    assert sorted(str(report) for _, report in told) == sorted(map(str, reports))
    for number, report in told:
        assert partition_of(indicator_id(report.type, report.value), partitions) == number
    for number in {number for number, _ in told}:
        mine = [report for at, report in told if at == number]
        assert mine == [report for report in reports if report in mine]
    for _, batch in found:
        assert (batch.source, batch.poll) == ("source", poll.id)
        assert 0 < len(batch.reports) <= MAX_REPORTS
        assert len(batch.encode()) < MAX_REQUEST_BYTES


@given(st.lists(st.integers(0, 50), unique=True), st.integers(1, 8))
def test_every_report_is_in_one_batch_of_its_partition(numbers: list[int], partitions: int) -> None:
    check([numbered(number) for number in numbers], partitions)


def test_many_and_large_reports_stay_within_the_bounds() -> None:
    check([numbered(number, comments="x" * 4_000) for number in range(1_200)], 3)
