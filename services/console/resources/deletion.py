"""Deletes sharings: withdraws the entries that only they desired, or releases them with `keep`.

A requested withdrawal is no fault, so a verdict is written with it that lets it pass the change guard. A sharing
deleted with `keep` stays in the policy, unlisted, until every partition of the router has read it.
"""

from collections.abc import Iterable, Mapping

from schemas.hold import HoldKind, hold_id
from schemas.progress import Progress
from schemas.record import Millis
from schemas.resources import AnyResource, Reconciliation, Sharing, Verdict
from schemas.resources.base import Metadata
from schemas.resources.verdict import VERDICT_COUNTS_MS, VerdictSpec
from services.console.resources.store import Snapshot, Stored


def confirmations(sharing: Sharing, now: Millis, by: str) -> list[Verdict]:
    """The verdicts that confirm the withdrawal of a sharing's entries."""
    destination = sharing.spec.destination
    kind = HoldKind.TARGET_WOULD_SHRINK
    targets = sharing.spec.target.target_ids()
    return [verdict(destination, target, kind, "confirm", now=now, by=by) for target in targets]


def verdict(connection: str, subject: str, kind: HoldKind, decision: str, *, now: Millis, by: str) -> Verdict:
    """A verdict on a hold, which may not exist yet."""
    return Verdict(
        metadata=Metadata(name=hold_id(connection, subject, kind), created=now),
        spec=VerdictSpec.model_validate(
            {"connection": connection, "subject": subject, "verdict": decision, "at": now, "by": by,
             "until": now + VERDICT_COUNTS_MS}
        ),
    )  # fmt: skip


def ended_with_keep(sharing: Sharing) -> Sharing:
    """The sharing, marked as deleted with `keep`: its entries stay at the vendors."""
    return sharing.model_copy(update={"metadata": sharing.metadata.model_copy(update={"ended": "keep"})})


def expired(on: Snapshot, progress: Mapping[int, Progress | None], now: Millis) -> list[AnyResource]:
    """Resources to delete: kept sharings that every partition has read, and expired verdicts and requests."""
    return [
        found.resource for found in on.stored.values() if _is_read(found, progress.values()) or _is_stale(found, now)
    ]


def _is_read(found: Stored, progress: Iterable[Progress | None]) -> bool:
    if found.resource.metadata.ended is None or found.version is None:
        return False
    return all(known is not None and known.policy_version > found.version for known in progress)


def _is_stale(found: Stored, now: Millis) -> bool:
    resource = found.resource
    return isinstance(resource, Verdict | Reconciliation) and resource.spec.until + VERDICT_COUNTS_MS < now
