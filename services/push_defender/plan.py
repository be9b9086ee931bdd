"""What to write to Defender next, and what its answers mean. Pure.

A row is identified by type, value (hashes in either case), action and device groups; that action and groups belong to
it is unconfirmed. Rows without our mark are somebody else's: they are neither updated nor deleted here, and where one
says already what we would write, the entry counts as there.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from schemas.desired import AppliedState
from schemas.marker import is_of, is_ours, marker
from schemas.record import Reason
from schemas.targets import DefenderAction
from services.push_defender.client import ImportResult, Row
from services.push_defender.render import TYPES, value_of, why_not
from services.runtime.standing import ID_UNKNOWN, UNCONFIRMED, Item, Outcome, Place

_ASIDE_MOST: Final = 2_000
_CAPACITY: Final = "max capacity exceeded"
_PASSING: Final = re.compile(r"internal|time[d]?[ -]?out|try again|unavailable|throttl|too many", re.IGNORECASE)

ALREADY_THERE: Final = Reason(code="already_there", detail="somebody else's indicator says the same; it is left alone")
CAPACITY: Final = Reason(code="capacity", detail="the tenant holds as many indicators as it may")
NO_ANSWER: Final = Reason(code=UNCONFIRMED, detail="the answer to the import does not tell what became of it")
NO_ID: Final = Reason(code=ID_UNKNOWN, detail="the answer to the import does not name its id")


class Identity(NamedTuple):
    """What tells one row from another."""

    type: str
    value: str
    action: str
    groups: tuple[str, ...] = ()


def identity(item: Item) -> Identity:
    """The identity of the row that an entry is written as."""
    target = action_of(item)
    return Identity(TYPES[item.type], value_of(item), target.action, tuple(sorted(target.rbac_groups)))


def identity_of(row: Row) -> Identity:
    """The identity of a row."""
    value = row.indicator_value
    spelt = value.lower() if row.indicator_type.startswith("File") else value
    return Identity(row.indicator_type, spelt, row.action, row.groups)


def action_of(item: Item) -> DefenderAction:
    """The target of an entry; raises TypeError for one of another vendor, which validation does not let through."""
    if not isinstance(item.target, DefenderAction):
        raise TypeError(f"{item.target_id} is no target of Defender")
    return item.target


@dataclass(slots=True)
class Choice:
    """What to send in one import, and what became of entries without a call."""

    send: list[Item] = field(default_factory=list)
    aside: list[Outcome] = field(default_factory=list)


def choose(
    waiting: Iterable[Item],
    held: Collection[Item],
    *,
    room: int | None,
    size: int,
    now_ms: int,
    declined: Callable[[Item], Reason | None] = lambda _: None,
) -> Choice:
    """The next import, best ranks first. `room` is how many new rows fit (None: unknown), also for who is held.

    `declined` says why the tenant would not take an entry, as far as it has said so before.
    """
    choice = Choice()
    queue = sorted([*waiting, *held] if room != 0 else waiting, key=lambda item: item.rank)
    for item in queue:
        if len(choice.send) == size or len(choice.aside) == _ASIDE_MOST:
            break
        reason = why_not(item, action_of(item), now_ms) or declined(item)
        if reason is not None:
            choice.aside.append(Outcome(item, AppliedState.SKIPPED, item.remote_id, reason))
        elif item.remote_id is not None or room is None:
            choice.send.append(item)
        elif room > 0:
            choice.send.append(item)
            room -= 1
        elif item.place is not Place.HELD:
            choice.aside.append(Outcome(item, AppliedState.HELD, None, CAPACITY))
    return choice


def foreign(rows: Iterable[Row]) -> set[Identity]:
    """What is there of other people."""
    return {identity_of(row) for row in rows if not is_ours(row.external_id)}


def results(items: Sequence[Item], answers: Sequence[ImportResult]) -> list[Outcome]:
    """What an import's answer says of each entry sent.

    Answers come in the order sent, but one that names another entry's value is not believed; then, and when their
    number differs, an entry's answer is the one that names its value, if there is just one.
    """
    values = [value_of(item).lower() for item in items]
    named = [answer.indicator.lower() if answer.indicator else "" for answer in answers]
    times_sent, times_named = Counter(values), Counter(named)
    outcomes = []
    for place, (item, value) in enumerate(zip(items, values, strict=True)):
        answer = None
        if len(answers) == len(items) and (named[place] == value or named[place] not in times_sent):
            answer = answers[place]
        elif times_sent[value] == 1 and times_named[value] == 1:
            answer = answers[named.index(value)]
        outcomes.append(_result(item, answer))
    return outcomes


def _result(item: Item, answer: ImportResult | None) -> Outcome:
    if answer is None:
        return Outcome(item, AppliedState.FAILED, item.remote_id, NO_ANSWER)
    if not answer.is_failed:
        remote_id = answer.id or item.remote_id
        return Outcome(item, AppliedState.APPLIED, remote_id, None if remote_id else NO_ID)
    text = answer.failure_reason or "no reason given"
    if is_capacity(text):
        return no_room(item)
    if _PASSING.search(text):
        return Outcome(item, AppliedState.FAILED, item.remote_id, Reason(code="vendor_failed", detail=text))
    return refused(item, text)


def refused(item: Item, text: str) -> Outcome:
    """The vendor will not take it as it is. What an earlier version left there stays."""
    return Outcome(item, AppliedState.REJECTED, item.remote_id, Reason(code="vendor_rejected", detail=text))


def no_room(item: Item) -> Outcome:
    """The tenant is full. What is there needs no room: its edit is tried again by and by."""
    state = AppliedState.HELD if item.remote_id is None else AppliedState.FAILED
    return Outcome(item, state, item.remote_id, CAPACITY)


def is_capacity(text: str) -> bool:
    """Whether a refusal means that the tenant is full (seen in vendor-written connectors)."""
    return _CAPACITY in text.lower()


def marked(rows: Iterable[Row], owner: str, item: Item) -> list[str]:
    """The ids of the rows that we wrote for an entry."""
    mark, scope = marker(owner, item.indicator_id), identity(item)[2:]
    return [row.id for row in rows if row.external_id == mark and (row.action, row.groups) == scope]


@dataclass(slots=True)
class Drift:
    """How the tenant differs from what we know of it."""

    lost: list[Item] = field(default_factory=list)
    """There by our records, and gone."""
    found: list[Outcome] = field(default_factory=list)
    """There under an id that we did not know; or released, and gone by now."""
    stray: list[str] = field(default_factory=list)
    """Ids of rows with our own mark that no entry accounts for."""


def compare(items: Collection[Item], rows: Sequence[Row], owner: str) -> Drift:
    """Compare what we know with all rows of the tenant. Entries that wait for something are left to that."""
    drift = Drift()
    there = {row.id for row in rows}
    strangers = foreign(rows)
    ours = {(row.external_id, row.action, row.groups): row.id for row in rows if is_of(row.external_id, owner)}
    accounted: set[str | None] = set()
    for item in items:
        known_as = ours.get((marker(owner, item.indicator_id), *identity(item)[2:]))
        accounted |= {item.remote_id, known_as if item.uncertain else None}
        if item.released and item.remote_id not in there and known_as is None:
            drift.found.append(Outcome(item, None))
        if item.state is not AppliedState.APPLIED or item.wanted != item.content:
            continue
        if item.remote_id is not None:
            is_there = item.remote_id in there
        elif item.uncertain and known_as:
            is_there = True
            drift.found.append(Outcome(item, AppliedState.APPLIED, known_as))
        else:
            is_there = not item.uncertain and identity(item) in strangers
        if not is_there:
            drift.lost.append(item)
    drift.stray = [row.id for row in rows if is_of(row.external_id, owner) and row.id not in accounted]
    return drift
