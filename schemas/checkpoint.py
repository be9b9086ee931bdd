"""How far a puller has read, and what its source listed. Written in one transaction with the reports.

A snapshot is split into chunks, so that a poll rewrites only changed chunks.
"""

from pydantic import Field

from schemas.record import Millis, Record


class IteratorMark(Record):
    """The position of one data-export iterator."""

    epoch: int
    """Where the iterator was first positioned, seconds since the Unix epoch."""
    high_water: int | None = None
    """Time of its latest alert, seconds since the Unix epoch."""
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
    """Number of rows in its listing."""
    iterators: dict[str, IteratorMark] = Field(default_factory=dict)
    """The position of each iterator, by its name."""


class SnapshotChunk(Record):
    """Part of a source's last listing: fingerprints of reports by indicator id."""

    source: str
    """Name of the connection that was read."""
    chunk: int
    """Number of this part."""
    entries: dict[str, str]
    """Fingerprint of the report, by indicator id."""
