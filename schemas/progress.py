"""How far one partition of the router has come: part of its changelog, so it changes together with the state."""

from schemas.record import Record

PROGRESS_KEY = b"\x00progress"
"""The reserved key in `ioc.indicators`. No indicator id begins with a NUL."""


class Progress(Record):
    """`reports_next` is the first offset of `ioc.reports` not yet merged; `policy_version` what all indicators of the
    partition are evaluated for.
    """

    reports_next: int = 0
    """First offset of the reports of this partition that is not yet merged."""
    policy_version: int = 0
    """Policy version that all indicators of the partition are evaluated for."""
