"""Reports: one source's statements about indicators, up to 500 of one poll and one partition in a record.

There are only two verbs. Repeating a report changes nothing, so a page may be reported twice but is never lost.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.record import Millis, Record
from schemas.types import IndicatorType, Severity

MAX_REPORTS = 500
REPLAYED = "replayed"
"""Header of a replayed dead letter: it does not override later statements of its source."""

Reputation = Annotated[int, Field(ge=1, le=10, description="1 harmless … 10 certainly malicious")]


class Verb(StrEnum):
    """Whether a source states or withdraws an indicator."""

    UPDATE = "update"
    WITHDRAW = "withdraw"


class Statement(Record):
    """One source's statement about an indicator: the part of a report that the merged indicator keeps."""

    first_seen: Millis
    """When the source first saw it."""
    last_seen: Millis
    """When the source last saw it."""
    severity: Severity = Severity.UNKNOWN
    """Severity at the source."""
    reputation: Reputation = 5
    comments: str = ""
    """Comments of the source."""
    tags: tuple[str, ...] = ()
    """Tags of the source."""
    link: str | None = None
    """Where to read more at the source."""
    external_id: str | None = None
    """The source's own id of it."""
    expires_at: Millis | None = None
    """When it expires at the source; absent means never."""


class Report(Statement):
    """A statement with its indicator.

    A `sighting` only says that the source saw the indicator. If we wrote the indicator to that source, it is an echo of
    our own entry.
    """

    verb: Verb
    """Whether the source states or withdraws it."""
    type: IndicatorType
    """Type of the indicator."""
    value: str
    """Canonical value of the indicator."""
    observed_at: Millis
    """When the puller read it."""
    sighting: bool = False
    """Whether the source only saw it, so that it may be an echo of our own entry."""


class ReportBatch(Record):
    """Reports of one poll of one source that belong to one partition."""

    source: str
    """Name of the connection that was read."""
    poll: str
    """Id of the poll: that of its trace."""
    reports: Annotated[tuple[Report, ...], Field(min_length=1, max_length=MAX_REPORTS)]
    """The source's reports, in order."""
