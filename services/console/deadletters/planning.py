"""Plans a replay: which dead letters are produced, as which records, and why the others are not. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.deadletter import DeadLetter
from schemas.record import UndecodableError
from schemas.report import REPLAYED
from schemas.resolution_state import ResolutionState
from schemas.topics import Topics
from services.console.cli.output.when import show
from services.console.deadletters.dead_letter import ListedDeadLetter
from services.console.deadletters.reasons import Outcome, Why
from services.console.deadletters.topic_kinds import topic_kind_of
from services.runtime.kafka.clients import MAX_REQUEST_BYTES
from services.runtime.kafka.record_headers import size_of
from services.runtime.kafka.transactional_producer import OutgoingRecord

_MOST_BYTES = MAX_REQUEST_BYTES - 1_000
"""Of key, value and headers; the remainder is for the envelope of a request."""


@dataclass(slots=True)
class Plan:
    """Dead letters to produce again, each with its records, and those left unchanged."""

    going: list[tuple[ListedDeadLetter, list[OutgoingRecord]]] = field(default_factory=list)
    left: list[Outcome] = field(default_factory=list)


def flaw(topics: Topics, dead_letter: ListedDeadLetter, payload: bytes | None) -> tuple[Why, str] | None:
    """Why a payload may not be produced for a dead letter, as code and text; None if it may."""
    kind = topic_kind_of(topics, dead_letter.last.topic)
    if kind is None:
        return Why.NOWHERE, f"no service of this installation reads {dead_letter.last.topic}"
    if payload is None and dead_letter.is_stub:
        return Why.GONE, f"{kept_as_stub(dead_letter.last)}, and it is no longer there; drop it"
    if payload is None:
        return Why.UNREADABLE, f"it is a tombstone with the key {dead_letter.key!r}, which no reader accepts"
    try:
        kind.check(dead_letter.key, payload)
    except UndecodableError as error:
        return Why.UNREADABLE, str(error)
    return None


def kept_as_stub(note: DeadLetter) -> str:
    """Where the original of a stub is, as a sentence."""
    place = f"offset {note.offset} of {note.topic}-{note.partition}"
    return f"the record has {note.size} bytes, too many to copy, and is only at {place}"


def plan(
    topics: Topics, dead_letters: Iterable[ListedDeadLetter], stale: Mapping[str, tuple[Why, str]], *, force: bool
) -> Plan:
    """Plan a replay. `force`: also replay what was replayed before, and what would undo something newer."""
    found = Plan()
    for dead_letter in dead_letters:
        why = flaw(topics, dead_letter, dead_letter.payload) or (None if force else _risk(dead_letter, stale))
        if why:
            hint = f"; edit it first: ioc-bridge deadletters edit {dead_letter.id}" if why[0] is Why.UNREADABLE else ""
            found.left.append(Outcome(dead_letter.id, dead_letter.state, why[0], why[1] + hint))
        else:
            records = _records(topics, dead_letter, force=force)
            if (size := max(map(_size, records))) > _MOST_BYTES:
                detail = f"it has {size} bytes, and at most {_MOST_BYTES} can be written; send it again from its origin"
                found.left.append(Outcome(dead_letter.id, dead_letter.state, Why.TOO_LARGE, detail))
            else:
                found.going.append((dead_letter, records))
    return found


def _risk(dead_letter: ListedDeadLetter, stale: Mapping[str, tuple[Why, str]]) -> tuple[Why, str] | None:
    found = dead_letter.resolution
    if found and found.state is ResolutionState.REPLAYED:
        return Why.REPLAYED, f"{found.by} replayed it at {show(found.at)}; use --force to replay it again"
    if dead_letter.id in stale:
        why, detail = stale[dead_letter.id]
        return why, f"{detail}; use --force to let this record win"
    return None


def _records(topics: Topics, dead_letter: ListedDeadLetter, *, force: bool) -> list[OutgoingRecord]:
    """The records to produce. A header marks replayed reports, so that they do not override newer ones."""
    kind, payload = topic_kind_of(topics, dead_letter.last.topic), dead_letter.payload
    assert kind
    assert payload is not None
    headers = [(name, value) for name, value in dead_letter.headers if name != REPLAYED]
    if dead_letter.last.topic == topics.reports.name and not force:
        headers.append((REPLAYED, b"1"))
    return [
        OutgoingRecord(dead_letter.last.topic, dead_letter.key, copy, number, tuple(headers))
        for number, copy in kind.copies(dead_letter.last.partition, payload)
    ]


def _size(entry: OutgoingRecord) -> int:
    return size_of(entry.key, entry.value, entry.headers)
