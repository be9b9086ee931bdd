"""A listing that others change while it is read: rows that stay are never missed."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.vendors.errors import BrokenAnswerError
from services.runtime.vendors.paging import Listing, Page


class Tenant:
    """Rows in an order of the tenant's own; after some reads, something happens to them."""

    def __init__(self, rows: list[str], page: int, news: dict[int, tuple[list[str], list[str]]]) -> None:
        self.rows = rows
        self.page = page
        self.news = news
        self.reads = 0

    def read(self, skip: int) -> Page[str]:
        found = self.rows[skip : skip + self.page]
        gone, fresh = self.news.get(self.reads, ([], []))
        self.reads += 1
        self.rows = [*(row for row in fresh if row not in self.rows), *(row for row in self.rows if row not in gone)]
        return Page(found)

    def follow(self, link: str) -> Page[str]:
        raise AssertionError(link)

    def listing(self) -> list[str]:
        return Listing("c", "list", self.read, self.follow, str, self.page + 1).whole()


def test_a_deletion_in_a_page_already_read_hides_no_row_of_the_next() -> None:
    tenant = Tenant([f"r{number}" for number in range(9)], 3, {0: (["r0", "r1"], [])})
    assert set(tenant.listing()) >= {f"r{number}" for number in range(2, 9)}


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 7])
def test_what_nobody_changes_is_read_once_through(rows: int) -> None:
    tenant = Tenant([f"r{number}" for number in range(rows)], 3, {})
    assert tenant.listing() == [f"r{number}" for number in range(rows)]
    assert tenant.reads <= rows // 2 + 2


def test_a_tenant_that_never_holds_still_is_told_as_what_it_is() -> None:
    rows = [f"r{number}" for number in range(100)]
    tenant = Tenant(rows, 4, {read: (rows[read * 2 : read * 2 + 2], []) for read in range(40)})
    with pytest.raises(BrokenAnswerError, match="vanished"):
        tenant.listing()


NUMBERS = st.sets(st.integers(0, 39), max_size=3)
NEWS = st.dictionaries(st.integers(0, 6), st.tuples(NUMBERS, st.sets(st.integers(40, 46), max_size=2)), max_size=2)


@given(st.integers(0, 40), st.integers(6, 9), NEWS, st.randoms(use_true_random=False))
def test_no_row_that_stays_is_ever_missed(
    count: int, page: int, news: dict[int, tuple[set[int], set[int]]], chance: random.Random
) -> None:
    rows = [f"r{number}" for number in range(count)]
    chance.shuffle(rows)
    told = {read: ([f"r{n}" for n in gone], [f"r{n}" for n in fresh]) for read, (gone, fresh) in news.items()}
    gone = {row for lost, _ in told.values() for row in lost}
    assert set(rows) - gone <= set(Tenant(rows, page, told).listing())


class Unskipping:
    """A server that ignores `$skip`: its first page says where the next is, if it `links`."""

    def __init__(self, rows: list[str], page: int, *, links: bool = True, circle: bool = False) -> None:
        self.rows, self.page, self.links, self.circle = rows, page, links, circle
        self.calls = 0

    def read(self, _: int) -> Page[str]:
        return self.follow("0")

    def follow(self, link: str) -> Page[str]:
        self.calls += 1
        start = int(link)
        end = start + self.page
        more = str(0 if self.circle and end >= len(self.rows) else end) if end < len(self.rows) or self.circle else ""
        return Page(self.rows[start:end], more if self.links else "")

    def listing(self) -> list[str]:
        return Listing("c", "list", self.read, self.follow, str, 100 if self.links else self.page).whole()


@given(st.integers(0, 40), st.integers(1, 9))
def test_a_server_that_ignores_skip_is_read_whole_by_its_links(count: int, page: int) -> None:
    rows = [f"r{number}" for number in range(count)]
    tenant = Unskipping(rows, page)
    assert sorted(tenant.listing()) == sorted(rows)
    assert tenant.calls <= 2 * (count // page + 2) + 2, "it does not loop"


def test_a_server_that_ignores_skip_and_says_no_link_is_never_taken_for_whole() -> None:
    with pytest.raises(BrokenAnswerError, match="does not skip"):
        Unskipping([f"r{number}" for number in range(9)], 3, links=False).listing()
    assert Unskipping(["r0", "r1"], 3, links=False).listing() == ["r0", "r1"], "a page that is not full is the last"


def test_links_that_lead_in_a_circle_are_told() -> None:
    tenant = Unskipping([f"r{number}" for number in range(9)], 3, circle=True)
    with pytest.raises(BrokenAnswerError, match="circle"):
        tenant.listing()
    assert tenant.calls < 20
