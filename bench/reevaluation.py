"""Stored indicators evaluated for a new policy per second, with rules in CEL and with hand-written Python in place."""

import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from rich.console import Console

from bench.result import Figure, at_least
from bench.rules import SEVERITIES, SOURCE, TAGS, Closures, resources, wanted
from schemas.canonical import Refused, canonicalise
from schemas.policy import Policy
from schemas.report import MAX_REPORTS, Report, ReportBatch, Verb
from schemas.topics import Topics
from services.router.__main__ import THRESHOLD
from services.router.engine.background_work import Reevaluation
from services.router.engine.state import PartitionState
from services.router.engine.unit import Unit
from services.router.evaluation.compile import CompiledPolicy, compile_policy
from services.runtime.clock import now_ms
from services.sandbox.demo.seed import sample

INDICATORS = 300_000
_TOPICS = Topics("bench", 1)


@dataclass(slots=True)
class _Way:
    """One way of evaluating, with a state of its own."""

    state: PartitionState
    policy: CompiledPolicy
    now: int
    reevaluation: Reevaluation = field(default_factory=Reevaluation)
    seconds: float = 0.0
    changes: int = 0

    def slice(self) -> bool:
        """One slice, as the worker does it but for Kafka. Returns whether there is more to do."""
        began = time.process_time()
        keys, progress = self.reevaluation.slice(self.state, self.policy)
        unit = Unit(self.state, self.policy, _TOPICS, self.now)
        for key in keys:
            unit.reevaluate(key)
        unit.outgoing(progress)
        self.state.commit(unit.changed, unit.moments, progress)
        self.seconds += time.process_time() - began
        self.changes += unit.verbs.total()
        return self.reevaluation.is_due(self.state, self.policy)


def run(console: Console, indicators: int = INDICATORS) -> list[Figure]:
    """indicators/s of one process for a policy of 50 rules and 20 sharings of the source; both ways by turns"""
    gc.set_threshold(*THRESHOLD)
    before, after = (compile_policy(Policy.of(resources(number), number), now_ms()) for number in (1, 2))
    with console.status(f"storing {indicators:,} indicators"):
        stored = _stored(before, indicators)
    now = now_ms()
    cel, closures = (
        _Way(PartitionState(0, dict(stored.indicators), stored.progress), policy, now)
        for policy in (after, _by_closures(after))
    )
    with console.status("evaluating for a new policy"):
        while all([cel.slice(), closures.slice()]):
            pass
    if cel.state.indicators != closures.state.indicators:
        raise AssertionError("the two ways disagree")
    rates = {"CEL": indicators / cel.seconds, "Python closures": indicators / closures.seconds}
    return [
        *(Figure(f"re-evaluation {name}", rate, "indicators/s") for name, rate in rates.items()),
        Figure("re-evaluation entries changed", cel.changes, "entries"),
        at_least("re-evaluation CEL / closures", rates["CEL"] / rates["Python closures"], "×", 0.5),
    ]


def _by_closures(policy: CompiledPolicy) -> CompiledPolicy:
    """The same policy with Python in the place of CEL: by source just those rules, as there."""
    rules = wanted(policy.version)
    by_source = {
        source: Closures({route.rule: rules[route.rule] for route in found}) for source, found in policy.routes.items()
    }
    return replace(policy, rules=by_source)  # type: ignore[arg-type]  # of the same call shape


def _stored(policy: CompiledPolicy, indicators: int) -> PartitionState:
    """A partition in which so many indicators were reported and evaluated."""
    state = PartitionState(0)
    reevaluation = Reevaluation()
    _, progress = reevaluation.slice(state, policy)
    state.commit({}, {}, progress)
    batch: list[Report] = []
    for report in _reports(indicators):
        batch.append(report)
        if len(batch) == MAX_REPORTS or report.external_id == str(indicators - 1):
            unit = Unit(state, policy, _TOPICS, now_ms())
            unit.take(ReportBatch(source=SOURCE, poll="bench", reports=tuple(batch)), ())
            state.commit(unit.changed, unit.moments, state.progress)
            batch = []
    return state


def _reports(indicators: int) -> Iterator[Report]:
    """Reports about real published values, each with more of its kind made from it, and varied statements."""
    now = now_ms()
    for number, (kind, value) in enumerate(_values(indicators)):
        yield Report.model_validate({
            "verb": Verb.UPDATE, "type": kind, "value": value, "observed_at": now, "first_seen": now - number,
            "last_seen": now, "severity": SEVERITIES[number % 6], "reputation": 1 + number * 7 % 10,
            "tags": tuple(TAGS[at % len(TAGS)] for at in range(number, number + number % 4)),
            "comments": f"campaign {number % 97}", "external_id": str(number),
        })  # fmt: skip


def _values(indicators: int) -> Iterator[tuple[object, str]]:
    seen: set[str] = set()
    texts = sample()
    for round_ in range(indicators):
        for text in texts:
            try:
                found = canonicalise(_another(text, round_))
            except Refused:
                continue
            if found.value not in seen:
                seen.add(found.value)
                yield found.type, found.value
                if len(seen) == indicators:
                    return


def _another(text: str, round_: int) -> str:
    """A value of the same kind as the text: itself in the first round."""
    if round_ == 0:
        return text
    if set(text) <= set("0123456789abcdefABCDEF"):
        return f"{round_:08x}{text[8:]}"
    scheme, separator, rest = text.rpartition("://")
    return f"{scheme}{separator}r{round_}.{rest}"
