"""Rules and guards whose expressions fail for an indicator: counted, and told once for each policy version.

`apply` accepts no expression that can fail; one that an earlier version accepted still can.
"""

from collections.abc import Mapping, Sequence

from schemas.activity import ActivityItem
from schemas.level import Level
from services.runtime.activity import ActivityLog
from services.runtime.observability import metrics

_EXAMPLES = 20


class FailureLog:
    """Tells of the failures of one process."""

    def __init__(self, activity: ActivityLog) -> None:
        self._activity = activity
        self._version = -1
        self._told: set[str] = set()

    def note(self, failing: Mapping[str, Sequence[str]], version: int) -> None:
        """Count what failed under a policy version: by rule ("rule <name>" or "guard <name>"), ids of indicators.

        A newer version begins anew, since it may have mended the rule.
        """
        if version > self._version:
            self._version = version
            self._told.clear()
            metrics.RULE_FAILURES.clear()
        if version < self._version:
            return
        for rule, indicators in failing.items():
            metrics.RULE_FAILURES.labels(rule).inc(len(indicators))
            if rule not in self._told:
                self._told.add(rule)
                self._tell(rule, indicators)

    def _tell(self, rule: str, indicators: Sequence[str]) -> None:
        result = "it keeps them back" if rule.startswith("guard ") else "they are not shared by it"
        self._activity.tell(
            Level.ERROR,
            "rule_failed",
            f"{rule} cannot be evaluated for some indicators, so {result}",
            remedy=f"`ioc-bridge describe {rule}` says which expression can fail and what to write instead",
            items=[ActivityItem(subject=found, reason="rule_failed") for found in indicators[:_EXAMPLES]],
        )
