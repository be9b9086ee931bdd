"""Chooses what to write to Defender next, and interprets its answers. Pure.

Type, value (hashes in either case), action and device groups identify a row; that action and groups belong to the
identity is unconfirmed. Rows without our mark belong to others: they are not updated or deleted here, and if one equals
what we would write, the entry counts as applied.
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
    """The identity of a row."""

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
    """The entries to send in one import, and the outcomes of entries that need no call."""

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
    """The next import, best ranks first. `capacity` is how many new rows fit (None: unknown), including held entries.

    `declined` returns the learned reason why the tenant would refuse an entry.
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
    """The identities of other people's rows."""
    return {identity_of(row) for row in rows if not is_ours(row.external_id)}


def results(entries: Sequence[Entry], answers: Sequence[ImportResult], ioc_source: str = "") -> list[Outcome]:
    """The outcome of each sent entry by an import's answers.

    Answers come in the order sent. If an answer names another entry's value, or the number of answers differs, an entry
    gets the answer that names its value, if there is exactly one.
    """
    values = [value_of(entry).lower() for entry in entries]
    named = [answer.indicator.lower() if answer.indicator else "" for answer in answers]
    times_sent, times_named = Counter(values), Counter(named)
    outcomes = []
    for position, (entry, value) in enumerate(zip(entries, values, strict=True)):
        answer = None
        if len(answers) == len(entries) and (named[position] == value or named[position] not in times_sent):
            answer = answers[position]
        elif times_sent[value] == 1 and times_named[value] == 1:
            answer = answers[named.index(value)]
        outcomes.append(_result(entry, answer, ioc_source))
    return outcomes


def _result(entry: Entry, answer: ImportResult | None, ioc_source: str) -> Outcome:
    if answer is None or not (answer.is_failed is not None or answer.id or answer.failure_reason):
        return Outcome(entry, AppliedState.FAILED, entry.remote_id, NO_ANSWER)
    # Without `isFailed`, a failure reason means failed, otherwise an id means stored.
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
    """The outcome of an entry that the vendor refused. An earlier version at the vendor stays."""
    return Outcome(entry, AppliedState.REJECTED, entry.remote_id, Reason(code="vendor_rejected", detail=text))


def no_capacity(entry: Entry) -> Outcome:
    """The outcome of an entry for which the tenant is full. An edit of an existing row is tried again later."""
    state = AppliedState.HELD if entry.remote_id is None else AppliedState.FAILED
    return Outcome(entry, state, entry.remote_id, CAPACITY)


def is_capacity(text: str, sent: Iterable[str]) -> bool:
    """Whether a refusal means that the tenant is full (text seen in vendor-written connectors).

    `sent`: texts of the entry that the refusal may repeat.
    """
    return _CAPACITY in own_words(text, sent)


def texts_of(entry: Entry, ioc_source: str = "") -> list[str]:
    """The texts that a refusal may repeat: the entry's value, and every text sent with it."""
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
    """Differences between the tenant and the applied state."""

    missing: list[Entry] = field(default_factory=list)
    """Applied entries whose rows are gone."""
    found: list[Outcome] = field(default_factory=list)
    """Entries found with an unknown id, and released entries that are gone."""
    orphan: list[str] = field(default_factory=list)
    """Ids of rows with our mark that no entry knows."""


def compare(entries: Collection[Entry], rows: Sequence[Row], owner: str) -> Drift:
    """Compare the applied entries with all rows of the tenant. Entries with pending work are not compared."""
    drift = Drift()
    there = {row.id for row in rows}
    foreign_rows = foreign(rows)
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
            is_there = not entry.uncertain and identity(entry) in foreign_rows
        if not is_there:
            drift.missing.append(entry)
    drift.orphan = [row.id for row in rows if is_of(row.external_id, owner) and row.id not in accounted]
    return drift
