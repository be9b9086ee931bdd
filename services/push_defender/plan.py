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
from schemas.vendors.defender import DefenderAction
from services.push_defender.client import ImportResult, Row
from services.push_defender.render import APPLICATION, TYPES, value_of, why_not
from services.runtime.reconciling.entry import ID_UNKNOWN, UNCONFIRMED, Entry, Outcome, SyncState
from services.runtime.vendors.echo import own_words

_ASIDE_MOST: Final = 2_000
_CAPACITY: Final = "max capacity exceeded"
_PHRASES: Final = re.compile(r"internal (?:server )?error|timed? ?-?out|try again|too many requests|unavailable at")
_PASSING: Final = re.compile(r"internal|time[d]?[ -]?out|try again|unavailable|throttl|too many")

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


def identity(entry: Entry) -> Identity:
    """The identity of the row that an entry is written as."""
    target = action_of(entry)
    return Identity(TYPES[entry.type], value_of(entry), target.action, tuple(sorted(target.rbac_groups)))


def identity_of(row: Row) -> Identity:
    """The identity of a row."""
    value = row.indicator_value
    spelt = value.lower() if row.indicator_type.startswith("File") else value
    return Identity(row.indicator_type, spelt, row.action, row.groups)


def action_of(entry: Entry) -> DefenderAction:
    """The target of an entry; raises TypeError for one of another vendor, which validation does not let through."""
    if not isinstance(entry.target, DefenderAction):
        raise TypeError(f"{entry.target_id} is no target of Defender")
    return entry.target


@dataclass(slots=True)
class Choice:
    """What to send in one import, and what became of entries without a call."""

    send: list[Entry] = field(default_factory=list)
    skipped: list[Outcome] = field(default_factory=list)


def choose(
    waiting: Iterable[Entry],
    held: Collection[Entry],
    *,
    capacity: int | None,
    size: int,
    now_ms: int,
    declined: Callable[[Entry], Reason | None] = lambda _: None,
) -> Choice:
    """The next import, best ranks first. `capacity` is how many new rows fit (None: unknown), also for who is held.

    `declined` says why the tenant would not take an entry, as far as it has said so before.
    """
    choice = Choice()
    queue = sorted([*waiting, *held] if capacity != 0 else waiting, key=lambda entry: entry.rank)
    for entry in queue:
        if len(choice.send) == size or len(choice.skipped) == _ASIDE_MOST:
            break
        reason = why_not(entry, action_of(entry), now_ms) or declined(entry)
        if reason is not None:
            choice.skipped.append(Outcome(entry, AppliedState.SKIPPED, entry.remote_id, reason))
        elif entry.remote_id is not None or capacity is None:
            choice.send.append(entry)
        elif capacity > 0:
            choice.send.append(entry)
            capacity -= 1
        elif entry.sync_state is not SyncState.HELD:
            choice.skipped.append(Outcome(entry, AppliedState.HELD, None, CAPACITY))
    return choice


def foreign(rows: Iterable[Row]) -> set[Identity]:
    """What is there of other people."""
    return {identity_of(row) for row in rows if not is_ours(row.external_id)}


def results(entries: Sequence[Entry], answers: Sequence[ImportResult], ioc_source: str = "") -> list[Outcome]:
    """What an import's answer says of each entry sent.

    Answers come in the order sent, but one that names another entry's value is not believed; then, and when their
    number differs, an entry's answer is the one that names its value, if there is just one.
    """
    values = [value_of(entry).lower() for entry in entries]
    named = [answer.indicator.lower() if answer.indicator else "" for answer in answers]
    times_sent, times_named = Counter(values), Counter(named)
    outcomes = []
    for sync_state, (entry, value) in enumerate(zip(entries, values, strict=True)):
        answer = None
        if len(answers) == len(entries) and (named[sync_state] == value or named[sync_state] not in times_sent):
            answer = answers[sync_state]
        elif times_sent[value] == 1 and times_named[value] == 1:
            answer = answers[named.index(value)]
        outcomes.append(_result(entry, answer, ioc_source))
    return outcomes


