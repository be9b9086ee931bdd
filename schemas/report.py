"""What pullers say: one source's statements about indicators, up to 500 of one poll and one partition in a record.

Only two verbs travel. A repeat of a report changes nothing, so a page may be reported twice but never lost.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.record import Millis, Record
from schemas.types import IndicatorType, Severity

MAX_REPORTS = 500
REPLAYED = "replayed"
"""Header of a record that was a dead letter and is produced again: it does not undo what its source stated since."""

Reputation = Annotated[int, Field(ge=1, le=10, description="1 harmless … 10 certainly malicious")]


class Verb(StrEnum):
    """What a source says of an indicator."""

    UPDATE = "update"
    WITHDRAW = "withdraw"


class Statement(Record):
    """What one source holds true of an indicator; the part of a report that the merged indicator keeps."""

    first_seen: Millis
    """When the source first saw it."""
    last_seen: Millis
    """When the source last saw it."""
    severity: Severity = Severity.UNKNOWN
    """How bad the source says it is."""
    reputation: Reputation = 5
    comments: str = ""
    """What the source says about it."""
    tags: tuple[str, ...] = ()
    """Labels the source gives it."""
    link: str | None = None
    """Where to read more at the source."""
    external_id: str | None = None
    """The source's own id of it."""
    expires_at: Millis | None = None
    """When the source lets it expire; absent means never."""


class Report(Statement):
    """One statement, with the indicator it is about. `observed_at` is when the puller learnt it.

    A `sighting` tells that something was met, not that the source holds it for bad by itself: where we put the
    indicator there ourselves, it is an echo of what we did.
    """

    verb: Verb
    """Whether the source states or takes back."""
    type: IndicatorType
    """Type of the indicator."""
    value: str
    """Canonical value of the indicator."""
    observed_at: Millis
    """When the puller learnt it."""
    sighting: bool = False
    """Whether it was only met, so that it may be an echo of what we put there."""


class ReportBatch(Record):
    """Reports of one poll of one source that belong to one partition."""

    source: str
    """Name of the connection that was read."""
    poll: str
    """Id of the poll: that of its trace."""
    reports: Annotated[tuple[Report, ...], Field(min_length=1, max_length=MAX_REPORTS)]
    """What the source says, in order."""
