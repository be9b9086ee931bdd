"""Desired and applied state: what a target should hold, and what its pusher knows it to hold.

Both are compacted topics with the same keys, `<target id>/<indicator id>`. A tombstone in desired means "must not be
there", a tombstone in applied "is not there". A pusher works off the difference.
"""

from enum import StrEnum

from schemas.record import Millis, Reason, Record
from schemas.report import Reputation
from schemas.types import IndicatorType, Severity
from schemas.vendors.registry import AnyTarget


def entry_key(target_id: str, indicator_id: str) -> str:
    """The key of an entry in both topics. A target id never holds a slash."""
    return f"{target_id}/{indicator_id}"


def split_key(key: str) -> tuple[str, str]:
    """Target id and indicator id of an entry's key."""
    target_id, _, indicator_id = key.partition("/")
    return target_id, indicator_id


RELEASED = Reason(code="released", detail="stays at the vendor and is not ours any more")
"""Reason of an entry that stays at the vendor although nothing desires it."""


class Desired(Record):
    """One entry that a target should hold. `content` changes when the payload for the vendor changes."""

    target: AnyTarget
    """The target, with the parameters that its pusher needs."""
    type: IndicatorType
    """Type of the indicator."""
    value: str
    """Canonical value of the indicator."""
    severity: Severity
    """Merged severity."""
    reputation: Reputation
    """Merged reputation."""
    comments: str = ""
    """Merged comments."""
    tags: tuple[str, ...] = ()
    """Merged tags."""
    expires_at: Millis | None = None
    """When it expires; absent means never."""
    sources: tuple[str, ...]
    """Connections that assert it."""
    sharings: tuple[str, ...]
    """Sharings that desire it here."""
    content: str
    """Hash of the payload for the vendor."""
    reported_at: Millis
    """When the report behind the last change was observed."""
    resend_at: Millis | None = None
    """An entry applied before this moment is written again."""
    released: bool = False
    """The entry stays at the vendor and is not ours any more."""


class AppliedState(StrEnum):
    """State of an entry at the vendor."""

    APPLIED = "applied"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    HELD = "held"
    FAILED = "failed"


class Applied(Record):
    """The state of one entry at the vendor, as its pusher knows it."""

    state: AppliedState
    """State at the vendor."""
    target: AnyTarget
    """The target."""
    type: IndicatorType
    """Type of the indicator."""
    value: str
    """Canonical value of the indicator."""
    content: str
    """Hash of the desired content that this state is about."""
    remote_id: str | None = None
    """The vendor's own id of the entry."""
    reason: Reason | None = None
    """Why it is not applied."""
    reported_at: Millis
    """When the report behind it was observed."""
    at: Millis
    """When the vendor last answered, or when the state became known otherwise."""
    attempts: int = 1
    """Number of attempts with this content."""
    since: Millis | None = None
    """When it was first applied."""
    confirmed: str | None = None
    """The desired content (empty: the withdrawal) that a person confirmed against a guard."""
