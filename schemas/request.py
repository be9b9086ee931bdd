"""Questions to the router and its answers. A request goes to every partition; each partition replies for its part."""

from enum import StrEnum

from pydantic import Field

from schemas.record import Millis, Record


class RequestVerb(StrEnum):
    """What can be asked."""

    TEST = "test"
    SYNC = "sync"
    EXPLAIN = "explain"


class Request(Record):
    """A question. `since` bounds the window of last-seen that it is about; absent means all time."""

    id: str
    verb: RequestVerb
    at: Millis
    sharing: str | None = None
    indicator: str | None = None
    since: Millis | None = None


class Reply(Record):
    """One partition's answer. It is complete when all `partitions` have replied."""

    id: str
    partition: int
    partitions: int
    at: Millis
    counts: dict[str, int] = Field(default_factory=dict)
    lines: tuple[str, ...] = ()
    error: str | None = None
