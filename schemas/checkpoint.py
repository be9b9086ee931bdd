"""How far a puller has come, and what its source looked like then. Written with the reports in one transaction.

A snapshot is split into chunks so that a poll rewrites only what changed.
"""

from pydantic import Field

from schemas.record import Millis, Record


class IteratorMark(Record):
    """Where one data-export iterator stands. `epoch` is where it was first positioned, in seconds."""

    epoch: int
    """Where the iterator was first positioned, seconds since the Unix epoch."""
    high_water: int | None = None
    """Time of the latest alert it has given, seconds since the Unix epoch."""
    pages: int = 0
    """Pages read from it."""


class Checkpoint(Record):
    """The end of a source's last completed poll."""

    source: str
    """Name of the connection that was read."""
    poll: str
    """Id of the last completed poll."""
    at: Millis
    """When that poll ended."""
    listed: int = 0
    """Rows its listing had."""
    iterators: dict[str, IteratorMark] = Field(default_factory=dict)
    """Where each iterator stands, by its name."""


class SnapshotChunk(Record):
    """Part of a source's last listing: indicator id to fingerprint of what was reported."""

    source: str
    """Name of the connection that was read."""
    chunk: int
    """Number of this part."""
    entries: dict[str, str]
    """Fingerprint of what was reported, by indicator id."""
