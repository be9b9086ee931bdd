"""Questions to the router and its answers. A request goes to every partition; each partition replies for its part.

All of them are answered by the evaluator that routes: `test` and `diff` tell what would be, `explain` tells why.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.canonical import parse_id
from schemas.indicator import Indicator
from schemas.record import Millis, Record
from schemas.types import IndicatorType

MAX_LINES = 1_000
"""Lines of one partition's reply: a reply is one record of Kafka."""
MAX_ENTRIES = 1_000
NEVER: Millis = 253_402_300_799_000
"""The end of the year 9999: no indicator was last seen since then."""


def entry_name(destination: str, key: str) -> str:
    """What an entry at a destination is called: `<destination>/<target id>/<indicator id>`."""
    return f"{destination}/{key}"


def split_entry_name(name: str) -> tuple[str, str]:
    """The place of a named entry, `<destination>/<target id>`, and the id of its indicator.

    Raises:
        ValueError: that is no such name.

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
    """What can be asked."""

    TEST = "test"
    DIFF = "diff"
    SYNC = "sync"
    EXPLAIN = "explain"


class Request(Record):
    """A question. `since` bounds the window of last seen that it is about; absent means all time.

    `resources` are resources as JSON, by their keys in `ioc.policy`, that are to be thought of as applied; an empty
    text stands for a deletion. `lines` bounds the listing of each partition.
    """

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
    entries: Annotated[tuple[str, ...], Field(max_length=MAX_ENTRIES)] = ()
    """Only these entries are to be written again, as `<destination>/<target id>/<indicator id>`, whenever seen.

    `since` is then `NEVER`, for routers that do not know this field: they write nothing.
    """
    resources: dict[str, str] = Field(default_factory=dict)
    """Resources as JSON by their keys in the policy, to be thought of as applied; an empty text: as deleted."""
    lines: Annotated[int, Field(ge=0, le=MAX_LINES)] = 100
    """How many entries each partition lists at most."""


class Effect(StrEnum):
    """What would happen, or happens, to an entry at a target."""

    PUT = "put"
    CHANGE = "change"
    WITHDRAW = "withdraw"
    RELEASE = "release"
    SEND = "send"
    SKIP = "skip"


class Tally(Record):
    """How many entries one effect has at one target. `size` is what they take in a list, in bytes."""

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
    """How many."""
    size: int = 0
    """Bytes that they take in a list."""


class Line(Record):
    """One entry of a listing."""

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
    """What came of one source, rule and target. Stable codes."""

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
    """Why an indicator is, or is not, wanted at one target by one sharing for one of its sources."""

    source: str
    """The connection that speaks of it."""
    sharing: str
    """The sharing."""
    rule: str
    """Its rule."""
    destination: str
    """The connection."""
    target: str
    """Id of the target, or its kind where no concrete one fits."""
    verdict: Verdict
    """What came of it."""
    reason: str = ""
    """Stable code, where they are skipped."""
    detail: str = ""
    """More of it, for people."""


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
    policy_version: int = 0
    """The policy it was answered by."""
    examined: int = 0
    """How many indicators were looked at."""
    tallies: tuple[Tally, ...] = ()
    """Figures."""
    lines: tuple[Line, ...] = ()
    """Entries, as many as were asked for."""
    more_lines: int = 0
    """How many more there would be."""
    indicator: Indicator | None = None
    """The indicator that is explained."""
    steps: tuple[Step, ...] = ()
    """The explanation."""
    error: str | None = None
    """Why there is no answer."""
