"""What a destination profile should hold and by which writes: planned anew after any news, while others edit it."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.types import Severity
from schemas.vendors.netskope import DestinationProfile
from services.push_netskope.profiles import plan as profile_plan
from services.push_netskope.profiles.client import Listed, Profile, ProfileListing
from services.push_netskope.profiles.plan import FEW_CALLS, VALUES_A_CALL, ProfilePlan, Step, steps
from services.push_netskope.render import form_of
from services.runtime.reconciling.entry import Entry, Outcome, SyncState
from services.runtime.reconciling.entry_store import EntryStore
from tests.pushing import desired_entry

PROFILE = DestinationProfile(kind="destination-profile", name="blocked", subdomains="exact")
SMALL = DestinationProfile(kind="destination-profile", name="small", limit=3, subdomains="exact")
REGEX = DestinationProfile(kind="destination-profile", name="patterns", match="regex", subdomains="exact")
DEFAULT = PROFILE.default
REJECTED = Reason(code="vendor_rejected")


class Entries:
    """The entries of one profile, as a pusher keeps them."""

    def __init__(self, target: DestinationProfile = PROFILE) -> None:
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

    def plan(self, values: Sequence[str] | None, others: Sequence[Listed] = ()) -> ProfilePlan:
        there = None if values is None else Profile("id", self.target.name, self.target.match, tuple(values))
        return profile_plan.plan_profile(self.entries, self.target, ProfileListing(there, others))

    def settle(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            self.store.settle(outcome)

    def converge(self, values: Sequence[str] | None, others: Sequence[Listed] = ()) -> list[str] | None:
        """Plan, write and record once; what the profile holds then."""
        planned = self.plan(values, others)
        writes = steps(planned, exists=values is not None, whole=True, sure=False)
        self.settle(planned.outcomes)
        return after(values, writes)

    def reasons(self) -> dict[str, tuple[str | None, str | None]]:
        return {entry.value: (entry.state, entry.reason.code if entry.reason else None) for entry in self.store}


def after(values: Sequence[str] | None, writes: Sequence[Step]) -> list[str] | None:
    """What a profile holds after writes; looks at every moment in between."""
    held = None if values is None else list(values)
    for step in writes:
        assert step.values, "nothing is sent for nothing"
        if step.operation in ("create", "replace"):
            assert (held is None) == (step.operation == "create")
            held = list(step.values)
        else:
            assert held is not None
            assert len(step.values) <= VALUES_A_CALL
            gone = set(step.values) if step.operation == "remove" else set()
            held = [value for value in held if value not in gone]
            held += step.values if step.operation == "append" else ()
        assert held, "no profile is empty at any moment"
    return held


def operations(planned: ProfilePlan, **how: bool) -> list[str]:
    how = {"exists": True, "whole": True, "sure": False, **how}
    return [step.operation for step in steps(planned, **how)]


def listed(count: int, kind: str = "sensitive") -> Listed:
    return Listed(id=kind, name=kind, type=kind, values_count=count)


def test_few_changes_are_made_one_by_one_and_many_at_once() -> None:
    list_entries = Entries()
    list_entries.want("a.example", "b.example")
    planned = list_entries.plan(["theirs.example"])
    assert steps(planned, exists=True, whole=True, sure=False) == [Step("append", ("a.example", "b.example"))]
    list_entries.settle(planned.outcomes)
    list_entries.drop("a.example")
    list_entries.want("c.example")
    planned = list_entries.plan(["theirs.example", "a.example", "b.example"])
    assert operations(planned) == ["remove", "append"]
    list_entries.want(*(f"h{number}.example" for number in range(FEW_CALLS * VALUES_A_CALL)))
    planned = list_entries.plan(["theirs.example", "a.example", "b.example"])
    assert operations(planned) == ["replace"]
    assert planned.values[:2] == ("theirs.example", "b.example")
    assert set(operations(planned, whole=False)) == {"remove", "append"}


def test_nothing_is_written_where_nothing_differs() -> None:
    list_entries = Entries()
    list_entries.want("a.example")
    now = list_entries.converge(["theirs.example"])
    planned = list_entries.plan(now)
    assert (operations(planned), planned.outcomes) == ([], [])


def test_the_default_keeps_an_emptied_profile_valid_and_leaves_with_the_first_value() -> None:
    list_entries = Entries()
    list_entries.want("a.example")
    assert list_entries.converge(None) == ["a.example"]
    list_entries.drop("a.example")
    assert list_entries.converge(["a.example"]) == [DEFAULT]
    list_entries.want("b.example")
    assert list_entries.converge([DEFAULT]) == ["b.example"]


def test_a_profile_that_is_not_there_and_not_needed_is_not_made() -> None:
    list_entries = Entries()
    list_entries.want("2001:db8::1")
    assert list_entries.converge(None) is None
    assert list_entries.reasons() == {"2001:db8::1": ("skipped", "ipv6_not_supported")}


def test_what_others_wrote_counts_as_there_in_any_case_of_letters_and_stays() -> None:
    list_entries = Entries()
    list_entries.want("theirs.example")
    now = list_entries.converge(["Theirs.Example"])
    assert now == ["Theirs.Example"]
    assert list_entries.reasons() == {"theirs.example": ("applied", "already_there")}
    list_entries.drop("theirs.example")
    assert list_entries.converge(now) == ["Theirs.Example"]


def test_a_value_of_ours_is_taken_out_in_whichever_letters_it_came_back() -> None:
    list_entries = Entries()
    list_entries.want("http://evil.example/Path", "b.example")
    list_entries.converge(None)
    list_entries.drop("http://evil.example/Path")
    assert list_entries.converge(["b.example", "Evil.example/path"]) == ["b.example"]


def test_a_value_of_several_indicators_goes_with_the_last_of_them() -> None:
    list_entries = Entries()
    values = ("http://evil.example/a", "https://evil.example/A")
    list_entries.want(*values)
    now = list_entries.converge(None)
    assert now == ["evil.example/a"]
    list_entries.drop(values[0])
    assert list_entries.converge(now) == now
    list_entries.drop(values[1])
    assert list_entries.converge(now) == [DEFAULT]


def test_a_full_profile_keeps_the_worst_then_the_newest_and_holds_the_rest() -> None:
    list_entries = Entries(SMALL)
    list_entries.want("a.example", "b.example", severity=Severity.LOW)
    list_entries.want("newest.example", severity=Severity.LOW, reported_at=2)
    list_entries.want("worst.example", severity=Severity.CRITICAL)
    now = list_entries.converge(["theirs.example"])
    assert now == ["theirs.example", "worst.example", "newest.example"]
    held = {value for value, told in list_entries.reasons().items() if told == ("held", "list_full")}
    assert held == {"a.example", "b.example"}
    list_entries.drop("newest.example")
    assert list_entries.converge(now) == ["theirs.example", "worst.example", "a.example"], "what waited follows"


@pytest.mark.parametrize(
    ("target", "others", "capacity"),
    [
        (PROFILE, [], 100_000),
        (PROFILE, [listed(250_000), listed(900, "regex")], 50_000),
        (PROFILE, [listed(150_000), listed(150_001, "insensitive")], 0),
        (SMALL, [listed(250_000)], 3),
        (REGEX, [listed(250_000), listed(900, "regex")], 100),
    ],
)
def test_room_is_what_the_target_allows_and_other_profiles_leave(
    target: DestinationProfile, others: list[Listed], capacity: int
) -> None:
    assert profile_plan.capacity_in(target, ProfileListing(None, others)) == capacity


def test_values_that_stand_there_twice_take_room_and_stay() -> None:
    list_entries = Entries(SMALL)
    list_entries.want("a.example", "b.example")
    assert list_entries.converge(["theirs.example", "theirs.example"]) == [
        "theirs.example",
        "theirs.example",
        "a.example",
    ]


def test_what_may_be_written_and_not_applied_is_written_once_more() -> None:
    list_entries = Entries()
    list_entries.want("a.example")
    (entry,) = list_entries.entries
    list_entries.store.sent(entry, "a.example")
    planned = list_entries.plan(["theirs.example", "a.example"])
    assert operations(planned) == ["replace"]
    assert planned.values == ("theirs.example", "a.example")
    assert operations(planned, sure=True) == []
    assert operations(planned, whole=False) == [], "never piece by piece: a value would stand there twice"
    list_entries.settle(planned.outcomes)
    list_entries.drop("a.example")
    assert operations(list_entries.plan(["theirs.example"])) == ["replace"], "gone, and perhaps not yet for policy"
    assert operations(list_entries.plan(None), exists=False) == []


def test_a_profile_of_another_type_loses_what_is_withdrawn_and_nothing_else() -> None:
    list_entries = Entries()
    list_entries.want("a.example", "b.example")
    now = list_entries.converge(None) or []
    list_entries.drop("a.example")
    list_entries.want("c.example")
    there = Profile("id", PROFILE.name, "regex", (*now, "theirs"))
    planned = profile_plan.plan_mismatch(list_entries.entries, PROFILE, there)
    assert planned.values == ("b.example", "theirs")
    list_entries.settle(planned.outcomes)
    assert list_entries.reasons() == {"b.example": ("applied", None), "c.example": ("failed", "profile_type")}


VALUES = st.lists(st.text('abc\\"', min_size=1, max_size=4), unique=True, max_size=40)


@given(left=VALUES, add=VALUES, remove=VALUES, how=st.tuples(st.booleans(), st.booleans()), most=st.integers(40, 400))
@settings(max_examples=300, deadline=None)
def test_writes_come_to_what_is_planned_by_way_of_nothing_worse(
    left: list[str], add: list[str], remove: list[str], how: tuple[bool, bool], most: int
) -> None:
    """What stays is there at every moment, the size never exceeds both ends, and bodies stay below their limit."""
    exists, whole = how
    stays = [f"l{value}" for value in left] if exists else []
    gone = tuple(f"r{value}" for value in remove) if exists else ()
    there = [*stays, *gone]
    new = tuple(f"a{value}" for value in add) or ((DEFAULT,) if exists and not stays else ())
    planned = ProfilePlan(tuple(stays), new, gone)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile_plan, "MOST_BYTES", most)
        patch.setattr(profile_plan, "FEW_CALLS", 2)
        writes = steps(planned, exists=exists, whole=whole, sure=False)
    for number in range(1, len(writes) + 1):
        held = after(there if exists else None, writes[:number]) or []
        assert set(stays) <= set(held)
        assert len(held) <= max(len(there), len(planned.values))
    assert set(after(there if exists else None, writes) or ()) == set(planned.values)


NAMES = [f"h{number}.example" for number in range(6)]
SOME = st.lists(st.sampled_from(NAMES), unique=True, max_size=4)


class SharedProfile(RuleBasedStateMachine):
    """We and another admin edit one profile, in any order: what they wrote is never touched, what we want is there."""

    def __init__(self) -> None:
        super().__init__()
        self.list_entries = Entries()
        self.now: list[str] | None = None
        self.theirs: list[str] = []
        self.rejected: set[str] = set()
        self.dirty = False

    @rule(values=SOME, content=st.sampled_from(["c1", "c2"]))
    def desire(self, values: list[str], content: str) -> None:
        for value in values:
            before = {entry.value: entry for entry in self.list_entries.store}.get(value)
            if before is None or before.wanted != content:
                self.rejected.discard(value)
        self.list_entries.want(*values, content=content)
        self.dirty = True

    @rule(values=SOME)
    def withdraw(self, values: list[str]) -> None:
        self.list_entries.drop(*values)
        self.rejected -= set(values)
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

    @rule(values=SOME)
    def they_add(self, values: list[str]) -> None:
        """In letters of their own; a value may come to stand there twice."""
        ours = {entry.remote_id for entry in self.list_entries.store}
        added = [value.upper() for value in values if value not in ours and value not in (self.now or ())]
        if added or self.now is not None:
            self.theirs += added
            self.now = [*(self.now or ()), *added]

    @rule(whole=st.booleans(), sure=st.booleans())
    def converge(self, whole: bool, sure: bool) -> None:
        planned = self.list_entries.plan(self.now)
        assert not {value.lower() for value in planned.remove} & {value.lower() for value in self.theirs}
        self.now = after(self.now, steps(planned, exists=self.now is not None, whole=whole, sure=sure))
        self.list_entries.settle(planned.outcomes)
        self.dirty = False
        again = self.list_entries.plan(self.now)
        assert (operations(again, exists=self.now is not None), again.outcomes) == ([], [])

    @invariant()
    def holds_what_it_should(self) -> None:
        held = list(self.now or ())
        assert [value for value in held if value.isupper()] == self.theirs
        if not self.dirty and self.now:
            wanted = {entry.value for entry in self.list_entries.store if entry.wanted is not None}
            missing = {entry.value for entry in self.list_entries.store if entry.sync_state is SyncState.PUT}
            ours = {value for value in held if not value.isupper()} - {DEFAULT}
            assert ours == wanted - self.rejected - missing - {value.lower() for value in self.theirs}


SharedProfile.TestCase.settings = settings(max_examples=80, stateful_step_count=20, deadline=None)
TestSharedProfile = SharedProfile.TestCase
