"""How far one partition of the router has come: part of its changelog, so it changes together with the state."""

from schemas.record import Record

PROGRESS_KEY = b"\x00progress"
"""The reserved key in `ioc.indicators`. No indicator id begins with a NUL."""


class Progress(Record):
    """How far a partition has come. `reports_next` is the first offset of `ioc.reports` not yet merged.

    `policy_version` is what all indicators of the partition are evaluated for, and `policy_digest` says what that means
    for them. While they are evaluated for another meaning, `reevaluating`, those up to the key `reevaluated` are, in
    order of keys: `done` of `of`.
    """

    reports_next: int = 0
    """First offset of the reports of this partition that is not yet merged."""
    policy_version: int = 0
    """Policy version that all indicators of the partition are evaluated for."""
    policy_digest: str = ""
    """What that version means for indicators; empty while they are evaluated for another."""
    reevaluating: str | None = None
    """The meaning they are being evaluated for."""
    reevaluated: str = ""
    """The last indicator id, in order, that is done."""
    done: int = 0
    """How many are done."""
    of: int = 0
    """How many there are to do."""
