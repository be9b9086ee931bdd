"""The demo's report: differences are named, skips that nobody foresaw are noticed, and tables say what they should."""

from collections import Counter

from schemas.desired import AppliedState
from schemas.types import IndicatorType
from services.sandbox.demo import report
from services.sandbox.demo.account import Account, agrees
from services.sandbox.demo.counters import ServiceCounters
from services.sandbox.demo.expect import Entry, Place, expect
from services.sandbox.demo.seed import example_policy
from services.sandbox.demo.world import Alert, Row, World
from services.sandbox.latency import Effect, Stopwatch, quantile

URLS = Place("netskope", "url-list:Blocked%20by%20Defender")
SAID = (Row("evil.example", IndicatorType.DOMAIN), Row("a_b.example", IndicatorType.DOMAIN))
WORLD = World(
    tuple(example_policy()), dict(enumerate(SAID)), alerts=(Alert("mail_relay.example", IndicatorType.DOMAIN),)
)
BLOCK = "defender-action:Block"


def told(skipped: int, rejected: bool = True) -> ServiceCounters:
    counts: Counter[tuple[str, ...]] = Counter(
        {
            ("router", "netskope", "other_family"): skipped,
            ("router", "defender", "skipped_by_action_table"): 1,
            ("push_netskope", "netskope", "host_name_not_supported"): 1,
        }
    )
    entries = {f"{BLOCK}/domain:mail_relay.example": (AppliedState.REJECTED, "vendor_rejected", "no underscore")}
    return ServiceCounters({"skipped_total": counts}, {"defender": entries if rejected else {}, "netskope": {}})


def test_missing_and_superfluous_entries_are_named() -> None:
    assert report.differences(expect(WORLD), {URLS: {Entry("evil.example"), Entry("*.evil.example")}}) == []
    assert report.differences(expect(WORLD), {URLS: {Entry("other.example")}}) == [
        "netskope: URL list Blocked by Defender: 2 missing: *.evil.example, evil.example",
        "netskope: URL list Blocked by Defender: 1 too many: other.example",
    ]


def test_a_target_that_is_no_longer_shared_to_must_be_empty() -> None:
    assert report.differences({}, {URLS: {Entry("left.example")}}) == [
        "netskope: URL list Blocked by Defender: 1 too many: left.example"
    ]


def test_skips_and_rejections_are_held_against_what_was_foreseen() -> None:
    account = Account()
    account.follow(WORLD, expect(WORLD))
    assert agrees(account.lines(told(skipped=2)))
    assert not agrees(account.lines(told(skipped=1)))
    assert not agrees(account.lines(told(skipped=2, rejected=False)))


def test_an_entry_that_failed_is_never_foreseen() -> None:
    account, said = Account(), told(skipped=2)
    account.follow(WORLD, expect(WORLD))
    said.unapplied["netskope"]["x"] = (AppliedState.FAILED, "refused", "why")
    assert not agrees(account.lines(said))


def test_the_table_of_targets_counts_others_entries_as_there() -> None:
    world = World(WORLD.policy, WORLD.rows, listed=frozenset({"evil.example"}))
    table = report.targets(expect(world), {URLS: set()})
    assert [next(iter(column.cells)) for column in table.columns][:4] == [
        "netskope: URL list Blocked by Defender", "2", "1", "1",
    ]  # fmt: skip


def test_the_stopwatch_measures_what_comes_and_what_goes() -> None:
    stopwatch = Stopwatch()
    stopwatch.began("there and back", Effect("list", "new"), at=0)
    stopwatch.began("there and back", Effect("list", "old", there=False), at=0)
    stopwatch.look({"list": {"old"}})
    assert len(stopwatch.waiting) == 2
    stopwatch.look({"list": {"new"}})
    assert not stopwatch.waiting
    assert len(stopwatch.seconds["there and back"]) == 2


def test_a_quantile_is_one_of_the_values() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([3.0, 1.0, 2.0], 0.99) == 3.0
