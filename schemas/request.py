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
    """Id of the question; its replies carry it."""
    verb: RequestVerb
    """What is asked."""
    at: Millis
    """When it was asked."""
    sharing: str | None = None
    """The sharing it is about."""
    indicator: str | None = None
    """Id of the indicator it is about."""
    since: Millis | None = None
    """Only indicators last seen since then; absent means all."""


class Reply(Record):
    """One partition's answer. It is complete when all `partitions` have replied."""

    id: str
    """Id of the question."""
    partition: int
    """Which partition answers."""
    partitions: int
    """How many partitions answer in all."""
    at: Millis
    """When it was answered."""
    counts: dict[str, int] = Field(default_factory=dict)
    """Figures by name."""
    lines: tuple[str, ...] = ()
    """The answer for people."""
    error: str | None = None
    """Why there is no answer."""
