"""What all URL lists of a Netskope tenant may hold together: who stays, whoever fills it and in whatever order."""

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from prometheus_client import REGISTRY

from schemas.desired import AppliedState
from schemas.types import Severity
from schemas.vendors.netskope import UrlList
from services.push_netskope.list_entries import all_of, entries_of, split
from services.push_netskope.render import form_of
from services.push_netskope.url_lists import plan
from services.push_netskope.url_lists.tenant_limits import MOST_ENTRIES
from services.runtime.reconciling.entry import Entry
from services.runtime.reconciling.entry_store import EntryStore
from services.sandbox.netskope.settings import ListLimits
from services.sandbox.tenant.quota import Limit
from tests.contract.netskope import ready
from tests.contract.test_push_netskope_tenant import PusherHarness, seeded
from tests.contract.test_sandbox_netskope_gate import Api, serving
from tests.pushing import NAME

EXACT, REGEX = 6, 3
ONE = UrlList(kind="url-list", name="one", subdomains="exact")
TWO = UrlList(kind="url-list", name="two", subdomains="exact", overflow=("two more",))
PAIRS = UrlList(kind="url-list", name="pairs")
PATTERNS = UrlList(kind="url-list", name="patterns", match="regex")
MORE_PATTERNS = UrlList(kind="url-list", name="more patterns", match="regex")
THEIRS = "theirs"
FULL = "tenant_full"


@pytest.fixture(scope="module")
def served_netskope() -> Iterator[Api]:
    limits = ListLimits(exact_total=EXACT, regex_total=REGEX)
    with serving(policy_rate=(Limit(10_000, 1.0),), list_limits=limits) as api:
        yield api


