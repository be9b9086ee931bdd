"""What pullers say: one source's statements about indicators, up to 500 of one poll and one partition in a record.

Only two verbs travel. A repeat of a report changes nothing, so a page may be reported twice but never lost.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.record import Millis, Record
from schemas.types import IndicatorType, Severity

MAX_REPORTS = 500

Reputation = Annotated[int, Field(ge=1, le=10, description="1 harmless … 10 certainly malicious")]


class Verb(StrEnum):
    """What a source says of an indicator."""

    UPDATE = "update"
    WITHDRAW = "withdraw"


class Statement(Record):
    """What one source holds true of an indicator; the part of a report that the merged indicator keeps."""

    first_seen: Millis
    last_seen: Millis
    severity: Severity = Severity.UNKNOWN
    reputation: Reputation = 5
    comments: str = ""
    tags: tuple[str, ...] = ()
    link: str | None = None
    external_id: str | None = None
    expires_at: Millis | None = None


class Report(Statement):
    """One statement, with the indicator it is about. `observed_at` is when the puller learnt it.

    A `sighting` tells that something was met, not that the source holds it for bad by itself: where we put the
    indicator there ourselves, it is an echo of what we did.
    """

    verb: Verb
    type: IndicatorType
    value: str
    observed_at: Millis
    sighting: bool = False


class ReportBatch(Record):
    """Reports of one poll of one source that belong to one partition."""

    source: str
    poll: str
    reports: Annotated[tuple[Report, ...], Field(min_length=1, max_length=MAX_REPORTS)]
