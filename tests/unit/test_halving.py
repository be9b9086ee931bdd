"""One bad member fails alone; a matter of the whole is given up early, and nothing is left out of account."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.reconciling.halving import HOPELESS, by_halves
from services.runtime.vendors.errors import ForbiddenError, RefusedError

STATUSES = frozenset({400})


class Vendor:
    """Refuses every batch that holds a bad member."""

    def __init__(self, bad: set[int], error: type[RefusedError] = RefusedError, status: int = 400) -> None:
        self.bad = bad
        self.error = error
        self.status = status
        self.taken: list[int] = []
        self.alone: list[int] = []
        self.untried: list[int] = []
        self.calls = 0

    def send(self, entries: Sequence[int]) -> None:
        self.calls += 1
        if self.bad & set(entries):
            raise self.error("c", "r", "no", status=self.status, code="", message="", body=None)
        self.taken += entries

    def run(self, entries: Sequence[int]) -> None:
        for part in by_halves(entries, self.send, STATUSES):
            (self.alone if part.is_tried else self.untried).extend(part.members)


@given(st.lists(st.integers(0, 60), unique=True, min_size=1), st.sets(st.integers(0, 60), max_size=10))
def test_everyone_is_taken_refused_alone_or_given_up_and_nobody_twice(entries: list[int], bad: set[int]) -> None:
    vendor = Vendor(bad)
    vendor.run(entries)
    assert sorted([*vendor.taken, *vendor.alone, *vendor.untried]) == sorted(entries)
    assert set(vendor.alone) <= bad
    assert not vendor.untried or (len(vendor.alone) == HOPELESS and not vendor.taken)
    assert vendor.taken == sorted(vendor.taken, key=entries.index), "in the order given"


def test_one_bad_member_of_five_hundred_costs_few_calls() -> None:
    vendor = Vendor({123})
    vendor.run(range(500))
    assert (vendor.alone, len(vendor.taken)) == ([123], 499)
    assert vendor.calls <= 20


def test_where_nobody_is_taken_it_is_given_up() -> None:
    vendor = Vendor(set(range(500)))
    vendor.run(range(500))
    assert (len(vendor.alone), len(vendor.untried)) == (HOPELESS, 500 - HOPELESS)


def test_a_refusal_of_the_connection_is_no_matter_of_members() -> None:
    vendor = Vendor({3}, ForbiddenError, 403)
    with pytest.raises(ForbiddenError):
        vendor.run(range(10))
    assert vendor.calls == 1
