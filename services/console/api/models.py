"""Response models of the API."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from schemas.connection_state import BreakerState
from schemas.hold import Hold
from schemas.level import Level
from schemas.request import Effect
from schemas.types import IndicatorType, Severity

Millis = Annotated[int, Field(description="milliseconds since the Unix epoch, UTC")]
Known = Literal["pending", "applied", "rejected", "skipped", "held", "failed", "withdrawing", "released"]
"""States of an entry that is desired at a target, applied there, or skipped."""
State = Known | Literal["withdrawn"]


class SharedWith(BaseModel):
    """One target of an indicator and its state there. `reason` is a stable code, `detail` the vendor's own text."""

    destination: str
    target: str | None = None
    state: State
    reason: str | None = None
    detail: str | None = None
    at: Millis | None = None
    attempts: int | None = None
    sharings: list[str] = []


class IndicatorRow(BaseModel):
    """An indicator in a list."""

    id: str
    type: IndicatorType
    value: str
    severity: Severity
    reputation: int
    active: bool
    first_seen: Millis
    last_seen: Millis
    expires_at: Millis | None
    hits: int
    sources: list[str]
    tags: list[str]
    shared: list[SharedWith]


class IndicatorPage(BaseModel):
    """A page of indicators. `next` is the cursor of the next page; null after the last."""

    items: list[IndicatorRow]
    next: str | None


class Counted(BaseModel):
    """A count up to a limit; `more`: there are more."""

    count: int
    more: bool


class ActivityRow(BaseModel):
    """One entry of the activity log."""

    num: int
    at: Millis
    service: str
    level: Level
    code: str
    message: str
    connection: str | None = None
    remedy: str | None = None
    counts: dict[str, int] = {}
    items: list[dict[str, object]] = []


class ActivityPage(BaseModel):
    """A page of activity, latest first. `next` is the `before` of the next page."""

    items: list[ActivityRow]
    next: int | None


class StateCount(BaseModel):
    """How many entries of a sharing are in one state."""

    state: State
    reason: str
    count: int


class SharingRow(BaseModel):
    """A sharing with the states of its entries. `why` says why it is not in force.

    `waits` lists the services that cannot reach its source or destination now, and why.
    """

    name: str
    source: str
    rule: str
    destination: str
    targets: list[str]
    in_force: bool
    why: list[str]
    waits: list[str]
    entries: int
    counts: list[StateCount]


class Sharings(BaseModel):
    """All sharings."""

    items: list[SharingRow]


class PartitionRow(BaseModel):
    """The progress of one router partition."""

    partition: int
    policy_version: int
    reevaluating: bool
    done: int
    of: int


class Status(BaseModel):
    """Progress of the router and the read model. `unreadable`: records that this version cannot read."""

    policy_version: int
    partitions: list[PartitionRow]
    reports_behind: int
    indicators: int
    active: int
    types: dict[str, dict[str, int]]
    unreadable: list[dict[str, object]]


class EntryMeaning(BaseModel):
    """An entry of a guard: the field with the entry's number, the text as written, and what it covers."""

    field: str
    text: str
    meaning: str


class EntryHit(BaseModel):
    """A guard entry that blocks a value (`reason` is the code), or that is close to it (`reason` is empty).

    `line` is its place in the body; `connections` are those it blocks the value for.
    """

    guard: str
    field: str
    entry: str
    why: str
    reason: str
    line: str
    connections: list[str]


class GuardAnswer(BaseModel):
    """The guards' answer on one value; `error`: why the value is no indicator."""

    value: str
    indicator: str
    kept_back: Literal["all", "some", "no"]
    by: list[EntryHit]
    nearest: list[EntryHit]
    error: str


class GuardAnswers(BaseModel):
    """The guards' answers. `unread` lists invalid guard entries, which an older release accepted."""

    items: list[GuardAnswer]
    unread: list[EntryHit]


class ChangeRow(BaseModel):
    """The change of one resource; for a guard also the meaning of each entry."""

    kind: str
    name: str
    what: Literal["created", "changed", "unchanged", "deleted"]
    entries: list[EntryMeaning] = []


class OutcomeModel(BaseModel):
    """What was done, or in a dry run what would be done."""

    changes: list[ChangeRow]
    topics_created: list[str]
    topics_wrong: list[str]
    dry_run: bool


class Resources(BaseModel):
    """Resources in the form of files."""

    items: list[dict[str, object]]


class EffectRow(BaseModel):
    """How many entries have one effect at one target. `size`: their bytes in a list."""

    destination: str
    target: str
    effect: Effect
    type: IndicatorType
    reason: str
    count: int
    size: int


class LineRow(BaseModel):
    """One listed entry."""

    destination: str
    target: str
    effect: Effect
    indicator: str
    reason: str


class Answered(BaseModel):
    """The router's answer. With `missing_partitions` it is incomplete."""

    examined: int
    policy_version: int
    effects: list[EffectRow]
    lines: list[LineRow]
    more_lines: int
    missing_partitions: list[int]


class ServiceState(BaseModel):
    """A service's latest state of a connection. `reason` and `remedy` are set while the breaker is not closed.

    `failure` is set while the worker fails unexpectedly and is restarted automatically.
    """

    service: str
    state: BreakerState
    since: Millis
    reason: str | None
    remedy: str | None
    failure: str | None = None
    failures: int | None = None
    failing_since: Millis | None = None


class ConnectionRow(BaseModel):
    """A connection with its state in each service."""

    name: str
    type: str
    services: list[ServiceState]


class Connections(BaseModel):
    """All connections."""

    items: list[ConnectionRow]


class Compared(BaseModel):
    """Results of a drift check. `found` lists differences; `missing` services have not answered, `trouble` says why."""

    id: str
    services: list[str]
    answers: list[dict[str, object]]
    found: list[dict[str, object]]
    missing: list[str]
    trouble: list[str]


class HoldRow(Hold):
    """A change that waits for a person's verdict: the fields of its record without the record version."""

    v: Literal[1] = Field(1, exclude=True)


class Holds(BaseModel):
    """All holds."""

    items: list[HoldRow]


class Judgement(BaseModel):
    """The result for one item of a push: accepted with its id, or refused with what is wrong and what to do."""

    index: int
    line: int | None = None
    status: Literal["accepted", "refused"]
    id: str | None = None
    reason: str | None = None
    field: str | None = None
    detail: str | None = None


class Pushed(BaseModel):
    """The result of a push, item by item."""

    accepted: int
    refused: int
    items: list[Judgement]
