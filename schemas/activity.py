"""What services tell people: the log of skips, holds, rejections, faults and milestones that the console lists."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.record import Millis, Record

MAX_ITEMS = 500


class Level(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class ActivityItem(Record):
    """One thing an activity is about, with the reason why."""

    subject: str
    reason: str
    detail: str = ""


class Activity(Record):
    """Something a person may want to know. `remedy` says what to do about it, if anything."""

    at: Millis
    service: str
    level: Level
    code: str
    message: str
    connection: str | None = None
    remedy: str | None = None
    counts: dict[str, int] = Field(default_factory=dict)
    items: Annotated[tuple[ActivityItem, ...], Field(max_length=MAX_ITEMS)] = ()
