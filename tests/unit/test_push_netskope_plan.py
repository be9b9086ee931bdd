"""What a list should hold and how to get there: planned anew after any news, while others edit the list, too."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.types import Severity
from schemas.vendors.netskope import FileHashList, UrlList
from services.push_netskope import client
from services.push_netskope.hash_lists.plan import plan_hash_list
from services.push_netskope.render import form_of
from services.push_netskope.url_lists import plan
from services.push_netskope.url_lists.plan import plan_other_type, plan_url_list
from services.runtime.reconciling.entry import Entry, Outcome, SyncState
from services.runtime.reconciling.entry_store import EntryStore
from tests.pushing import HASHES, LIST, desired_entry

DEFAULT = LIST.default
REJECTED = Reason(code="vendor_rejected")


class Entries:
    """The entries of one list, as a pusher keeps them."""

    def __init__(self, target: UrlList | FileHashList = LIST) -> None:
        self.target = target
        self.store = EntryStore()

    def want(self, *values: str, severity: Severity = Severity.HIGH, content: str = "c1", reported_at: int = 1) -> None:
        for value in values:
            key, record = desired_entry(value, self.target, severity=severity, content=content, reported_at=reported_at)
            self.store.desire(key, record)

    def drop(self, *values: str) -> None:
        for value in values:
            self.store.desire(desired_entry(value, self.target)[0], None)

    @property
    def entries(self) -> list[Entry]:
        found = list(self.store)
        for entry in found:
            if entry.form is None and entry.wanted is not None:
                entry.form = form_of(entry, self.target)
        return found

    def settle(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            self.store.settle(outcome)

    def reasons(self) -> dict[str, tuple[str | None, str | None]]:
        return {entry.value: (entry.state, entry.reason.code if entry.reason else None) for entry in self.store}


def there(*urls: str, type_: str = "exact") -> client.UrlList:
    return client.UrlList(1, LIST.name, urls, type_, pending=False)


def index(list_entries: Entries, now: client.UrlList | None) -> client.UrlList | None:
    """Plan, write and record once; what the list holds then."""
    assert isinstance(list_entries.target, UrlList)
    planned = plan_url_list(list_entries.entries, list_entries.target, now)
    list_entries.settle(planned.outcomes)
    return there(*planned.urls) if planned.urls is not None else now


def test_additions_alone_are_appended_and_a_removal_replaces_the_list() -> None:
    list_entries = Entries()
    list_entries.want("a.example", "b.example")
    planned = plan_url_list(list_entries.entries, LIST, there("theirs.example"))
    assert (planned.add, planned.remove) == (("a.example", "b.example"), frozenset())
    list_entries.settle(planned.outcomes)
    list_entries.drop("a.example")
    list_entries.want("c.example")
    planned = plan_url_list(list_entries.entries, LIST, there("theirs.example", "a.example", "b.example"))
    assert planned.remove == {"a.example"}
    assert planned.urls == ("theirs.example", "b.example", "c.example")


def test_nothing_is_written_where_nothing_differs() -> None:
    list_entries = Entries()
    list_entries.want("a.example")
    now = index(list_entries, there("theirs.example"))
    planned = plan_url_list(list_entries.entries, LIST, now)
    assert (planned.urls, planned.outcomes) == (None, [])


def test_the_default_keeps_an_emptied_list_valid_and_leaves_with_the_first_entry() -> None:
    list_entries = Entries()
    list_entries.want("a.example")
    assert index(list_entries, None) == there("a.example")
    list_entries.drop("a.example")
    assert index(list_entries, there("a.example")) == there(DEFAULT)
    list_entries.want("b.example")
    assert index(list_entries, there(DEFAULT)) == there("b.example")


def test_a_list_that_is_not_there_and_not_needed_is_not_made() -> None:
    list_entries = Entries()
    list_entries.want("2001:db8::1")
    planned = plan_url_list(list_entries.entries, LIST, None)
    assert planned.urls is None
    assert [(o.state, o.reason.code if o.reason else None) for o in planned.outcomes] == [
        ("skipped", "ipv6_not_supported")
    ]


def test_what_others_wrote_counts_as_there_and_stays_when_it_is_withdrawn() -> None:
    list_entries = Entries()
    list_entries.want("theirs.example")
    now = index(list_entries, there("theirs.example"))
    assert list_entries.reasons() == {"theirs.example": ("applied", "already_there")}
    list_entries.drop("theirs.example")
    assert index(list_entries, now) == there("theirs.example")


def test_an_entry_of_several_indicators_goes_with_the_last_of_them() -> None:
    list_entries = Entries()
    list_entries.want("http://evil.example/a", "https://evil.example/a")
    now = index(list_entries, None)
    assert now == there("evil.example/a")
    list_entries.drop("http://evil.example/a")
    now = index(list_entries, now)
    assert now == there("evil.example/a")
    list_entries.drop("https://evil.example/a")
    assert index(list_entries, now) == there(DEFAULT)


def test_a_full_list_keeps_the_worst_then_the_newest_and_holds_the_rest() -> None:
    small = UrlList(kind="url-list", name="small", size_mb=1, subdomains="exact")
    list_entries = Entries(small)
    long = "x" * 60
    list_entries.want(*(f"low{n}.{long}.{long}.{long}.example" for n in range(5_100)), severity=Severity.LOW)
    list_entries.want("high.example")
    list_entries.want("newest.example", severity=Severity.LOW, reported_at=2)
    now = index(list_entries, None)
    assert now is not None
    assert plan.size_of_urls(now.urls) < 1_000_000
    assert {"high.example", "newest.example"} <= set(now.urls)
    held = [value for value, told in list_entries.reasons().items() if told == ("held", "list_full")]
    assert len(held) + len(now.urls) == 5_102
    assert max(now.urls[2:]) < min(held), "those that stay are the first by value"
    list_entries.drop(*[value for value in now.urls if value.startswith("low")])
    after = index(list_entries, now)
    assert after is not None
    assert set(held) <= set(after.urls), "they follow as soon as there is room"


def test_a_list_of_another_type_loses_what_is_withdrawn_and_nothing_else() -> None:
    list_entries = Entries()
    list_entries.want("a.example", "b.example")
    index(list_entries, None)
    list_entries.drop("a.example")
    list_entries.want("c.example")
    planned = plan_other_type(list_entries.entries, LIST, there("a.example", "b.example", "theirs", type_="regex"))
    assert planned.urls == ("b.example", "theirs")
    list_entries.settle(planned.outcomes)
    assert list_entries.reasons() == {"b.example": ("applied", None), "c.example": ("failed", "list_type")}


def test_a_hash_list_holds_what_is_desired_in_order_or_its_default() -> None:
    list_entries = Entries(HASHES)
    list_entries.want("b" * 64, "a" * 32)
    planned = plan_hash_list(list_entries.entries, HASHES)
    assert planned.hashes == ("a" * 32, "b" * 64)
    list_entries.settle(planned.outcomes)
    list_entries.drop("b" * 64, "a" * 32)
    assert plan_hash_list(list_entries.entries, HASHES).hashes == (HASHES.default,)


@pytest.mark.parametrize("each", [32, 64])
def test_a_hash_list_never_exceeds_its_limit(each: int) -> None:
    small = FileHashList(kind="file-hash-list", name="small", size_mb=1)
    list_entries = Entries(small)
    number = 1_000_000 // (each + 1) + 100
    list_entries.want(*(f"{n:0{each}x}" for n in range(number)))
    planned = plan_hash_list(list_entries.entries, small)
    assert len(",".join(planned.hashes)) <= 1_000_000 - 1
    held = [outcome for outcome in planned.outcomes if outcome.state is AppliedState.HELD]
    assert len(held) == number - len(planned.hashes) > 0


NAMES = [f"h{number}.example" for number in range(6)]
SOME = st.lists(st.sampled_from(NAMES), unique=True, max_size=4)


class SharedList(RuleBasedStateMachine):
    """We and another admin edit one list, in any order: what they wrote is never touched, what we want is there."""

    def __init__(self) -> None:
        super().__init__()
        self.list_entries = Entries()
        self.now: client.UrlList | None = None
        self.theirs: set[str] = set()
        self.rejected: set[str] = set()
        self.dirty = False

    @rule(values=SOME, content=st.sampled_from(["c1", "c2"]))
    def desire(self, values: list[str], content: str) -> None:
        for value in values:
            before = {entry.value: entry for entry in self.list_entries.store}.get(value)
            if before is None or before.content != content:
                self.rejected.discard(value)
        self.list_entries.want(*values, content=content)
        self.dirty = True

    @rule(values=SOME)
    def withdraw(self, values: list[str]) -> None:
        self.list_entries.drop(*values)
        self.dirty = True

    @rule(value=st.sampled_from(NAMES))
    def reject(self, value: str) -> None:
        for entry in list(self.list_entries.store):
            if (
                entry.value == value
                and entry.wanted is not None
                and entry.sync_state is SyncState.PUT
                and not entry.present
            ):
                self.list_entries.settle([Outcome(entry, AppliedState.REJECTED, None, REJECTED)])
                self.rejected.add(value)

    @precondition(lambda self: self.now is not None)
    @rule(values=SOME)
    def they_add(self, values: list[str]) -> None:
        assert self.now
        ours = {entry.remote_id for entry in self.list_entries.store}
        self.theirs |= {value for value in values if value not in self.now.urls and value not in ours}
        self.now = there(*dict.fromkeys([*self.now.urls, *self.theirs]))

    @rule()
    def converge(self) -> None:
        planned = plan_url_list(self.list_entries.entries, LIST, self.now)
        if planned.urls is not None:
            assert planned.urls, "no list is ever empty"
            assert len(set(planned.urls)) == len(planned.urls)
            assert not planned.remove & self.theirs
            before = set(self.now.urls) if self.now else set()
            assert set(planned.urls) == (before - planned.remove) | set(planned.add) | (set(planned.urls) & {DEFAULT})
            assert planned.add or planned.remove
            self.now = there(*planned.urls)
        self.list_entries.settle(planned.outcomes)
        self.dirty = False
        again = plan_url_list(self.list_entries.entries, LIST, self.now)
        assert (again.urls, again.outcomes) == (None, []), "what is settled is not written again"

    @invariant()
    def holds_what_it_should(self) -> None:
        held = set(self.now.urls) if self.now else set()
        assert self.theirs <= held
        if not self.dirty and self.now:
            wanted = {entry.value for entry in self.list_entries.store if entry.wanted is not None}
            missing = {entry.value for entry in self.list_entries.store if entry.sync_state is SyncState.PUT}
            assert held - {DEFAULT} == (wanted - self.rejected - missing) | self.theirs


SharedList.TestCase.settings = settings(max_examples=80, stateful_step_count=20, deadline=None)
TestSharedList = SharedList.TestCase
