"""Progress of one router partition. It is part of the changelog, so it changes together with the state."""

from schemas.record import Record

PROGRESS_KEY = b"\x00progress"
"""The reserved key in `ioc.indicators`. No indicator id begins with a NUL."""


class Progress(Record):
    """Progress of a partition: reports merged, and indicators evaluated for the policy.

    While `reevaluating` is set, indicators up to the key `reevaluated`, in order of keys, are evaluated for that digest
    (`done` of `of`), and the others for `policy_digest`.
    """

    reports_next: int = 0
    """First offset of `ioc.reports` in this partition that is not merged yet."""
    reports_topic: str = ""
    """Topic id of `ioc.reports` that `reports_next` is an offset of; it changes when the topic is re-created."""
    policy_version: int = 0
    """Policy version that all indicators of the partition are evaluated for."""
    policy_digest: str = ""
    """Digest of the parts of that version that matter for indicators; empty during a reevaluation."""
    reevaluating: str | None = None
    """Digest that indicators are being reevaluated for."""
    reevaluated: str = ""
    """Last reevaluated indicator id, in order of keys."""
    done: int = 0
    """Number of reevaluated indicators."""
    of: int = 0
    """Number of indicators to reevaluate."""
