"""Desired and applied state: what a target should hold, and what its pusher knows it holds.

Both are compacted topics with the same keys, `<target id>/<indicator id>`. A tombstone in desired means "must not be
there", a tombstone in applied "is not there". A pusher works off the difference until there is none.
"""

from enum import StrEnum

from schemas.record import Millis, Reason, Record
from schemas.report import Reputation
from schemas.targets import Target
from schemas.types import IndicatorType, Severity


def entry_key(target_id: str, indicator_id: str) -> str:
    """The key of an entry in both topics. A target id never holds a slash."""
    return f"{target_id}/{indicator_id}"


def split_key(key: str) -> tuple[str, str]:
    """Target id and indicator id of an entry's key."""
    target_id, _, indicator_id = key.partition("/")
    return target_id, indicator_id


class Desired(Record):
    """One entry that a target should hold. `content` changes when the vendor would have to be told something new.

    `resend_at`: whatever was applied before this moment shall be written again. `released`: the entry stays as it is at
    the vendor, and is none of ours from now on.
    """

    target: Target
    type: IndicatorType
    value: str
    severity: Severity
    reputation: Reputation
    comments: str = ""
    tags: tuple[str, ...] = ()
    expires_at: Millis | None = None
    sources: tuple[str, ...]
    sharings: tuple[str, ...]
    content: str
    reported_at: Millis
    resend_at: Millis | None = None
    released: bool = False


class AppliedState(StrEnum):
    """What became of an entry at the vendor."""

    APPLIED = "applied"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    HELD = "held"
    FAILED = "failed"


class Applied(Record):
    """What a pusher knows of one entry. `content` is the desired content this state speaks of.

    `at` is when the vendor last said so, `since` is when the entry came to be there. `confirmed` is the desired content
    that a person let through against a guard, empty for a withdrawal.
    """

    state: AppliedState
    target: Target
    type: IndicatorType
    value: str
    content: str
    remote_id: str | None = None
    reason: Reason | None = None
    reported_at: Millis
    at: Millis
    attempts: int = 1
    since: Millis | None = None
    confirmed: str | None = None
