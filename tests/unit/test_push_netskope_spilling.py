"""Several lists of one target, whatever is desired, written by others, and lost with a process in between.

Whenever they have come to rest: no list is over its limit; in each is what others wrote, and what the books say of it;
nothing better is held than what would make room for it; and nothing moved that could have stayed.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from pydantic import ValidationError

from schemas.desired import AppliedState
from schemas.policy import Policy
from schemas.resources import resource
from schemas.types import IndicatorType, Severity
from schemas.vendors.netskope import UrlList
from services.push_netskope import client
from services.push_netskope.list_entries import all_of, entries_of, is_whole, said_of, size_of, split
from services.push_netskope.render import form_of, give_form
from services.push_netskope.url_lists import plan, ranking
from services.push_netskope.url_lists.allocation import allocate
from services.push_netskope.url_lists.outcomes import LIST_FULL
from services.push_netskope.url_lists.partition import ListPart, parts_of, to_vendor
from services.router.evaluation.compile import ResolvedTarget, compile_policy, digest
from services.runtime.reconciling.entry import Entry, GuardedChanges, SyncState
from services.runtime.reconciling.entry_store import EntryStore
from tests.pushing import COVERING, LIST, desired_entry

SITES = [
    "a.example", "b.example", "longer.c.example", "much.longer.still.d.example", "http://a.example/", "e.example",
    "https://f.example/x", "http://f.example/x", "g.example", "longer.h.example",
]  # fmt: skip
THEIRS = ["a.example", "f.example/x", "theirs.example", "more.of.theirs.example"]
ONE = LIST.model_copy(update={"size_mb": 1})
TARGETS = [ONE.model_copy(update={"overflow": names}) for names in (("two",), ("two", "three"), ("three", "two"))]
NAMES = (LIST.name, "two", "three")
ROOM = 32
"""Bytes there are in each list: two short entries, or a long one."""


class Lists(RuleBasedStateMachine):
    """Whatever may happen between two looks at the lists, and a process that may end in any of them."""

    one, sites, others, capacity = ONE, tuple(SITES), tuple(THEIRS), ROOM

    def __init__(self) -> None:
        super().__init__()
        self.megabyte = plan.MEGABYTE
        self.patch(self.capacity + plan._ENVELOPE)
        self.store = EntryStore()
        self.target = self.one.model_copy(update={"overflow": TARGETS[0].overflow})
        self.urls: dict[str, tuple[str, ...] | None] = dict.fromkeys(NAMES)
        self.theirs: dict[str, set[str]] = {name: set() for name in NAMES}

    def teardown(self) -> None:
        self.patch(self.megabyte)

    @staticmethod
    def patch(size: int) -> None:
        plan.MEGABYTE = size  # type: ignore[misc]  # lists of a few entries shall be full, too

    @initialize(chosen=st.sampled_from(TARGETS))
    def begin(self, chosen: UrlList) -> None:
        self.target = self.one.model_copy(update={"overflow": chosen.overflow})

    @rule(data=st.data(), severity=st.sampled_from(list(Severity)), looks=st.booleans())
    def want(self, data: st.DataObject, severity: Severity, *, looks: bool) -> None:
        for value in data.draw(st.lists(st.sampled_from(self.sites), unique=True, min_size=3, max_size=7)):
            self.store.desire(*desired_entry(value, self.target, severity=severity))
        if looks:
            self.look()

    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        value = data.draw(st.sampled_from(self.sites))
        self.store.desire(desired_entry(value, self.target)[0], None)

    @rule(chosen=st.sampled_from([*TARGETS, ONE]))
    def name_others(self, chosen: UrlList) -> None:
        self.target = self.one.model_copy(update={"overflow": chosen.overflow})

    @rule(kept=st.sampled_from([*[GuardedChanges.NOTHING] * 3, GuardedChanges.WITHDRAWALS, GuardedChanges.ADDITIONS]))
    def guard(self, kept: GuardedChanges) -> None:
        self.store.keep(self.target.id, kept)

    @rule(name=st.sampled_from(NAMES), data=st.data(), adds=st.booleans())
    def others_edit(self, name: str, data: st.DataObject, *, adds: bool) -> None:
        list_entry = data.draw(st.sampled_from(self.others))
        urls = [url for url in self.urls[name] or () if url != list_entry or list_entry not in self.theirs[name]]
        self.theirs[name].discard(list_entry)
        if adds and list_entry not in urls:
            self.theirs[name].add(list_entry)
            urls.append(list_entry)
        self.urls[name] = tuple(urls) or (LIST.default,)

    @property
    def entries(self) -> list[Entry]:
        return list(self.store)

    def there(self, part: ListPart) -> client.UrlList | None:
        urls = self.urls[part.name]
        said = tuple(said_of(url, part.label) for url in urls or ())
        return None if urls is None else client.UrlList(1, part.name, said, part.match, pending=False)

    def write(self, part: ListPart, ends: int) -> bool:
        """Bring one list to what it should hold. Returns False where the process ends before all is done."""
        entries = [entry for entry in self.entries if part.has(entry)]
        planned = plan.plan_url_list(entries, part, self.there(part))
        if planned.urls is not None:
            for entry, remote_id in plan.notes(entries, planned):
                self.store.sent(entry, remote_id)
            if ends == 1:
                return False
            self.urls[part.name] = tuple(to_vendor(planned.urls, part))
            if ends == 2:
                return False
        for outcome in planned.outcomes:
            self.store.settle(outcome)
        return True

    def look(self, ends: int = 0, at: int = 0) -> bool:
        """As `Spread` does it. Returns False where the process ended, in list number `at`."""
        named, left = parts_of(self.target, self.entries)
        for entry in self.entries:
            entry.form = LIST_FULL if any(part.has(entry) for part in left) else None
        begun = [0]

        def written(part: ListPart) -> bool:
            begun[0] += 1
            return self.write(part, ends if begun[0] > at else 0)

        if not all(written(part) for part in left):
            return False
        for entry in self.entries:
            entry.form = None
        for _ in range(5):
            again = self.spilled(named)
            if not all(written(part) for part in named):
                return False
            if not again:
                break
        return True

    def spilled(self, parts: list[ListPart]) -> bool:
        labels = {part.label for part in parts}
        for entry in self.entries:
            entry.form = None if entry.form is LIST_FULL else entry.form
            give_form(entry, self.target)
        before = {part.label: self.free(part) for part in parts}
        again = allocate(self.entries, parts, {part.name: self.there(part) for part in parts})
        for entry in self.entries:
            if (
                entry.remote_id is None
                or ranking.list_entry_of(entry) is None
                or split(entry.remote_id)[1] not in labels
            ):
                continue
            moves = split(str(entry.form))[1] != split(entry.remote_id)[1]
            assert entry.form is LIST_FULL or not moves, "nothing moves"
        for entry in self.entries:
            if entry.form is LIST_FULL and entry.remote_id is not None:
                label = split(entry.remote_id)[1]
                news = [one for one in self.entries if one.remote_id is None and isinstance(one.form, str)]
                for_better = any(split(str(one.form))[1] == label and one.rank <= entry.rank for one in news)
                assert before[label] < 0 or for_better, "nothing leaves but for something better"
        return again

    def free(self, part: ListPart) -> int:
        """Bytes that are left for what is new in a list, once what is wanted no more has left."""
        ours = ranking.owned_by(self.entries)
        there = self.there(part)
        theirs = {url for url in (there.urls if there else ()) if url not in ours} - {part.default}
        kept = all_of(
            entry.remote_id for entry in self.entries if ranking.list_entry_of(entry) is not None and part.has(entry)
        )
        taken = plan.size_in(part, theirs) + plan.size_in(part, kept)
        return plan.capacity_of(part, taken)

    @rule(data=st.data(), ends=st.sampled_from([1, 2]), at=st.integers(0, 3))
    def end_amidst(self, data: st.DataObject, ends: int, at: int) -> None:
        """The process ends while a list is written: what it noted, and what is in the lists, is what the next finds."""
        self.want(data, data.draw(st.sampled_from(Severity)), looks=False)
        self.look(ends, at)
        for entry in self.entries:
            entry.form = None

    @rule()
    def come_to_rest(self) -> None:
        for _ in range(20):
            before, _done = self.stands(), self.look()
            if before == self.stands():
                break
        else:
            raise AssertionError("they do not come to rest")
        named, left = parts_of(self.target, self.entries)
        if any(entry.stays for entry in self.entries):
            return
        assert not left
        for name in NAMES:
            part = next((one for one in named if one.name == name), None)
            held = set(self.urls[name] or ())
            ours = all_of(entry.remote_id for entry in self.entries if part and part.has(entry))
            assert held - {LIST.default} == self.theirs[name] | set(to_vendor(ours, part) if part else ()), name
            assert not self.theirs[name] & set(to_vendor(ours, part) if part else ())
            free = plan.capacity_of(ONE, plan.size_of_urls(held - {LIST.default}))
            assert free >= 0 or not ours, "no list is over its limit"
        self.held_are_the_worst(named)
        for entry in self.entries:
            list_entry, waits = (
                form_of(entry, self.target),
                entry.wanted is None or entry.sync_state is SyncState.GUARDED,
            )
            if not waits and any(is_whole(list_entry, self.theirs[part.name]) for part in named):
                assert entry.state is AppliedState.APPLIED, "what others wrote is there"

    def held_are_the_worst(self, named: list[ListPart]) -> None:
        held = [entry for entry in self.entries if entry.state is AppliedState.HELD]
        for entry in held:
            assert entry.because == "list_full"
            size = size_of(str(form_of(entry, self.target)), plan.URL_EXTRA)
            for part in named:
                ranks = ranking.ranks(one for one in self.entries if one.remote_id is not None and part.has(one))
                worse = all_of(text for text, rank in ranks.items() if rank[0] > entry.rank)
                capacity = self.free(part) + plan.size_in(part, worse)
                assert capacity < size, f"{entry.value} is held, and {part.name} has room"

    def stands(self) -> object:
        list_entries = {
            entry.indicator_id: (entry.state, entry.remote_id, entry.because, entry.sync_state)
            for entry in self.entries
        }
        return list_entries, dict(self.urls)


class Pairs(Lists):
    """The same of lists in which a domain is a pair of entries, of which others write one now and then."""

    one, capacity = COVERING.model_copy(update={"name": LIST.name, "size_mb": 1}), 64
    sites = tuple(site for site in SITES if site != "http://a.example/")  # what two share is counted twice
    others = ("theirs.example", "*.a.example", "f.example/x", "b.example")

    def held_are_the_worst(self, named: list[ListPart]) -> None:
        if not any(self.theirs[name] & {"*.a.example", "b.example"} for name in NAMES):  # counted whole as well
            super().held_are_the_worst(named)
        for entry in self.entries:
            if entry.state is AppliedState.APPLIED and entry.remote_id is not None and entry.wanted is not None:
                theirs = {
                    said_of(list_entry, split(entry.remote_id)[1]) for name in NAMES for list_entry in self.theirs[name]
                }
                form = said_of(str(form_of(entry, self.target)), split(entry.remote_id)[1])
                assert is_whole(form, theirs | set(entries_of(entry.remote_id))), "no half is missing"


for machine in (Lists, Pairs):
    machine.TestCase.settings = settings(max_examples=300, stateful_step_count=20, deadline=None)
TestLists = Lists.TestCase
TestPairs = Pairs.TestCase


@pytest.mark.parametrize("overflow", [["blocked"], ["two", "two"], ["two", "three", "two"]])
def test_a_list_is_named_once(overflow: list[str]) -> None:
    with pytest.raises(ValidationError, match="again: name each further list once") as caught:
        UrlList.model_validate({"kind": "url-list", "name": "blocked", "overflow": overflow})
    assert len(caught.value.errors()) == 1


def test_further_lists_are_no_part_of_the_id_and_lists_without_are_written_as_ever() -> None:
    assert {target.id for target in TARGETS} == {LIST.id}
    assert b"overflow" not in desired_entry("a.example", LIST)[1].encode()


def shared(*targets: UrlList) -> Policy:
    token = {"env": "TOKEN"}
    mde = {"type": "defender", "tenantId": "t", "appId": "a", "appSecret": token}
    found = [
        resource("Connection", "mde", mde),
        resource("Connection", "ns", {"type": "netskope", "tenantUrl": "https://acme.example", "v2Token": token}),
        resource("Rule", "all", {"match": "true"}),
    ]
    for number, target in enumerate(targets):
        said = target.model_dump(mode="json", exclude_none=True)
        spec = {"source": "mde", "rule": "all", "destination": "ns", "target": said}
        found.append(resource("Sharing", f"s{number}", spec))
    return Policy.of(found)


def test_two_targets_of_a_tenant_share_no_list_and_sharings_into_one_target_name_the_same() -> None:
    two = UrlList(kind="url-list", name="two")
    assert shared(TARGETS[1], TARGETS[1]).misfits() == []
    assert [str(found.message) for found in shared(TARGETS[1], two).misfits()] == [
        "the list 'two' is one of Sharing s0's target, too; name another one"
    ]
    assert [found.name for found in shared(TARGETS[0], TARGETS[1]).misfits()] == ["s1"]
    assert {"two", "three"} == set(TARGETS[1].overflow or ())


def test_an_upgrade_tells_no_tenant_anything_new_of_a_list_without_further_ones() -> None:
    before = digest(LIST.model_dump_json(exclude={"overflow"}))
    resolved = compile_policy(shared(LIST), 1).routes["mde"][0].resolved(IndicatorType.DOMAIN, Severity.HIGH)
    assert isinstance(resolved, ResolvedTarget)
    assert (resolved.fingerprint, resolved.unsent) == (before, digest("{}"))
