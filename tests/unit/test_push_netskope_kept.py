"""Plans made from what changed say what plans of all entries say, whatever happened to the list and in what order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from schemas.desired import RELEASED, AppliedState
from schemas.record import Reason
from schemas.types import Severity
from schemas.vendors.netskope import FileHashList, UrlList
from services.push_netskope import client
from services.push_netskope.hash_lists.plan import HashListPlan, plan_hash_list
from services.push_netskope.list_entries import entries_of
from services.push_netskope.render import give_form
from services.push_netskope.url_lists import plan
from services.push_netskope.url_lists.incremental_plan import IncrementalHashListPlan, IncrementalUrlListPlan
from services.push_netskope.url_lists.plan import UrlListPlan, plan_url_list
from services.runtime.reconciling.entry import Entry, GuardedChanges, Outcome, SyncState
from services.runtime.reconciling.entry_store import EntryStore
from tests import pushing
from tests.pushing import desired_entry

LIST = pushing.LIST.model_copy(update={"size_mb": 1})
COVERING = pushing.COVERING.model_copy(update={"size_mb": 1})
HASHES = pushing.HASHES.model_copy(update={"size_mb": 1})
SITES = [
    "a.example", "b.example", "c.example", "http://a.example/", "https://e.example/x", "http://e.example/x",
    "2001:db8::1", LIST.default,
]  # fmt: skip
FILES = ["a" * 64, "b" * 32, "c" * 64, "d" * 40, "e" * 64]
THEIRS = ["a.example", "e.example/x", "theirs.example", "more.example", "*.a.example", "*.b.example"]
ROOMY, TIGHT, PAIRS = 1_000_000, 1_060, 1_090
"""Bytes of a MB: TIGHT leaves a URL list room for two or three entries, PAIRS for two pairs."""


def there(urls: tuple[str, ...]) -> client.UrlList:
    return client.UrlList(1, LIST.name, urls, "exact", pending=False)


def told(outcomes: list[Outcome]) -> set[tuple[object, ...]]:
    found: set[tuple[object, ...]] = {(id(o.entry), o.state, o.remote_id, o.reason) for o in outcomes}
    assert len(found) == len(outcomes)
    return found


class Entries(RuleBasedStateMachine):
    """Whatever may happen to the entries of one list between two plans."""

    target: UrlList | FileHashList
    values: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.store = EntryStore()
        self.megabyte = plan.MEGABYTE
        self.moment = 0

    def teardown(self) -> None:
        self.patch(self.megabyte)

    @staticmethod
    def patch(size: int) -> None:
        plan.MEGABYTE = size  # type: ignore[misc]  # lists of a few entries shall be full, too

    @property
    def entries(self) -> list[Entry]:
        found = list(self.store)
        for entry in found:
            give_form(entry, self.target)
        return found

    def some(self, data: st.DataObject) -> Entry | None:
        entries = list(self.store)
        return data.draw(st.sampled_from(entries)) if entries else None

    @rule(data=st.data(), content=st.sampled_from(["c1", "c2"]), severity=st.sampled_from(list(Severity)))
    def want(self, data: st.DataObject, content: str, severity: Severity) -> None:
        for value in data.draw(st.lists(st.sampled_from(self.values), unique=True, max_size=3)):
            self.store.desire(*desired_entry(value, self.target, content=content, severity=severity))

    @rule(data=st.data(), what=st.sampled_from(["drop", "drop", "release", "again"]))
    def change(self, data: st.DataObject, what: str) -> None:
        value = data.draw(st.sampled_from(self.values))
        self.moment += 1
        resend_at = self.moment if what == "again" else None
        key, record = desired_entry(value, self.target, released=what == "release", resend_at=resend_at)
        self.store.desire(key, None if what == "drop" else record)

    @rule(
        kept=st.sampled_from(
            [
                GuardedChanges.NOTHING,
                GuardedChanges.WITHDRAWALS,
                GuardedChanges.ADDITIONS,
                GuardedChanges.WITHDRAWALS | GuardedChanges.ADDITIONS,
            ]
        )
    )
    def guard(self, kept: GuardedChanges) -> None:
        self.store.keep(self.target.id, kept)

    @rule(data=st.data())
    def happen(self, data: st.DataObject) -> None:
        """One entry is noted, found lost, refused, failed, or its record is set right, as the pusher does it."""
        entry = self.some(data)
        if entry is None:
            return
        give_form(entry, self.target)
        if entry.sync_state in (SyncState.FORGET, SyncState.AMEND):
            stays = entry.released and self.target is HASHES
            state = AppliedState.APPLIED if stays else None if entry.wanted is None else entry.state
            self.settle(Outcome(entry, state, entry.remote_id if state else None, RELEASED if stays else None))
        elif entry.wanted is None or not isinstance(entry.form, str):
            return
        elif data.draw(st.booleans()):
            self.store.sent(entry, entry.form, self.moment)
        elif data.draw(st.booleans()):
            remote_id = entry.remote_id if data.draw(st.booleans()) else None
            self.settle(Outcome(entry, AppliedState.REJECTED, remote_id, Reason(code="vendor_rejected")))
        elif data.draw(st.booleans()):
            self.settle(Outcome(entry, AppliedState.FAILED, entry.remote_id, Reason(code="refused")), retry_at=1.0)
        else:
            left = entries_of(entry.remote_id)[-1] if entry.remote_id and data.draw(st.booleans()) else None
            self.store.missing(entry, left)

    @rule()
    def wake(self) -> None:
        self.store.wake(2.0)

    def settle(self, *outcomes: Outcome, retry_at: float = 0.0) -> None:
        self.moment += 1
        for outcome in outcomes:
            self.store.settle(outcome, retry_at, self.moment)


class UrlListEntries(Entries):
    """A URL list that others edit, too."""

    target: UrlList = LIST
    values = SITES

    def __init__(self) -> None:
        super().__init__()
        self.urls: tuple[str, ...] = ("theirs.example",)
        self.kept: IncrementalUrlListPlan | None = None

    @initialize(size=st.sampled_from([ROOMY, TIGHT, PAIRS]))
    def begin(self, size: int) -> None:
        self.patch(size)

    @rule(data=st.data())
    def others_edit(self, data: st.DataObject) -> None:
        more = data.draw(st.lists(st.sampled_from(THEIRS), max_size=2))
        less = data.draw(st.lists(st.sampled_from([*self.urls, "none"]), max_size=1))
        urls = data.draw(st.permutations([url for url in dict.fromkeys([*self.urls, *more]) if url not in less]))
        self.urls = tuple(urls) or (LIST.default,)

    @rule(written=st.booleans())
    def converge(self, written: bool) -> None:
        now, planned = there(self.urls), None
        if self.kept and self.kept.follows(self.target, now):
            known = {*SITES, *THEIRS, *(f"*.{site}" for site in SITES)}
            assert {url for url in known if url in self.kept} == known & set(self.urls)
            assert self.kept.size == plan.size_of_urls(self.urls)
            planned = self.kept.planned()
        expected = plan_url_list(self.entries, self.target, now)
        if planned is None:
            planned, self.kept = expected, None
        self.agree(planned, expected)
        if not written:
            return
        self.urls = expected.urls or self.urls
        self.settle(*expected.outcomes)
        if self.kept:
            self.kept.wrote(planned)
        else:
            self.kept = IncrementalUrlListPlan.of(
                self.entries, self.target, self.urls, self.store.watch(self.target.id)
            )

    def agree(self, planned: UrlListPlan, expected: UrlListPlan) -> None:
        assert (planned.add, planned.remove, planned.urls, planned.again) == (
            expected.add, expected.remove, expected.urls, expected.again,
        )  # fmt: skip
        assert told(planned.outcomes) == told(expected.outcomes)


class PairEntries(UrlListEntries):
    """The same of a list in which a domain is a pair of entries."""

    target = COVERING


class HashListEntries(Entries):
    """A file-hash list, which nobody else can edit without its being overwritten."""

    target, values = HASHES, FILES

    def __init__(self) -> None:
        super().__init__()
        self.kept: IncrementalHashListPlan | None = None

    @initialize(size=st.sampled_from([ROOMY, 100]))
    def begin(self, size: int) -> None:
        self.patch(size)

    @rule(written=st.booleans())
    def converge(self, written: bool) -> None:
        planned = self.kept.planned(HASHES) if self.kept else None
        expected: HashListPlan = plan_hash_list(self.entries, HASHES)
        if planned is None:
            planned, self.kept = expected, None
        assert planned.hashes == expected.hashes
        assert told(planned.outcomes) == told(expected.outcomes)
        if written:
            self.settle(*expected.outcomes)
        if self.kept is None:
            self.kept = IncrementalHashListPlan.of(self.entries, HASHES, self.store.watch(HASHES.id))


for machine in (UrlListEntries, PairEntries, HashListEntries):
    machine.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestUrlListEntries = UrlListEntries.TestCase
TestPairEntries = PairEntries.TestCase
TestHashListEntries = HashListEntries.TestCase


def test_a_change_of_a_large_list_is_planned_from_what_changed() -> None:
    store = EntryStore()
    for number in range(300):
        store.desire(*desired_entry(f"h{number}.example", LIST))
    planned = plan_url_list(given(store), LIST, None)
    assert planned.urls is not None
    for outcome in planned.outcomes:
        store.settle(outcome)
    kept = IncrementalUrlListPlan.of(given(store), LIST, planned.urls, store.watch(LIST.id))
    assert kept is not None
    store.desire(desired_entry("h7.example", LIST)[0], None)
    store.desire(*desired_entry("new.example", LIST))
    assert kept.follows(LIST, there(planned.urls))
    assert [entry.value for entry in kept.index.open] == ["h7.example", "new.example"]
    news = kept.planned()
    assert news is not None
    assert news.add == ("new.example",)
    assert news.remove == {"h7.example"}


def given(store: EntryStore) -> list[Entry]:
    for entry in store:
        give_form(entry, LIST)
    return list(store)
