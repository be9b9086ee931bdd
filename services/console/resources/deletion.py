"""How a sharing ends: what only it wanted is withdrawn, or released with `keep`; and what is left of it is swept later.

A withdrawal that somebody asked for is no fault, so its verdict goes with it and the shrink guard lets it through. A
sharing that ends with `keep` stays in the policy, unlisted, until every partition of the router has been told.
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
    """The verdicts that let the withdrawal of what a sharing wanted through."""
    destination = sharing.spec.destination
    kind = HoldKind.TARGET_WOULD_SHRINK
    targets = sharing.spec.target.target_ids()
    return [verdict(destination, target, kind, "confirm", now=now, by=by) for target in targets]


def verdict(connection: str, subject: str, kind: HoldKind, said: str, *, now: Millis, by: str) -> Verdict:
    """What a person says of a hold, be it there already or not."""
    return Verdict(
        metadata=Metadata(name=hold_id(connection, subject, kind), created=now),
        spec=VerdictSpec.model_validate(
            {"connection": connection, "subject": subject, "verdict": said, "at": now, "by": by,
             "until": now + VERDICT_COUNTS_MS}
        ),
    )  # fmt: skip


def kept(sharing: Sharing) -> Sharing:
    """A sharing that has ended, and whose entries stay where they are."""
    return sharing.model_copy(update={"metadata": sharing.metadata.model_copy(update={"ended": "keep"})})


def over(on: Snapshot, progress: Mapping[int, Progress | None], now: Millis) -> list[AnyResource]:
    """What has served its purpose: ended sharings that every partition was told of, and words that count no more."""
    return [
        found.resource for found in on.stored.values() if _is_told(found, progress.values()) or _is_stale(found, now)
    ]


def _is_told(found: Stored, progress: Iterable[Progress | None]) -> bool:
    if found.resource.metadata.ended is None or found.version is None:
        return False
    return all(known is not None and known.policy_version > found.version for known in progress)


def _is_stale(found: Stored, now: Millis) -> bool:
    resource = found.resource
    return isinstance(resource, Verdict | Reconciliation) and resource.spec.until + VERDICT_COUNTS_MS < now
