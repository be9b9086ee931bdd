"""The tests that every puller passes. Bind them: a subclass named `Test…` with a fixture `case`."""

from abc import ABC, abstractmethod
from typing import Any

import pytest

from schemas.canonical import canonicalise
from schemas.report import Report
from schemas.types import IndicatorType
from services.runtime.vendors.errors import StoppedError, VendorError
from tests.pulling import Bench


class PullerCase(ABC):
    """A source at a tenant, read by hand."""

    bench: Bench[Any]
    values: tuple[str, ...]
    """Nine canonical values that the tenant can hold, more than one page of them."""
    types: tuple[IndicatorType, ...]
    """Two types that the tenant tells of; the values are of the first."""
    of_other_type: str
    """A value of the second type."""

    @abstractmethod
    def open(self, **spec: object) -> None:
        """Begin anew with a connection of this spec."""

    @abstractmethod
    def add(self, *values: str) -> None:
        """Have the tenant hold, or tell of, these values."""

    @abstractmethod
    def poll(self) -> float:
        """Poll once what the values come by."""

    @abstractmethod
    def drain(self) -> None:
        """Poll everything until the tenant has nothing more for now."""

    @abstractmethod
    def fail_next(self, kind: str) -> None:
        """Have the next answer broken: `cut`, `empty`, `malformed`, or `status`, a 503."""

    def reported(self) -> set[str]:
        """What the source vouches for, after all its reports."""
        return {report.value for report in self.bench.committed.held().values()}

    def close(self) -> None:
        """Close the connections."""
        self.bench.close()


class PullerConformance:
    """What any puller must do."""

    def test_what_the_tenant_has_and_what_comes_later_is_reported(self, case: PullerCase) -> None:
        case.add(*case.values[:6])
        case.drain()
        assert case.reported() == {*case.values[:6]}
        case.add(*case.values[6:])
        case.drain()
        assert case.reported() == {*case.values}

    def test_reports_are_in_canonical_form_and_read_back_the_same(self, case: PullerCase) -> None:
        case.add(*case.values)
        case.drain()
        assert case.bench.committed.reports
        for report in case.bench.committed.reports:
            assert canonicalise(report.value).value == report.value
            assert Report.model_validate_json(report.model_dump_json()) == report

    def test_a_restart_loses_nothing_and_says_nothing_new(self, case: PullerCase) -> None:
        case.add(*case.values)
        case.drain()
        before = {(report.verb, report.value) for report in case.bench.committed.reports}
        case.bench.restart()
        case.drain()
        assert {(report.verb, report.value) for report in case.bench.committed.reports} == before
        assert case.reported() == {*case.values}

    @pytest.mark.parametrize("polls", [0, 1])
    def test_what_was_not_committed_is_reported_after_a_restart(self, case: PullerCase, polls: int) -> None:
        for number in range(polls):
            case.add(case.values[number])
            case.drain()
        case.add(*case.values[polls:])
        case.bench.committed.failure = OSError("Kafka is away")
        with pytest.raises(OSError, match="away"):
            case.drain()
        case.bench.restart()
        case.drain()
        assert sorted(report.value for report in case.bench.committed.reports) == sorted(case.values), "once each"

    @pytest.mark.parametrize("kind", ["cut", "empty", "malformed", "status"])
    @pytest.mark.parametrize("has_begun", [False, True])
    def test_an_answer_that_breaks_loses_and_withdraws_nothing(
        self, case: PullerCase, kind: str, *, has_begun: bool
    ) -> None:
        case.add(*case.values[:5])
        if has_begun:
            case.drain()
        case.add(*case.values[5:])
        before = list(case.bench.committed.reports)
        case.fail_next(kind)
        with pytest.raises(VendorError):
            case.poll()
        assert case.bench.committed.reports == before
        case.drain()
        case.drain()  # what was in doubt comes first, and may be all there is for now
        assert case.reported() == {*case.values}

    def test_asked_to_leave_it_calls_nobody_and_reports_nothing(self, case: PullerCase) -> None:
        case.add(*case.values)
        case.bench.source_context.stop.set()
        with pytest.raises(StoppedError):
            case.poll()
        assert (case.bench.committed.commits, case.reported()) == (0, set())

    def test_only_types_that_the_connection_names_are_reported(self, case: PullerCase) -> None:
        case.open(types=[case.types[0]])
        case.add(*case.values, case.of_other_type)
        case.drain()
        assert case.reported() == {*case.values}
        case.open(types=[])
        case.add(case.of_other_type)
        case.drain()
        assert case.of_other_type in case.reported()
