"""Answers of the router and of services as plain data, for JSON output of the command line and the API."""

from typing import Any

from services.console.queries.comparison import Comparison
from services.console.queries.explain import Explanation
from services.console.queries.requests import Answer


def answered(found: Answer) -> dict[str, Any]:
    """The answer to a test, diff or sync."""
    return {
        "examined": found.examined,
        "policy_version": found.policy_version,
        "effects": [tally.model_dump(mode="json", exclude={"v"}) for tally in found.tallies],
        "lines": [line.model_dump(mode="json", exclude={"v"}) for line in found.lines],
        "more_lines": found.more_lines,
        "missing_partitions": list(found.missing),
    }


def compared(found: Comparison) -> dict[str, Any]:
    """The results of a drift check."""
    excluded = {"v", "connection", "request"}
    return {
        "id": found.id,
        "services": list(found.services),
        "answers": [activity.model_dump(mode="json", exclude=excluded) for activity in found.answers],
        "found": [activity.model_dump(mode="json", exclude=excluded) for activity in found.found],
        "missing": list(found.missing),
        "trouble": list(found.why),
    }


def explained(found: Explanation) -> dict[str, Any]:
    """An explanation."""
    return {
        "id": found.id,
        "known": found.indicator is not None,
        "indicator": found.indicator.model_dump(mode="json", exclude_none=True) if found.indicator else None,
        "steps": [step.model_dump(mode="json", exclude_defaults=True) for step in found.steps],
        "presences": [
            {
                "destination": one.destination, "target": one.target, "state": one.state,
                "covers": one.covers,
                **({"reason": one.applied.reason.code, "detail": one.applied.reason.detail}
                   if one.applied and one.applied.reason else {}),
                **({"at": one.applied.at, "remote_id": one.applied.remote_id, "attempts": one.applied.attempts}
                   if one.applied else {}),
            }
            for one in found.presences
        ],
        "holds": [hold.model_dump(mode="json", exclude={"sample"}) for hold in found.holds],
        "missing_partitions": list(found.missing),
    }  # fmt: skip
