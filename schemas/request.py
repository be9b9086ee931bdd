"""Requests to the router and its replies. A request goes to every partition; each partition replies for its part.

The evaluator that routes answers them: `test` and `diff` show what would happen, `explain` shows why.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.canonical import parse_id
from schemas.indicator import Indicator
from schemas.record import Millis, Record
from schemas.types import IndicatorType

MAX_LINES = 1_000
"""Lines of one partition's reply, which is one Kafka record."""
MAX_ENTRIES = 1_000
NEVER: Millis = 253_402_300_799_000
"""The end of the year 9999. As `since` it matches no indicator."""


def entry_name(destination: str, key: str) -> str:
    """The name of an entry: `<destination>/<target id>/<indicator id>`."""
    return f"{destination}/{key}"


def split_entry_name(name: str) -> tuple[str, str]:
    """The place of an entry, `<destination>/<target id>`, and its indicator id.

    Raises:
        ValueError: it is no such name.

    """
    destination, _, key = name.partition("/")
    target, _, identity = key.partition("/")
    try:
        value = parse_id(identity).value
    except ValueError:
        value = ""
    if not (destination and target and value):
        raise ValueError(f"{name[:100]!r} is not <destination>/<target id>/<indicator id>")
    return f"{destination}/{target}", identity


class RequestVerb(StrEnum):
    """Kinds of requests."""

    TEST = "test"
    DIFF = "diff"
    SYNC = "sync"
    EXPLAIN = "explain"


class Request(Record):
    """A request to the router."""

    id: str
    """Id of the request; its replies carry it."""
    verb: RequestVerb
    """Kind of request."""
    at: Millis
    """When it was made."""
    sharing: str | None = None
    """The sharing it is about."""
    indicator: str | None = None
    """Id of the indicator it is about."""
    since: Millis | None = None
    """Only indicators last seen then or later; absent means all."""
    entries: Annotated[tuple[str, ...], Field(max_length=MAX_ENTRIES)] = ()
    """Only these entries are written again, by name (`<destination>/<target id>/<indicator id>`), whenever seen.

    `since` is then `NEVER`, so that routers of a release without this field write nothing.
    """
    resources: dict[str, str] = Field(default_factory=dict)
    """Answer as if these resources (JSON, by their keys in the policy) were applied; an empty text: deleted."""
    lines: Annotated[int, Field(ge=0, le=MAX_LINES)] = 100
    """Most entries that each partition lists."""


class Effect(StrEnum):
    """What happens, or would happen, to an entry at a target."""

    PUT = "put"
    CHANGE = "change"
    WITHDRAW = "withdraw"
    RELEASE = "release"
    SEND = "send"
    SKIP = "skip"


class Tally(Record):
    """The number of entries with one effect at one target."""

    destination: str
    """The connection."""
    target: str
    """Id of the target, or its kind where no concrete one fits."""
    effect: Effect
    """What happens to them."""
    type: IndicatorType
    """Type of the indicators."""
    reason: str = ""
    """Stable code, where they are skipped."""
    count: int = 0
    """Number of entries."""
    size: int = 0
    """Their bytes in a list."""


class Line(Record):
    """One listed entry."""

    destination: str
    """The connection."""
    target: str
    """Id of the target, or its kind where no concrete one fits."""
    effect: Effect
    """What happens to them."""
    indicator: str
    """Id of the indicator."""
    reason: str = ""
    """Stable code, where they are skipped."""


class Verdict(StrEnum):
    """The result for one source, sharing and target. Stable codes."""

    WANTED = "wanted"
    WITHDRAWN_AT_SOURCE = "withdrawn_at_source"
    EXPIRED = "expired"
    ECHO = "echo"
    DISABLED = "sharing_disabled"
    MISFIT = "sharing_not_in_force"
    NOT_MATCHED = "rule_does_not_match"
    EXCEPTED = "rule_exception"
    MUTED = "rule_muted"
    RULE_FAILED = "rule_failed"
    BEFORE_SHARING = "before_sharing"
    SKIPPED = "skipped"


class Step(Record):
    """Why one sharing does or does not desire an indicator at one target, for one of its sources."""

    source: str
    """The source."""
    sharing: str
    """The sharing."""
    rule: str
    """Its rule."""
    destination: str
    """The connection."""
    target: str
    """Id of the target, or its kind where no concrete one fits."""
    verdict: Verdict
    """The result."""
    reason: str = ""
    """Stable code, if it is skipped."""
    detail: str = ""
    """Details, for people."""


class Reply(Record):
    """One partition's reply. The answer is complete when all `partitions` have replied."""

    id: str
    """Id of the request."""
    partition: int
    """The partition that replies."""
    partitions: int
    """Number of partitions."""
    at: Millis
    """When it replied."""
    policy_version: int = 0
    """Policy version that it answered with."""
    examined: int = 0
    """Number of examined indicators."""
    tallies: tuple[Tally, ...] = ()
    """Counts by target and effect."""
    lines: tuple[Line, ...] = ()
    """Listed entries, at most as many as requested."""
    more_lines: int = 0
    """Number of entries that are not listed."""
    indicator: Indicator | None = None
    """The explained indicator."""
    steps: tuple[Step, ...] = ()
    """The explanation."""
    error: str | None = None
    """Why there is no answer."""
