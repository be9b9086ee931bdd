"""Activity: skips, holds, rejections, faults and milestones that services report to people."""

from typing import Annotated

from pydantic import Field

from schemas.level import Level
from schemas.record import Millis, Record

MAX_ITEMS = 500


class ActivityItem(Record):
    """One subject of an activity, with the reason."""

    subject: str
    """The subject: an indicator id, a row, a list."""
    reason: str
    """Stable code, to count and filter by."""
    detail: str = ""
    """Details, for people."""


class Activity(Record):
    """One entry of the activity log. `remedy` says what to do, if anything."""

    at: Millis
    """When it happened."""
    service: str
    """The service that reports it."""
    level: Level
    """Information, warning or error."""
    code: str
    """Stable code, to filter and alert by."""
    message: str
    """What happened, for people."""
    connection: str | None = None
    """The connection it is about."""
    remedy: str | None = None
    """What to do about it."""
    request: str | None = None
    """Id of the request that it answers."""
    counts: dict[str, int] = Field(default_factory=dict)
    """Number of items by reason."""
    items: Annotated[tuple[ActivityItem, ...], Field(max_length=MAX_ITEMS)] = ()
    """The subjects, one by one."""
