"""Questions to the router and its answers. A request goes to every partition; each partition replies for its part.

All of them are answered by the evaluator that routes: `test` and `diff` tell what would be, `explain` tells why.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.indicator import Indicator
from schemas.record import Millis, Record
from schemas.types import IndicatorType

MAX_LINES = 1_000
"""Lines of one partition's reply: a reply is one record of Kafka."""


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
    verb: RequestVerb
    at: Millis
    sharing: str | None = None
    indicator: str | None = None
    since: Millis | None = None
    resources: dict[str, str] = Field(default_factory=dict)
    lines: Annotated[int, Field(ge=0, le=MAX_LINES)] = 100


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
    target: str
    effect: Effect
    type: IndicatorType
    reason: str = ""
    count: int = 0
    size: int = 0


class Line(Record):
    """One entry of a listing."""

    destination: str
    target: str
    effect: Effect
    indicator: str
    reason: str = ""


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
    sharing: str
    rule: str
    destination: str
    target: str
    verdict: Verdict
    reason: str = ""
    detail: str = ""


class Reply(Record):
    """One partition's answer. It is complete when all `partitions` have replied."""

    id: str
    partition: int
    partitions: int
    at: Millis
    policy_version: int = 0
    examined: int = 0
    tallies: tuple[Tally, ...] = ()
    lines: tuple[Line, ...] = ()
    more_lines: int = 0
    indicator: Indicator | None = None
    steps: tuple[Step, ...] = ()
    error: str | None = None
