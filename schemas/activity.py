"""What services tell people: the log of skips, holds, rejections, faults and milestones that the console lists."""

from typing import Annotated

from pydantic import Field

from schemas.level import Level
from schemas.record import Millis, Record

MAX_ITEMS = 500


class ActivityItem(Record):
    """One thing an activity is about, with the reason why."""

    subject: str
    """What it is about: an indicator id, a row, a list."""
    reason: str
    """Stable code, to count and filter by."""
    detail: str = ""
    """More, for people."""


class Activity(Record):
    """Something a person may want to know. `remedy` says what to do about it, if anything."""

    at: Millis
    """When it happened."""
    service: str
    """Which service tells it."""
    level: Level
    """Whether it is news, a warning or a fault."""
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
    """How many items have which reason."""
    items: Annotated[tuple[ActivityItem, ...], Field(max_length=MAX_ITEMS)] = ()
    """What it is about, one by one."""
