"""The router's units of work beside a naive model: random sources, sharings, reports, policies and crashes.

The model knows who vouches for what and which sharings are on; what each target should hold follows by definition.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from schemas.canonical import indicator_id
from schemas.desired import Desired, split_key
from schemas.policy import Policy
from schemas.progress import PROGRESS_KEY, Progress
from schemas.report import Report, ReportBatch, Verb
from schemas.topics import Topics
from schemas.types import IndicatorType
from services.router.compiled import compile_policy
from services.router.state import PartitionState
from services.router.unit import Unit
from tests.unit.test_router_evaluate import TENANTS, sharing

TOPICS = Topics("t", 1)
VALUES = {
    "evil.example": IndicatorType.DOMAIN,
    "203.0.113.9": IndicatorType.IPV4,
    "2001:db8::9": IndicatorType.IPV6,
    "a" * 32: IndicatorType.MD5,
    "b" * 40: IndicatorType.SHA1,
}
SHARINGS = {
    "mde-urls": ("mde", "ns", {"kind": "url-list", "name": "u"}, {IndicatorType.DOMAIN, IndicatorType.IPV4}),
    "lab-urls": ("lab", "ns", {"kind": "url-list", "name": "u"}, {IndicatorType.DOMAIN, IndicatorType.IPV4}),
    "mde-hashes": ("mde", "ns", {"kind": "file-hash-list", "name": "h"}, {IndicatorType.MD5}),
    "ns-block": ("ns", "mde", {"kind": "defender-action", "action": "Block"}, set(VALUES.values())),
    "ns-lab": ("ns", "lab", {"kind": "defender-action", "action": "BlockAndRemediate"},
               {IndicatorType.MD5, IndicatorType.SHA1}),
}  # fmt: skip

source = st.sampled_from(["mde", "lab", "ns"])
value = st.sampled_from(sorted(VALUES))


class RouterBesideModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.state = PartitionState(0)
        self.vouching: set[tuple[str, str]] = set()
        self.on: set[str] = set()
        self.policy = compile_policy(Policy.of(TENANTS, 0), 0)
        self.targets: dict[tuple[str, bytes], Desired] = {}
        self.time = 0

    @rule(reports=st.lists(st.tuples(source, value, st.sampled_from(Verb), st.booleans()), min_size=1, max_size=8))
    def reports_arrive(self, reports: list[tuple[str, str, Verb, bool]]) -> None:
        unit = Unit(self.state, self.policy, TOPICS, self.time)
        for name, what, verb, edited in reports:
            self.time += 1
            said = Report(
                verb=verb, type=VALUES[what], value=what, first_seen=1, last_seen=1, observed_at=self.time,
                comments="edited" if edited else "",
            )  # fmt: skip
            unit.take(ReportBatch(source=name, poll="p", reports=(said,)), ())
            (self.vouching.add if verb is Verb.UPDATE else self.vouching.discard)((name, what))
        self.send(unit)

    @rule(which=st.sets(st.sampled_from(sorted(SHARINGS))))
    def policy_changes(self, which: set[str]) -> None:
        self.on = which
        wanted = [sharing(name, *SHARINGS[name][:3]) for name in sorted(which)]
        self.policy = compile_policy(Policy.of([*TENANTS, *wanted], self.policy.version + 1), self.time)
        unit = Unit(self.state, self.policy, TOPICS, self.time)
        for key in list(self.state.indicators):
            unit.reevaluate(key)
        self.send(unit)

    @rule(name=source, what=value)
    def a_unit_is_lost_in_a_crash(self, name: str, what: str) -> None:
        said = Report(
            verb=Verb.WITHDRAW, type=VALUES[what], value=what, first_seen=1, last_seen=1, observed_at=self.time
        )
        Unit(self.state, self.policy, TOPICS, self.time).take(ReportBatch(source=name, poll="p", reports=(said,)), ())

    def send(self, unit: Unit) -> None:
        """Commit the unit as Kafka and compaction would."""
        for (topic, _), items in unit.parcel(Progress()).items():
            for item in items:
                if topic == TOPICS.indicators.name:
                    assert item.value
                    self.state.commit({} if item.key == PROGRESS_KEY else {item.key: item.value}, {}, Progress())
                elif item.value is None:
                    self.targets.pop((topic, item.key), None)  # it may have come and gone within one unit
                else:
                    self.targets[topic, item.key] = Desired.decode(item.value)

    @invariant()
    def targets_hold_what_the_sharings_want(self) -> None:
        expected: dict[tuple[str, str, str], set[str]] = {}
        for name in self.on:
            origin, destination, target, types = SHARINGS[name]
            for who, what in self.vouching:
                if who == origin and VALUES[what] in types:
                    key = (destination, str(target["kind"]), indicator_id(VALUES[what], what))
                    expected.setdefault(key, set()).add(name)
        found = {
            (topic.rpartition(".")[2], entry.target.kind, split_key(key.decode())[1]): set(entry.sharings)
            for (topic, key), entry in self.targets.items()
        }
        assert found == expected


RouterBesideModel.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None, derandomize=True)
TestRouterBesideModel = RouterBesideModel.TestCase
