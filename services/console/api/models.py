"""What the API answers, for its description."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from schemas.connection_state import BreakerState
from schemas.hold import Hold
from schemas.level import Level
from schemas.request import Effect
from schemas.types import IndicatorType, Severity

Millis = Annotated[int, Field(description="milliseconds since the Unix epoch, UTC")]
Known = Literal["pending", "applied", "rejected", "skipped", "held", "failed", "withdrawing", "released"]
"""What may have become of an entry that is wanted at a target, known there, or left out."""
State = Known | Literal["withdrawn"]


class SharedWith(BaseModel):
    """Where an indicator is shared, and what became of it there. `reason` is a stable code, `detail` the vendor's."""

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
    """A page. `next` is the cursor of the next one; null after the last."""

    items: list[IndicatorRow]
    next: str | None


class Counted(BaseModel):
    """A count up to a bound; `more`: there are more."""

    count: int
    more: bool


class ActivityRow(BaseModel):
    """Something a person may want to know."""

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
    """A page, the latest first. `next` is the `before` of the next one."""

    items: list[ActivityRow]
    next: int | None


class StateCount(BaseModel):
    """How many entries of a sharing are in one state."""

    state: State
    reason: str
    count: int


class SharingRow(BaseModel):
    """A sharing with what became of its entries. `why` says why it is not in force.

    `waits` has the services that cannot reach its source or its destination now, and why.
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
    """How far one partition of the router has come."""

    partition: int
    policy_version: int
    reevaluating: bool
    done: int
    of: int


class Status(BaseModel):
    """How far everything is. `unreadable`: records that this version had to leave out."""

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
    """An entry of a guard that keeps a value back (`reason` is the code), or comes near it (`reason` is empty).

    `line` is where it stands in the body; `connections` are those it keeps the value back from.
    """

    guard: str
    field: str
    entry: str
    why: str
    reason: str
    line: str
    connections: list[str]


class GuardAnswer(BaseModel):
    """What guards do with one value; `error`: why it is no indicator."""

    value: str
    indicator: str
    kept_back: Literal["all", "some", "no"]
    by: list[EntryHit]
    nearest: list[EntryHit]
    error: str


class GuardAnswers(BaseModel):
    """What guards do with values. `unread` are entries that mean nothing: an older release accepted them."""

    items: list[GuardAnswer]
    unread: list[EntryHit]


class ChangeSaid(BaseModel):
    """What became of one resource; of a guard also what each of its entries means."""

    kind: str
    name: str
    what: Literal["created", "changed", "unchanged", "deleted"]
    entries: list[EntryMeaning] = []


class OutcomeSaid(BaseModel):
    """What was done, or in a dry run what would be."""

    changes: list[ChangeSaid]
    topics_created: list[str]
    topics_wrong: list[str]
    dry_run: bool


class Resources(BaseModel):
    """Resources of a kind, as files have them."""

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
    """One entry."""

    destination: str
    target: str
    effect: Effect
    indicator: str
    reason: str


class Answered(BaseModel):
    """What the router says. With `missing_partitions` it is not the whole."""

    examined: int
    policy_version: int
    effects: list[EffectRow]
    lines: list[LineRow]
    more_lines: int
    missing_partitions: list[int]


class ServiceState(BaseModel):
    """What a service said last of a connection. `reason` and `remedy` are there while its breaker is not closed.

    `failure` is there while its worker fails unexpectedly and is started again by itself.
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
    """A connection, and how each service gets on with it."""

    name: str
    type: str
    services: list[ServiceState]


class Connections(BaseModel):
    """All connections."""

    items: list[ConnectionRow]


class Compared(BaseModel):
    """What was found. `found` lists it one by one; `missing` services have not answered (yet), `trouble` says why."""

    id: str
    services: list[str]
    answers: list[dict[str, object]]
    found: list[dict[str, object]]
    missing: list[str]
    trouble: list[str]


class HoldRow(Hold):
    """Something abnormal that waits for a person, as its record tells it; the version of the record is no news."""

    v: Literal[1] = Field(1, exclude=True)


class Holds(BaseModel):
    """Everything that is held."""

    items: list[HoldRow]


class Judgement(BaseModel):
    """What became of one item of a push."""

    index: int
    status: Literal["accepted", "refused"]
    id: str | None = None
    reason: str | None = None
    detail: str | None = None


class Pushed(BaseModel):
    """What became of a push, item by item."""

    accepted: int
    refused: int
    items: list[Judgement]
