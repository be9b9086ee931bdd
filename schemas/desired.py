"""Desired and applied state: what a target should hold, and what its pusher knows it holds.

Both are compacted topics with the same keys, `<target id>/<indicator id>`. A tombstone in desired means "must not be
there", a tombstone in applied "is not there". A pusher works off the difference until there is none.
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


RELEASED = Reason(code="released", detail="stays as it is at the vendor, and is none of ours any more")
"""Why an entry is there that nobody desires."""


class Desired(Record):
    """One entry that a target should hold. `content` changes when the vendor would have to be told something new.

    `resend_at`: whatever was applied before this moment shall be written again. `released`: the entry stays as it is at
    the vendor, and is none of ours from now on.
    """

    target: AnyTarget
    """Where at the destination it should be, with what its pusher needs to know."""
    type: IndicatorType
    """Type of the indicator."""
    value: str
    """Canonical value of the indicator."""
    severity: Severity
    """Merged severity."""
    reputation: Reputation
    """Merged reputation."""
    comments: str = ""
    """Comments to be shown at the vendor."""
    tags: tuple[str, ...] = ()
    """Labels of all sources that vouch."""
    expires_at: Millis | None = None
    """When it should go by itself; absent means never."""
    sources: tuple[str, ...]
    """Connections that vouch for it."""
    sharings: tuple[str, ...]
    """Sharings that want it here."""
    content: str
    """Hash of what the vendor is told; changes when that does."""
    reported_at: Millis
    """When the report behind the last change was observed."""
    resend_at: Millis | None = None
    """Whatever was applied before this moment shall be written again."""
    released: bool = False
    """The entry stays as it is at the vendor, and is none of ours from now on."""


class AppliedState(StrEnum):
    """What became of an entry at the vendor."""

    APPLIED = "applied"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    HELD = "held"
    FAILED = "failed"


class Applied(Record):
    """What a pusher knows of one entry."""

    state: AppliedState
    """What became of it."""
    target: AnyTarget
    """Where at the destination it is, or should have been."""
    type: IndicatorType
    """Type of the indicator."""
    value: str
    """Canonical value of the indicator."""
    content: str
    """Hash of the desired content that this state speaks of."""
    remote_id: str | None = None
    """The vendor's own id of it."""
    reason: Reason | None = None
    """Why it is not applied."""
    reported_at: Millis
    """When the report behind it was observed."""
    at: Millis
    """When the vendor last said so, or when else this became known."""
    attempts: int = 1
    """How often it was tried with this content."""
    since: Millis | None = None
    """When it came to be there."""
    confirmed: str | None = None
    """The desired content (empty: its withdrawal) that a person let through against a guard."""
