"""A small world in which scenarios read like sentences: sources report, people change the policy, time passes.

Everything runs through the router's own parts as the worker runs them: units of reports, re-evaluation, alarms.
`at` says what a target holds, `why` what came of each sharing. Times are milliseconds; durations are written like `4h`.
"""

from collections.abc import Iterable, Mapping

from schemas.canonical import Canonical, canonicalise
from schemas.desired import Desired, split_key
from schemas.duration import parse
from schemas.indicator import Indicator
from schemas.policy import Policy
from schemas.progress import Progress
from schemas.report import Report, ReportBatch, Verb
from schemas.request import Effect, Reply, Request, RequestVerb, Step
from schemas.resources import AnyResource, encode_resource, resource, resource_key
from schemas.topics import Topics
from schemas.vendors.defender import DefenderAction
from services.router.engine.background_work import Reevaluation
from services.router.engine.state import PartitionState
from services.router.engine.unit import Unit
from services.router.evaluation.compile import compile_policy
from services.router.queries.answers import Answer

TOPICS = Topics("t", 1)
START = 1_700_000_000_000
DEFENDERS, NETSKOPES = ("mde", "lab"), ("ns", "branch")
URLS = {"kind": "url-list", "name": "urls"}
HASHES = {"kind": "file-hash-list", "name": "hashes"}
BLOCK = {"kind": "defender-action", "action": "Block"}


def ms(duration: str) -> int:
    """Milliseconds of a duration."""
    return int(parse(duration).total_seconds() * 1000)


def connection(name: str, **spec: object) -> AnyResource:
    """A tenant: `mde` and `lab` are Defender's, `ns` and `branch` Netskope's."""
    if name in DEFENDERS:
        vendor: dict[str, object] = {
            "type": "defender", "tenantId": "t", "appId": "a", "appSecret": {"env": "SECRET"}
        }  # fmt: skip
    else:
        token = {"env": "TOKEN"}
        vendor = {"type": "netskope", "tenantUrl": "http://127.0.0.1:1", "v2Token": token, "v1Token": token}
    return resource("Connection", name, {**vendor, **spec})