@pytest.fixture
def netskope(served_netskope: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setitem(MOST_ENTRIES, "exact", EXACT)
    monkeypatch.setitem(MOST_ENTRIES, "regex", REGEX)
    return ready(served_netskope, monkeypatch)


@pytest.fixture
def harness(netskope: Api) -> Iterator[PusherHarness]:
    found = PusherHarness(netskope)
    yield found
    found.close()


def filled(
    harness: PusherHarness, names: str, target: UrlList = ONE, severity: Severity = Severity.MEDIUM
) -> list[str]:
    keys = [harness.want(f"{name}.example", target, severity=severity) for name in names]
    harness.work()
    return keys


def held(harness: PusherHarness) -> dict[str, str]:
    """Values by reason code, of those that are not simply there."""
    return {key.partition(":domain:")[2] or key.rpartition(":")[2]: code for key, code in harness.reasons().items()}


def metric(name: str, match: str = "exact") -> float | None:
    return REGISTRY.get_sample_value(f"ioc_bridge_tenant_entries{name}", {"connection": NAME, "match": match})


def test_the_best_of_all_lists_stay_and_the_rest_follows_as_room_comes(harness: PusherHarness) -> None:
    filled(harness, "abcd")
    keys = filled(harness, "efgh", TWO)
    assert (harness.urls("one"), harness.urls("two")) == (
        ["a.example", "b.example", "c.example", "d.example"],
        ["e.example", "f.example"],
    )
    assert set(held(harness).items()) == {("g.example", FULL), ("h.example", FULL)}
    assert (metric(""), metric("_limit"), metric("_held")) == (6, 6, 2)
    assert [code for code, _ in harness.told.said].count(FULL) == 1
    filled(harness, "xy", TWO, Severity.HIGH)
    assert (harness.urls("one"), harness.urls("two")) == (
        ["a.example", "b.example", "c.example", "d.example"],
        ["x.example", "y.example"],
    ), "the worst leave, in whatever list they are"
    filled(harness, "z", TWO, Severity.HIGH)
    assert (harness.urls("one"), harness.urls("two")) == (
        ["a.example", "b.example", "c.example"],
        ["x.example", "y.example", "z.example"],
    )
    assert metric("_held") == 5
    harness.drop(*[key for key in harness.desired if key.startswith(ONE.id)])
    harness.work()
    assert harness.urls("two") == ["x.example", "y.example", "z.example", "e.example", "f.example"]
    assert set(held(harness).items()) == {("g.example", FULL), ("h.example", FULL)}, "the default takes a place"
    harness.drop(*keys)
    harness.work()
    assert (harness.reasons(), metric("_held")) == ({}, 0)


def test_entries_of_others_take_room_and_what_they_take_out_makes_room(harness: PusherHarness) -> None:
    seeded(harness, "t1.example", "t2.example", "t3.example", "t4.example", name=THEIRS)
    filled(harness, "abc")
    assert harness.urls("one") == ["a.example", "b.example"]
    assert held(harness) == {"c.example": FULL}
    calls = harness.writes()
    harness.restart()
    harness.work()
    assert harness.writes() == calls
    seeded(harness, "t1.example", name=THEIRS)
    harness.later(601)
    harness.work()
    assert harness.urls("one") == ["a.example", "b.example", "c.example"]
    assert harness.reasons() == {}
    assert harness.urls(THEIRS) == ["t1.example"]


def test_a_domain_counts_as_its_two_entries_which_are_held_together(harness: PusherHarness) -> None:
    filled(harness, "a")
    filled(harness, "xyz", PAIRS)
    assert harness.urls("pairs") == ["x.example", "*.x.example", "y.example", "*.y.example"]
    assert held(harness) == {"z.example": FULL}
    assert metric("") == 5


def test_patterns_have_a_total_of_their_own(harness: PusherHarness) -> None:
    filled(harness, "abcdef")
    filled(harness, "ab", PATTERNS)
    filled(harness, "cd", MORE_PATTERNS)
    assert [len(harness.urls(name) or ()) for name in ("patterns", "more patterns")] == [2, 1]
    assert held(harness) == {"d.example": FULL}
    assert (metric("", "regex"), metric("_limit", "regex"), metric("_held", "regex")) == (3, 3, 1)


def test_what_a_list_itself_has_no_room_for_takes_nothing_from_another(
    harness: PusherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "MEGABYTE", 3 * len("a.example") + 9 + plan._ENVELOPE)
    small = ONE.model_copy(update={"size_mb": 1})
    filled(harness, "abcd", small, Severity.HIGH)
    filled(harness, "efgh", TWO.model_copy(update={"size_mb": 1}))
    assert (harness.urls("one"), harness.urls("two")) == (
        ["a.example", "b.example", "c.example"],
        ["e.example", "f.example", "g.example"],
    )
    assert held(harness) == {"d.example": "list_full", "h.example": FULL}


def test_a_total_that_others_filled_meanwhile_is_refused_read_again_and_held(harness: PusherHarness) -> None:
    filled(harness, "a")
    seeded(harness, *(f"t{n}.example" for n in range(4)), name=THEIRS)
    filled(harness, "bcd")
    assert harness.urls("one") == ["a.example"]
    assert set(harness.reasons().values()) == {"refused"}, "no entry is blamed"
    harness.later(61)
    harness.work()
    assert harness.urls("one") == ["a.example", "b.example"]
    assert set(held(harness).items()) == {("c.example", FULL), ("d.example", FULL)}


class Tenant(RuleBasedStateMachine):
    """Whatever is wanted of three targets and whatever others do: of all, the best are there."""

    targets = (ONE, TWO, PAIRS)

    def __init__(self, api: Api) -> None:
        super().__init__()
        api.admin("reset")
        self.harness = PusherHarness(api)
        self.theirs: dict[str, list[str]] = {}
        self.numbers = count()

    def teardown(self) -> None:
        self.harness.close()

    @rule(
        place=st.sampled_from(targets),
        names=st.text("abcdef", min_size=1, max_size=3),
        severity=st.sampled_from([Severity.LOW, Severity.HIGH]),
        kind=st.sampled_from(["{}.example", "http://{}.example/"]),
    )
    def want(self, place: UrlList, names: str, severity: Severity, kind: str) -> None:
        for name in names:
            content = f"{severity} {next(self.numbers)}"
            self.harness.want(kind.format(name), place, severity=severity, content=content)
        self.settle()

    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        if self.harness.desired:
            self.harness.drop(*data.draw(st.lists(st.sampled_from(sorted(self.harness.desired)), max_size=4)))
            self.settle()

    @rule()
    def restart(self) -> None:
        self.harness.restart()
        self.settle()

    @rule(size=st.integers(1, 5))
    def others_edit(self, size: int) -> None:
        lists = self.applied()
        taken = sum(len(urls) for name, urls in lists.items() if name != THEIRS)
        if taken + size <= EXACT:
            seeded(self.harness, *(f"t{number}.example" for number in range(size)), name=THEIRS)
            self.settle(later=True)

    @rule(place=st.sampled_from(targets), name=st.sampled_from("abt"))
    def others_add(self, place: UrlList, name: str) -> None:
        lists = self.applied()
        urls = lists.get(place.name, [])
        if sum(map(len, lists.values())) < EXACT and urls and f"{name}.example" not in urls:
            seeded(self.harness, *urls, f"{name}.example", name=place.name)
            self.settle(later=True)

    def applied(self) -> dict[str, list[str]]:
        return {found["name"]: found["data"]["urls"] for found in self.harness.api.truth()["url_lists"]["applied"]}

    def settle(self, *, later: bool = False) -> None:
        if later:  # what others do is noticed at the next look
            self.harness.later(601)
        self.harness.work()
        lists = self.applied()
        assert sum(map(len, lists.values())) <= EXACT
        assert {key: code for key, code in self.harness.reasons().items() if code not in (FULL, "already_there")} == {}
        ours: dict[str, set[str]] = {}
        for target in self.targets:
            applied = [done for key, done in self.harness.written.latest.items() if key.startswith(f"{target.id}/")]
            ours[target.id] = {split(one)[0] for one in all_of(done.remote_id for done in applied)}
            assert ours[target.id] <= set(lists.get(target.name, ()))
        capacity = EXACT - sum(map(len, lists.values())) + sum(map(len, ours.values()))
        assert self.expected(lists, ours, capacity) == {
            key for key, done in self.harness.written.latest.items() if done.state is AppliedState.APPLIED
        }

    def expected(self, lists: dict[str, list[str]], ours: dict[str, set[str]], capacity: int) -> set[str]:
        """The keys of what is to be there: texts of all targets, the best first, as far as there is room."""
        texts: dict[tuple[str, str], list[Entry]] = {}
        store = EntryStore()
        for key, record in self.harness.desired.items():
            store.desire(key, record)
        for entry in store:
            target = store.targets[entry.target_id]
            texts.setdefault((entry.target_id, str(form_of(entry, target))), []).append(entry)
        names = {target.id: target.name for target in self.targets}
        found, is_full = set[str](), False
        kept: dict[str, set[str]] = {target.id: set() for target in self.targets}
        for target_id, text in sorted(texts, key=lambda one: (min(e.rank for e in texts[one]), one[1], one[0])):
            there = set(lists.get(names[target_id], ())) - ours[target_id]
            needed = [one for one in entries_of(text) if one not in kept[target_id] and one not in there]
            is_full = is_full or len(needed) > capacity
            if not is_full or not needed:
                capacity -= len(needed)
                kept[target_id].update(needed)
                found.update(entry.key for entry in texts[target_id, text])
        return found


def test_whatever_happens_the_best_of_all_lists_are_there(netskope: Api) -> None:
    class Served(Tenant):
        def __init__(self) -> None:
            super().__init__(netskope)

    run_state_machine_as_test(
        Served,
        settings=settings(
            max_examples=40, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
