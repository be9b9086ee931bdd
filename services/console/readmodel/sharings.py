"""Sharings with the states of their entries, computed from the policy, counts and connection states. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.policy import Policy
from schemas.resources import Sharing
from services.console.queries.states import States, states_of, troubles


def sharing_rows(policy: Policy, counts: Iterable[Mapping[str, Any]], states: States) -> list[dict[str, Any]]:
    """One row for each sharing. Entries skipped by the router count for every sharing that goes to their target.

    A sharing waits if, by `states`, its source cannot be polled or its destination cannot be written to.
    """
    counts = list(counts)
    rows = []
    for name, sharing in sorted(policy.sharings.items()):
        if sharing.metadata.ended is not None:
            continue
        spec, targets = sharing.spec, sharing.spec.target.target_ids()
        found: Counter[tuple[str, str]] = Counter()
        for one in counts:
            here = one["destination"] == spec.destination and one["target"] in targets
            if name in one["sharings"] or (here and one["state"] == "skipped" and not one["sharings"]):
                found[one["state"], one["reason"]] += one["count"]
        why = ["it is not enabled"] if not spec.enabled else []
        why += [misfit.message for misfit in policy.misfits() if (misfit.kind, misfit.name) == ("Sharing", name)]
        rows.append({
            "name": name, "source": spec.source, "rule": spec.rule, "destination": spec.destination,
            "targets": targets, "in_force": not why, "why": why, "waits": _waits(policy, sharing, states),
            "entries": sum(count for (state, _), count in found.items() if state not in ("skipped", "withdrawing")),
            "counts": [
                {"state": state, "reason": reason, "count": count} for (state, reason), count in sorted(found.items())
            ],
        })  # fmt: skip
    return rows


def _waits(policy: Policy, sharing: Sharing, states: States) -> list[str]:
    ends = ((sharing.spec.source, "pull_"), (sharing.spec.destination, "push_"))
    return troubles(
        state
        for name, service in ends
        if (connection := policy.connections.get(name))
        for state in states_of(connection, states)
        if state.service.startswith(service)
    )