class World:
    """One router with four tenants, all its guards and rules those that are there from the start."""

    def __init__(self) -> None:
        self.now = START
        self._state = PartitionState(0)
        self._reevaluation = Reevaluation()
        self._resources: dict[str, AnyResource] = {}
        self._version = 0
        self._policy = compile_policy(Policy.of(()), self.now)
        self._targets: dict[tuple[str, str, str], Desired] = {}
        self.written: list[tuple[str, str, str]] = []
        """Destination, target and value of every desired entry written so far, in order."""
        self.apply(*map(connection, (*DEFENDERS, *NETSKOPES)))

    # What people do

    def apply(self, *resources: AnyResource) -> None:
        """Apply resources, and let everything stored be evaluated for them."""
        for given in resources:
            before = self._resources.get(resource_key(given))
            created = before.metadata.created if before else self.now
            metadata = given.metadata.model_copy(update={"created": created})
            self._resources[resource_key(given)] = given.model_copy(update={"metadata": metadata})
        self._adopt()

    def connect(self, name: str, **spec: object) -> None:
        self.apply(connection(name, **spec))

    def rule(self, name: str, match: str = "true", **spec: object) -> None:
        self.apply(resource("Rule", name, {"match": match, **spec}))

    def share(self, name: str, source: str, destination: str, target: object, **spec: object) -> None:
        self.apply(sharing(name, source, destination, target, **spec))

    def guard(self, name: str, **spec: object) -> None:
        self.apply(resource("Guard", name, {"specialAddresses": False, **spec}))

    def merge_by(self, **spec: str) -> None:
        self.apply(resource("Merging", "default", spec))

    def delete(self, *keys: str) -> None:
        """Delete resources by `kind/name`."""
        for key in keys:
            del self._resources[key]
        self._adopt()

    def end(self, *names: str) -> None:
        """Delete sharings but keep what they shared."""
        for name in names:
            found = self._resources[f"sharing/{name}"]
            ended = found.metadata.model_copy(update={"ended": "keep"})
            self._resources[f"sharing/{name}"] = found.model_copy(update={"metadata": ended})
        self._adopt()

    # What sources say

    def report(self, source: str, *values: str, ago: str | None = None, expires_in: str | None = None,
               **more: object) -> None:  # fmt: skip
        """A source says that it holds the values for bad, seen just now or some time `ago`."""
        seen = self.now - (ms(ago) if ago else 0)
        ends = self.now + ms(expires_in) if expires_in else None
        said = {"first_seen": seen, "last_seen": seen, "expires_at": ends, **more}
        self._hear(source, (self._statement(value, Verb.UPDATE, said) for value in values))

    def meets(self, source: str, *values: str, **more: object) -> None:
        """A source says that it met the values."""
        self.report(source, *values, sighting=True, **more)  # type: ignore[arg-type]  # passed through

    def withdraw(self, source: str, *values: str) -> None:
        seen = {"first_seen": self.now, "last_seen": self.now}
        self._hear(source, (self._statement(value, Verb.WITHDRAW, seen) for value in values))

    def wait(self, duration: str) -> None:
        """Let time pass: alarms ring and mutes end, each at its moment."""
        until = self.now + ms(duration)
        while (at := self._next()) is not None and at <= until:
            self.now = max(self.now, at)
            if self._policy.next_change is not None and self._policy.next_change <= self.now:
                self._policy = compile_policy(self._policy.policy, self.now)
                self._reevaluate()
            unit = self._unit()
            for key in list(self._state.alarms.due(self.now, 1_000)):
                unit.reevaluate(key)
            self._commit(unit, self._state.progress)
        self.now = until

    # What became of it

    def at(self, destination: str, target: str | None = None) -> set[str]:
        """The values that a destination, or one target there, should hold."""
        return {
            entry.value for (where, resolved, _), entry in self._targets.items()
            if where == destination and target in (None, resolved) and not entry.released
        }  # fmt: skip

    def actions(self, destination: str = "mde") -> dict[str, str]:
        """By value the action it has in Defender, `!` behind one that alerts."""
        found = {}
        for (where, _, _), entry in self._targets.items():
            if where == destination and isinstance(entry.target, DefenderAction):
                found[entry.value] = entry.target.action + "!" * entry.target.generate_alert
        return found

    def entry(self, destination: str, value: str) -> Desired:
        (found,) = (
            entry for (where, _, _), entry in self._targets.items()
            if where == destination and entry.value == canonicalise(value).value
        )  # fmt: skip
        return found

    def indicator(self, value: str) -> Indicator:
        return Indicator.decode(self._state.indicators[canonicalise(value).id.encode()])

    def skipped(self, value: str) -> dict[str, str]:
        """Why it cannot be where a sharing wants it."""
        return self.indicator(value).skipped

    def why(self, value: str) -> dict[str, Step]:
        """What came of the indicator, by source and sharing: `mde urls`."""
        steps = self.ask(RequestVerb.EXPLAIN, indicator=value).steps
        return {f"{step.source} {step.sharing}": step for step in steps}

    def ask(self, verb: RequestVerb, *, applied: Iterable[AnyResource] = (), deleted: Iterable[str] = (),
            indicator: str | None = None, since: int | None = None, sharing: str | None = None) -> Reply:  # fmt: skip
        """Ask the router as the console does."""
        texts = {resource_key(found): encode_resource(self._dated(found)).decode() for found in applied}
        request = Request(
            id="q", verb=verb, at=self.now, since=since, sharing=sharing, indicator=indicator,
            resources={**texts, **dict.fromkeys(deleted, "")},
        )  # fmt: skip
        answer = Answer(request, self._policy, self.now)
        unit = self._unit()
        keys = [canonicalise(indicator).id.encode()] if indicator else list(self._state.indicators)
        for key in keys:
            stored = Indicator.decode(self._state.indicators[key])
            if answer.concerns(stored):
                answer.examine(stored)
                if verb is RequestVerb.SYNC:
                    answer.sent(stored, unit.resend(key, sharing))
        self._commit(unit, self._state.progress)
        return answer.reply(0, 1)

    # How it works

    def _dated(self, given: AnyResource) -> AnyResource:
        before = self._resources.get(resource_key(given))
        created = before.metadata.created if before else self.now
        return given.model_copy(update={"metadata": given.metadata.model_copy(update={"created": created})})

    def _adopt(self) -> None:
        self._version += 1
        self._policy = compile_policy(Policy.of(self._resources.values(), self._version), self.now)
        self._reevaluate()

    def _reevaluate(self) -> None:
        while self._reevaluation.is_due(self._state, self._policy):
            keys, progress = self._reevaluation.slice(self._state, self._policy)
            unit = self._unit()
            for key in keys:
                unit.reevaluate(key)
            self._commit(unit, progress)

    def _next(self) -> int | None:
        moments = (self._policy.next_change, self._state.alarms.first)
        return min((at for at in moments if at is not None), default=None)

    def _statement(self, value: str, verb: Verb, said: Mapping[str, object]) -> Report:
        found: Canonical = canonicalise(value)
        return Report.model_validate(
            {"verb": verb, "type": found.type, "value": found.value, "observed_at": self.now, **said}, strict=False
        )

    def _hear(self, source: str, reports: Iterable[Report]) -> None:
        unit = self._unit()
        unit.take(ReportBatch(source=source, poll="p", reports=tuple(reports)), ())
        self._commit(unit, self._state.progress)

    def _unit(self) -> Unit:
        return Unit(self._state, self._policy, TOPICS, self.now)

    def _commit(self, unit: Unit, progress: Progress) -> None:
        for (topic, _), items in unit.outgoing(progress).items():
            destination = topic.rpartition(".")[2]
            for item in items if topic != TOPICS.indicators.name else ():
                place = (destination, *split_key(item.key.decode()))
                self.written.append((destination, place[1], place[2].partition(":")[2]))
                if item.value is None:
                    self._targets.pop(place, None)
                else:
                    self._targets[place] = Desired.decode(item.value)
        self._state.commit(unit.changed, unit.moments, progress)


def sharing(name: str, source: str, destination: str, target: object, **spec: object) -> AnyResource:
    return resource(
        "Sharing", name, {"source": source, "destination": destination, "target": target, **spec}
    )  # fmt: skip


def counts(reply: Reply) -> dict[tuple[Effect, str], int]:
    """How many entries have which effect, by effect and reason."""
    found: dict[tuple[Effect, str], int] = {}
    for tally in reply.tallies:
        key = (tally.effect, tally.reason)
        found[key] = found.get(key, 0) + tally.count
    return found
