"""The router's units of work beside a naive model: random sources, rules, sharings, reports, times and crashes.

The model knows what was said and works out anew what each target should hold; the router knows only its own state.
"""

from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from schemas.canonical import indicator_id
from schemas.desired import Desired, split_key
from schemas.moment import LAST
from schemas.policy import Policy
from schemas.progress import PROGRESS_KEY, Progress
from schemas.report import Report, ReportBatch, Verb
from schemas.resources import AnyResource, resource
from schemas.topics import Topics
from schemas.types import IndicatorType, Severity
from services.router.engine.background_work import Reevaluation
from services.router.engine.state import PartitionState
from services.router.engine.unit import Unit
from services.router.evaluation.compile import compile_policy
from services.router.evaluation.merge import ECHO_MS
from tests.unit.router_model import DAY, HOUR, Model, Said, Share

TOPICS = Topics("t", 1)
VALUES = {
    "evil.example": IndicatorType.DOMAIN,
    "203.0.113.9": IndicatorType.IPV4,
    "2001:db8::9": IndicatorType.IPV6,
    "a" * 32: IndicatorType.MD5,
    "b" * 40: IndicatorType.SHA1,
}
AGING = {"mde": 3 * DAY, "lab": None, "ns": 5 * DAY}
ROUTES = {
    "mde-urls": ("mde", "ns", "url-list:u"),
    "lab-urls": ("lab", "ns", "url-list:u"),
    "mde-hashes": ("mde", "ns", "file-hash-list:h"),
    "ns-block": ("ns", "mde", "defender-action:Block"),
    "ns-lab": ("ns", "lab", "defender-action:Block"),
}
START = 1_700_000_000_000

source = st.sampled_from(sorted(AGING))
value = st.sampled_from(sorted(VALUES))
severity = st.sampled_from([Severity.LOW, Severity.MEDIUM, Severity.HIGH])
tags = st.sampled_from([(), ("keep",), ("phish", "keep")])
shares = st.fixed_dictionaries(
    {
        name: st.none()
        | st.fixed_dictionaries(
            {
                "backfill": st.sampled_from(["all", "none", "1d"]),
                "least": st.sampled_from([Severity.UNKNOWN, Severity.MEDIUM, Severity.HIGH]),
                "except_tag": st.sampled_from(["", "keep"]),
                "muted_days": st.sampled_from([0, 0, 1]),
            }
        )
        for name in ROUTES
    }
)


def _connection(name: str) -> AnyResource:
    aging = AGING[name]
    spec: dict[str, object] = {"type": "defender", "tenantId": "t", "appId": "a", "appSecret": {"env": "S"}}
    if name == "ns":
        spec = {"type": "netskope", "tenantUrl": "http://127.0.0.1:1", "v2Token": {"env": "T"}, "v1Token": {"env": "T"}}
    return resource("Connection", name, {**spec, "aging": "never" if aging is None else f"{aging // DAY}d"})


def _target(target: str) -> dict[str, object]:
    kind, _, name = target.partition(":")
    return {"kind": kind, "action": name} if kind == "defender-action" else {"kind": kind, "name": name}


class RouterBesideModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.state = PartitionState(0)
        self.model = Model(VALUES, dict(AGING))
        self.now = START
        self.version = 0
        self.policy = compile_policy(Policy.of(map(_connection, AGING)), self.now)
        self.reevaluation = Reevaluation()
        self.targets: dict[tuple[str, bytes], Desired] = {}
        self.catch_up()

    @rule(
        name=source,
        what=value,
        how=severity,
        tagged=tags,
        ago=st.sampled_from([0, 0, 0, 1, 30, -5, -24 * 365 * 80]),
        days=st.sampled_from([None, None, 0, 2, 365 * 8_000]),
    )
    def a_report_arrives(
        self, *, name: str, what: str, how: Severity, tagged: tuple[str, ...], ago: int, days: int | None
    ) -> None:
        """A source states something: of the past, of now, or with a clock that is ahead."""
        seen = self.now - ago * HOUR
        ends = None if days is None else min(self.now + days * DAY, LAST)
        said = Report(
            verb=Verb.UPDATE, type=VALUES[what], value=what, first_seen=seen, last_seen=seen, observed_at=self.now,
            severity=how, tags=tagged, expires_at=ends, sighting=name == "ns",
        )  # fmt: skip
        self.route(name, said)
        seen = min(seen, self.now)
        before = self.model.said.setdefault(what, {}).get(name)
        if before and name == "ns" and seen < before.last_seen:
            before.first_seen = min(before.first_seen, seen)
            return
        since, until = self.model.stays.get((name, indicator_id(VALUES[what], what)), (None, None))
        spoke = before is not None and not before.echo and not before.withdrawn
        echo = name == "ns" and not spoke and since is not None and seen >= since
        echo = echo and (until is None or seen <= until + ECHO_MS)
        first = min(seen, before.first_seen) if before else seen
        last = max(seen, before.last_seen) if before else seen
        new = Said(how, tagged, first, last, self.now, ends, echo=echo)
        if before and not before.withdrawn and new == Said(**{**vars(before), "observed_at": self.now}):
            return  # a repeat is no news
        self.model.said[what][name] = new

    @rule(name=source, what=value)
    def a_source_withdraws(self, name: str, what: str) -> None:
        said = Report(
            verb=Verb.WITHDRAW, type=VALUES[what], value=what, first_seen=self.now, last_seen=self.now,
            observed_at=self.now,
        )  # fmt: skip
        self.route(name, said)
        if (found := self.model.said.get(what, {}).get(name)) and not found.withdrawn:
            found.withdrawn, found.observed_at = True, self.now

    @rule(name=source, what=value, how=severity, withdraws=st.booleans(), ago=st.sampled_from([0, 1, 30, 200]))
    def a_dead_letter_is_replayed(self, *, name: str, what: str, how: Severity, withdraws: bool, ago: int) -> None:
        """What a source said some time ago, and nobody could read then."""
        then = self.now - ago * HOUR
        said = Report(
            verb=Verb.WITHDRAW if withdraws else Verb.UPDATE, type=VALUES[what], value=what, first_seen=then,
            last_seen=then, observed_at=then, severity=how,
        )  # fmt: skip
        self.route(name, said, is_replay=True)
        before = self.model.said.setdefault(what, {}).get(name)
        if before and then < before.observed_at:
            return
        if withdraws:
            if before and not before.withdrawn:
                before.withdrawn, before.observed_at = True, then
            return
        new = Said(how, (), min(then, before.first_seen) if before else then, then, then)
        if before:
            new.last_seen = max(then, before.last_seen)
        same = Said(**{**vars(before), "observed_at": then}) if before else None
        if new != same:
            self.model.said[what][name] = new

    @rule(which=shares, choice=st.sampled_from(["newest", "oldest", "highest_severity"]), allowed=st.none() | value)
    def the_policy_changes(self, which: dict[str, dict[str, object] | None], choice: str, allowed: str | None) -> None:
        self.version += 1
        guard = resource("Guard", "own", {"allow": {"values": [allowed or "x.example"]}})
        resources = [*map(_connection, AGING), guard]
        merging = dict.fromkeys(("severity", "reputation", "tags"), choice)
        resources.append(resource("Merging", "default", dict(merging)))
        kept = self.model.shares
        self.model.shares, self.model.choice = {}, choice
        self.model.allowed = {allowed} if allowed else set()
        for name, options in which.items():
            if options is not None:
                origin, destination, target = ROUTES[name]
                created = kept[name].created if name in kept else self.now
                muted = int(str(options["muted_days"]))
                share = Share(
                    origin, destination, target, created, str(options["backfill"]), Severity(str(options["least"])),
                    str(options["except_tag"]), self.now + muted * DAY if muted else 0,
                )  # fmt: skip
                self.model.shares[name] = share
                resources += [_rule(name, share), _sharing(name, share)]
        self.resources = resources
        policy = Policy.of(resources, self.version)
        assert policy.misfits() == []
        self.policy = compile_policy(policy, self.now)
        self.catch_up()

    @rule(hours=st.sampled_from([1, 7, 24, 60, 100]))
    def time_passes(self, hours: int) -> None:
        """Hour by hour, as alarms ring and mutes end."""
        for _ in range(hours):
            self.now += HOUR
            if self.policy.next_change is not None and self.policy.next_change <= self.now:
                self.policy = compile_policy(self.policy.policy, self.now)
            self.catch_up()
            unit = self.unit()
            for key in list(self.state.alarms.due(self.now, 1_000)):
                unit.reevaluate(key)
            self.send(unit, self.state.progress)
            self.model.settle(self.now)

    @rule(name=source, what=value)
    def a_unit_is_lost_in_a_crash(self, name: str, what: str) -> None:
        said = Report(
            verb=Verb.WITHDRAW, type=VALUES[what], value=what, first_seen=1, last_seen=1, observed_at=self.now
        )
        self.unit().take(ReportBatch(source=name, poll="p", reports=(said,)), ())

    @precondition(lambda self: len(self.state.indicators) > 1)
    @rule()
    def another_process_takes_over(self) -> None:
        stored = dict(self.state.indicators)
        self.state = PartitionState(0, stored, self.state.progress)
        self.reevaluation = Reevaluation()
        self.state.begin_priming()
        while self.state.prime(2):
            pass

    def route(self, name: str, said: Report, *, is_replay: bool = False) -> None:
        unit = self.unit()
        unit.take(ReportBatch(source=name, poll="p", reports=(said,)), (), is_replay=is_replay)
        self.send(unit, self.state.progress)

    def catch_up(self) -> None:
        while self.reevaluation.is_due(self.state, self.policy):
            keys, progress = self.reevaluation.slice(self.state, self.policy)
            unit = self.unit()
            for key in keys:
                unit.reevaluate(key)
            self.send(unit, progress)

    def unit(self) -> Unit:
        return Unit(self.state, self.policy, TOPICS, self.now)

    def send(self, unit: Unit, progress: Progress) -> None:
        """Commit the unit as Kafka and compaction would."""
        for (topic, _), items in unit.outgoing(progress).items():
            for item in items:
                if topic == TOPICS.indicators.name:
                    assert item.key == PROGRESS_KEY or item.key in unit.changed
                elif item.value is None:
                    self.targets.pop((topic, item.key), None)  # it may have come and gone within one unit
                else:
                    self.targets[topic, item.key] = Desired.decode(item.value)
        self.state.commit(unit.changed, unit.moments, progress)

    @invariant()
    def targets_hold_what_the_sharings_want(self) -> None:
        self.model.settle(self.now)
        found = {
            (topic.rpartition(".")[2], *split_key(key.decode())): set(entry.sharings)
            for (topic, key), entry in self.targets.items()
        }
        assert found == self.model.wanted(self.now)


def _rule(name: str, share: Share) -> AnyResource:
    severities = ", ".join(f'"{found}"' for found in list(Severity)[list(Severity).index(share.least) :])
    spec: dict[str, object] = {"match": f"ioc.severity in [{severities}]"}
    if share.except_tag:
        spec["exceptions"] = [{"tags": [share.except_tag]}]
    if share.muted_until:
        spec["mute"] = {"until": datetime.fromtimestamp(share.muted_until / 1000, UTC)}
    return resource("Rule", name, spec)


def _sharing(name: str, share: Share) -> AnyResource:
    spec: dict[str, object] = {
        "source": share.source, "destination": share.destination, "rule": name, "target": _target(share.target),
        "backfill": share.backfill,
    }  # fmt: skip
    return resource("Sharing", name, spec, created=share.created)


TestRouterBesideModel = RouterBesideModel.TestCase
TestRouterBesideModel.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
