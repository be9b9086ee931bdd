"""How far a puller has come, and what its source looked like then. Written with the reports in one transaction.

A snapshot is split into chunks so that a poll rewrites only what changed.
"""

from pydantic import Field

from schemas.record import Millis, Record


class IteratorMark(Record):
    """Where one data-export iterator stands. `epoch` is where it was first positioned, in seconds."""

    epoch: int
    high_water: int | None = None
    pages: int = 0


class Checkpoint(Record):
    """The end of a source's last completed poll."""

    source: str
    poll: str
    at: Millis
    listed: int = 0
    iterators: dict[str, IteratorMark] = Field(default_factory=dict)


class SnapshotChunk(Record):
    """Part of a source's last listing: indicator id to fingerprint of what was reported."""

    source: str
    chunk: int
    entries: dict[str, str]
