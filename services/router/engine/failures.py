"""Rules and guards whose expressions fail for an indicator: counted, and reported once per policy version.

`apply` refuses expressions that can fail; one that an earlier release accepted still can.
"""

from collections.abc import Iterable, Mapping, Sequence

from schemas.activity import ActivityItem
from schemas.level import Level
from services.runtime.activity import ActivityLog
from services.runtime.observability import metrics

_EXAMPLES = 20


class FailureLog:
    """Reports the rule failures of one process."""

    def __init__(self, activity: ActivityLog) -> None:
        self._activity = activity
        self._version = -1
        self._reported: set[str] = set()
        self._rules: list[str] = []

    def expect(self, rules: Iterable[str]) -> None:
        """Start the gauges of these rules at 0, so that the first failure is an increase."""
        self._rules = [f"rule {rule}" for rule in rules]
        self._start_at_zero()

    def note(self, failing: Mapping[str, Sequence[str]], version: int) -> None:
        """Count failures under a policy version: indicator ids by "rule <name>" or "guard <name>".

        A newer version starts again from 0, since it may have repaired the rule.
        """
        if version > self._version:
            self._version = version
            self._reported.clear()
            metrics.RULE_FAILURES.clear()
            self._start_at_zero()
        if version < self._version:
            return
        for rule, indicators in failing.items():
            metrics.RULE_FAILURES.labels(rule).inc(len(indicators))
            if rule not in self._reported:
                self._reported.add(rule)
                self._report(rule, indicators)

    def _start_at_zero(self) -> None:
        for rule in self._rules:
            metrics.RULE_FAILURES.labels(rule)

    def _report(self, rule: str, indicators: Sequence[str]) -> None:
        result = "it blocks them" if rule.startswith("guard ") else "its sharings do not send them"
        self._activity.tell(
            Level.ERROR,
            "rule_failed",
            f"{rule} cannot be evaluated for some indicators, so {result}",
            remedy=f"run `ioc-bridge describe {rule}`: it shows which expression can fail and what to write instead",
            items=[ActivityItem(subject=found, reason="rule_failed") for found in indicators[:_EXAMPLES]],
        )