def _result(entry: Entry, answer: ImportResult | None, ioc_source: str) -> Outcome:
    if answer is None or not (answer.is_failed is not None or answer.id or answer.failure_reason):
        return Outcome(entry, AppliedState.FAILED, entry.remote_id, NO_ANSWER)
    # Without `isFailed` a reason means that it failed, and else an id that it was stored.
    if not (bool(answer.failure_reason) if answer.is_failed is None else answer.is_failed):
        remote_id = answer.id or entry.remote_id
        return Outcome(entry, AppliedState.APPLIED, remote_id, None if remote_id else NO_ID)
    text = answer.failure_reason or "no reason given"
    sent = texts_of(entry, ioc_source)
    if is_capacity(text, sent):
        return no_capacity(entry)
    if _PHRASES.search(own_words(text, sent)) or _PASSING.search(own_words(text, sent, parts=True)):
        return Outcome(entry, AppliedState.FAILED, entry.remote_id, Reason(code="vendor_failed", detail=text))
    return refused(entry, text)


def refused(entry: Entry, text: str) -> Outcome:
    """The vendor will not take it as it is. What an earlier version left there stays."""
    return Outcome(entry, AppliedState.REJECTED, entry.remote_id, Reason(code="vendor_rejected", detail=text))


def no_capacity(entry: Entry) -> Outcome:
    """The tenant is full. What is there needs no room: its edit is tried again by and by."""
    state = AppliedState.HELD if entry.remote_id is None else AppliedState.FAILED
    return Outcome(entry, state, entry.remote_id, CAPACITY)


def is_capacity(text: str, sent: Iterable[str]) -> bool:
    """Whether a refusal means that the tenant is full (seen in vendor-written connectors). `sent`: what it repeats."""
    return _CAPACITY in own_words(text, sent)


def texts_of(entry: Entry, ioc_source: str = "") -> list[str]:
    """What a refusal of an entry may repeat of it: its value, and every text that is sent with it."""
    target = action_of(entry)
    title = f"{APPLICATION}: {value_of(entry)}"
    texts = (entry.value, value_of(entry), title, entry.comments, *entry.tags, ioc_source, target.educate_url or "")
    return [text for text in (*texts, *target.rbac_groups) if text]


def marked(rows: Iterable[Row], owner: str, entry: Entry) -> list[str]:
    """The ids of the rows that we wrote for an entry."""
    mark, scope = marker(owner, entry.indicator_id), identity(entry)[2:]
    return [row.id for row in rows if row.external_id == mark and (row.action, row.groups) == scope]


@dataclass(slots=True)
class Drift:
    """How the tenant differs from what we know of it."""

    missing: list[Entry] = field(default_factory=list)
    """There by our records, and gone."""
    found: list[Outcome] = field(default_factory=list)
    """There under an id that we did not know; or released, and gone by now."""
    orphan: list[str] = field(default_factory=list)
    """Ids of rows with our own mark that no entry accounts for."""


def compare(entries: Collection[Entry], rows: Sequence[Row], owner: str) -> Drift:
    """Compare what we know with all rows of the tenant. Entries that wait for something are left to that."""
    drift = Drift()
    there = {row.id for row in rows}
    strangers = foreign(rows)
    ours = {(row.external_id, row.action, row.groups): row.id for row in rows if is_of(row.external_id, owner)}
    accounted: set[str | None] = set()
    for entry in entries:
        known_as = ours.get((marker(owner, entry.indicator_id), *identity(entry)[2:]))
        accounted |= {entry.remote_id, known_as if entry.uncertain else None}
        if entry.released and entry.remote_id not in there and known_as is None:
            drift.found.append(Outcome(entry, None))
        if entry.state is not AppliedState.APPLIED or entry.wanted != entry.content:
            continue
        if entry.remote_id is not None:
            is_there = entry.remote_id in there
        elif entry.uncertain and known_as:
            is_there = True
            drift.found.append(Outcome(entry, AppliedState.APPLIED, known_as))
        else:
            is_there = not entry.uncertain and identity(entry) in strangers
        if not is_there:
            drift.missing.append(entry)
    drift.orphan = [row.id for row in rows if is_of(row.external_id, owner) and row.id not in accounted]
    return drift
