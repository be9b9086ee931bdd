"""What a list should hold and how to get there: planned anew after any news, while others edit the list, too."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.targets import FileHashList, UrlList
from schemas.types import Severity
from services.push_netskope import client, plan
from services.push_netskope.hashplan import plan_hash_list
from services.push_netskope.plan import plan_other_type, plan_url_list
from services.push_netskope.render import form_of
from services.runtime.standing import Item, Outcome, Place, Standing
from tests.pushing import HASHES, LIST, wish

DEFAULT = LIST.default
REJECTED = Reason(code="vendor_rejected")


class Entries:
    """The entries of one list, as a pusher keeps them."""

    def __init__(self, target: UrlList | FileHashList = LIST) -> None:
        self.target = target
        self.standing = Standing(detailed=False)

    def want(self, *values: str, severity: Severity = Severity.HIGH, content: str = "c1", reported_at: int = 1) -> None:
        for value in values:
            key, record = wish(value, self.target, severity=severity, content=content, reported_at=reported_at)
            self.standing.desire(key, record)

    def drop(self, *values: str) -> None:
        for value in values:
            self.standing.desire(wish(value, self.target)[0], None)

    @property
    def items(self) -> list[Item]:
        found = list(self.standing)
        for item in found:
            if item.form is None and item.wanted is not None:
                item.form = form_of(item, self.target)
        return found

    def settle(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            self.standing.settle(outcome)

    def reasons(self) -> dict[str, tuple[str | None, str | None]]:
        return {item.value: (item.state, item.reason.code if item.reason else None) for item in self.standing}


def there(*urls: str, type_: str = "exact") -> client.UrlList:
    return client.UrlList(1, LIST.name, urls, type_, pending=False)


def settled(entries: Entries, now: client.UrlList | None) -> client.UrlList | None:
    """Plan, write and record once; what the list holds then."""
    assert isinstance(entries.target, UrlList)
    planned = plan_url_list(entries.items, entries.target, now)
    entries.settle(planned.outcomes)
    return there(*planned.urls) if planned.urls is not None else now


def test_additions_alone_are_appended_and_a_removal_replaces_the_list() -> None:
    entries = Entries()
    entries.want("a.example", "b.example")
    planned = plan_url_list(entries.items, LIST, there("theirs.example"))
    assert (planned.add, planned.remove) == (("a.example", "b.example"), frozenset())
    entries.settle(planned.outcomes)
    entries.drop("a.example")
    entries.want("c.example")
    planned = plan_url_list(entries.items, LIST, there("theirs.example", "a.example", "b.example"))
    assert planned.remove == {"a.example"}
    assert planned.urls == ("theirs.example", "b.example", "c.example")


def test_nothing_is_written_where_nothing_differs() -> None:
    entries = Entries()
    entries.want("a.example")
    now = settled(entries, there("theirs.example"))
    planned = plan_url_list(entries.items, LIST, now)
    assert (planned.urls, planned.outcomes) == (None, [])


def test_the_default_keeps_an_emptied_list_valid_and_leaves_with_the_first_entry() -> None:
    entries = Entries()
    entries.want("a.example")
    assert settled(entries, None) == there("a.example")
    entries.drop("a.example")
    assert settled(entries, there("a.example")) == there(DEFAULT)
    entries.want("b.example")
    assert settled(entries, there(DEFAULT)) == there("b.example")


def test_a_list_that_is_not_there_and_not_needed_is_not_made() -> None:
    entries = Entries()
    entries.want("2001:db8::1")
    planned = plan_url_list(entries.items, LIST, None)
    assert planned.urls is None
    assert [(o.state, o.reason.code if o.reason else None) for o in planned.outcomes] == [
        ("skipped", "ipv6_not_supported")
    ]


def test_what_others_wrote_counts_as_there_and_stays_when_it_is_withdrawn() -> None:
    entries = Entries()
    entries.want("theirs.example")
    now = settled(entries, there("theirs.example"))
    assert entries.reasons() == {"theirs.example": ("applied", "already_there")}
    entries.drop("theirs.example")
    assert settled(entries, now) == there("theirs.example")


def test_an_entry_of_several_indicators_goes_with_the_last_of_them() -> None:
    entries = Entries()
    entries.want("http://evil.example/a", "https://evil.example/a")
    now = settled(entries, None)
    assert now == there("evil.example/a")
    entries.drop("http://evil.example/a")
    now = settled(entries, now)
    assert now == there("evil.example/a")
    entries.drop("https://evil.example/a")
    assert settled(entries, now) == there(DEFAULT)


def test_a_full_list_keeps_the_worst_then_the_newest_and_holds_the_rest() -> None:
    small = UrlList(kind="url-list", name="small", size_mb=1)
    entries = Entries(small)
    long = "x" * 60
    entries.want(*(f"low{n}.{long}.{long}.{long}.example" for n in range(5_100)), severity=Severity.LOW)
    entries.want("high.example")
    entries.want("newest.example", severity=Severity.LOW, reported_at=2)
    now = settled(entries, None)
    assert now is not None
    assert plan.size_of_urls(now.urls) < 1_000_000
    assert {"high.example", "newest.example"} <= set(now.urls)
    held = [value for value, told in entries.reasons().items() if told == ("held", "list_full")]
    assert len(held) + len(now.urls) == 5_102
    assert max(now.urls[2:]) < min(held), "those that stay are the first by value"
    entries.drop(*[value for value in now.urls if value.startswith("low")])
    after = settled(entries, now)
    assert after is not None
    assert set(held) <= set(after.urls), "they follow as soon as there is room"


def test_a_list_of_another_type_loses_what_is_withdrawn_and_nothing_else() -> None:
    entries = Entries()
    entries.want("a.example", "b.example")
    settled(entries, None)
    entries.drop("a.example")
    entries.want("c.example")
    planned = plan_other_type(entries.items, LIST, there("a.example", "b.example", "theirs", type_="regex"))
    assert planned.urls == ("b.example", "theirs")
    entries.settle(planned.outcomes)
    assert entries.reasons() == {"b.example": ("applied", None), "c.example": ("failed", "list_type")}


def test_a_hash_list_holds_what_is_desired_in_order_or_its_default() -> None:
    entries = Entries(HASHES)
    entries.want("b" * 64, "a" * 32)
    planned = plan_hash_list(entries.items, HASHES)
    assert planned.hashes == ("a" * 32, "b" * 64)
    entries.settle(planned.outcomes)
    entries.drop("b" * 64, "a" * 32)
    assert plan_hash_list(entries.items, HASHES).hashes == (HASHES.default,)


@pytest.mark.parametrize("each", [32, 64])
def test_a_hash_list_never_exceeds_its_limit(each: int) -> None:
    small = FileHashList(kind="file-hash-list", name="small", size_mb=1)
    entries = Entries(small)
    number = 1_000_000 // (each + 1) + 100
    entries.want(*(f"{n:0{each}x}" for n in range(number)))
    planned = plan_hash_list(entries.items, small)
    assert len(",".join(planned.hashes)) <= 1_000_000 - 1
    held = [outcome for outcome in planned.outcomes if outcome.state is AppliedState.HELD]
    assert len(held) == number - len(planned.hashes) > 0


NAMES = [f"h{number}.example" for number in range(6)]
SOME = st.lists(st.sampled_from(NAMES), unique=True, max_size=4)


class SharedList(RuleBasedStateMachine):
    """We and another admin edit one list, in any order: what they wrote is never touched, what we want is there."""

    def __init__(self) -> None:
        super().__init__()
        self.entries = Entries()
        self.now: client.UrlList | None = None
        self.theirs: set[str] = set()
        self.rejected: set[str] = set()
        self.dirty = False

    @rule(values=SOME, content=st.sampled_from(["c1", "c2"]))
    def desire(self, values: list[str], content: str) -> None:
        for value in values:
            before = {item.value: item for item in self.entries.standing}.get(value)
            if before is None or before.wanted != content:
                self.rejected.discard(value)
        self.entries.want(*values, content=content)
        self.dirty = True

    @rule(values=SOME)
    def withdraw(self, values: list[str]) -> None:
        self.entries.drop(*values)
        self.rejected -= set(values)
        self.dirty = True

    @rule(value=st.sampled_from(NAMES))
    def reject(self, value: str) -> None:
        for item in list(self.entries.standing):
            if item.value == value and item.wanted is not None and item.place is Place.PUT and not item.present:
                self.entries.settle([Outcome(item, AppliedState.REJECTED, None, REJECTED)])
                self.rejected.add(value)

    @precondition(lambda self: self.now is not None)
    @rule(values=SOME)
    def they_add(self, values: list[str]) -> None:
        assert self.now
        ours = {item.remote_id for item in self.entries.standing}
        self.theirs |= {value for value in values if value not in self.now.urls and value not in ours}
        self.now = there(*dict.fromkeys([*self.now.urls, *self.theirs]))

    @rule()
    def converge(self) -> None:
        planned = plan_url_list(self.entries.items, LIST, self.now)
        if planned.urls is not None:
            assert planned.urls, "no list is ever empty"
            assert len(set(planned.urls)) == len(planned.urls)
            assert not planned.remove & self.theirs
            before = set(self.now.urls) if self.now else set()
            assert set(planned.urls) == (before - planned.remove) | set(planned.add) | (set(planned.urls) & {DEFAULT})
            assert planned.add or planned.remove
            self.now = there(*planned.urls)
        self.entries.settle(planned.outcomes)
        self.dirty = False
        again = plan_url_list(self.entries.items, LIST, self.now)
        assert (again.urls, again.outcomes) == (None, []), "what is settled is not written again"

    @invariant()
    def holds_what_it_should(self) -> None:
        held = set(self.now.urls) if self.now else set()
        assert self.theirs <= held
        if not self.dirty and self.now:
            wanted = {item.value for item in self.entries.standing if item.wanted is not None}
            lost = {item.value for item in self.entries.standing if item.place is Place.PUT}
            assert held - {DEFAULT} == (wanted - self.rejected - lost) | self.theirs


SharedList.TestCase.settings = settings(max_examples=80, stateful_step_count=20, deadline=None)
TestSharedList = SharedList.TestCase
