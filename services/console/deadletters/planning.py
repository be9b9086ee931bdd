"""What a replay would do: which letters may go, and as what records; for all others why not. Pure."""

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
"""Of key, value and headers: the rest is the envelope of a request."""


@dataclass(slots=True)
class Plan:
    """Letters to be produced again, each with its records, and those that are left as they are."""

    going: list[tuple[ListedDeadLetter, list[OutgoingRecord]]] = field(default_factory=list)
    left: list[Outcome] = field(default_factory=list)


def flaw(topics: Topics, letter: ListedDeadLetter, payload: bytes | None) -> tuple[Why, str] | None:
    """Why a payload may not be produced in the place of a letter; None where it may."""
    nature = topic_kind_of(topics, letter.last.topic)
    if nature is None:
        return Why.NOWHERE, f"no service of this installation reads {letter.last.topic}"
    if payload is None and letter.is_stub:
        return Why.GONE, f"{kept_as_stub(letter.last)}, and it is no longer there; drop it"
    if payload is None:
        return Why.UNREADABLE, f"it is a withdrawal under {letter.key!r}, which no reader takes for a key"
    try:
        nature.check(letter.key, payload)
    except UndecodableError as error:
        return Why.UNREADABLE, str(error)
    return None


def kept_as_stub(note: DeadLetter) -> str:
    """What a stub says of its original."""
    place = f"offset {note.offset} of {note.topic}-{note.partition}"
    return f"the record has {note.size} bytes, too many to be copied, and is kept where it was only, at {place}"


def plan(
    topics: Topics, letters: Iterable[ListedDeadLetter], stale: Mapping[str, tuple[Why, str]], *, force: bool
) -> Plan:
    """Plan a replay. `force`: also of what was replayed before, and of what would undo something newer."""
    found = Plan()
    for letter in letters:
        why = flaw(topics, letter, letter.payload) or (None if force else _risk(letter, stale))
        if why:
            hint = f"; mend it first: ioc-bridge deadletters edit {letter.id}" if why[0] is Why.UNREADABLE else ""
            found.left.append(Outcome(letter.id, letter.state, why[0], why[1] + hint))
        else:
            records = _records(topics, letter, force=force)
            if (size := max(map(_size, records))) > _MOST_BYTES:
                detail = (
                    f"it has {size} bytes, and at most {_MOST_BYTES} can be written; send it from where it comes from"
                )
                found.left.append(Outcome(letter.id, letter.state, Why.TOO_LARGE, detail))
            else:
                found.going.append((letter, records))
    return found


def _risk(letter: ListedDeadLetter, stale: Mapping[str, tuple[Why, str]]) -> tuple[Why, str] | None:
    said = letter.resolution
    if said and said.state is ResolutionState.REPLAYED:
        return Why.REPLAYED, f"{said.by} replayed it at {show(said.at)}; once more only with --force"
    if letter.id in stale:
        why, detail = stale[letter.id]
        return why, f"{detail}; to let this have the last word all the same: --force"
    return None


def _records(topics: Topics, letter: ListedDeadLetter, *, force: bool) -> list[OutgoingRecord]:
    """What is produced. Reports that shall not have the last word say so in a header."""
    nature, payload = topic_kind_of(topics, letter.last.topic), letter.payload
    assert nature
    assert payload is not None
    headers = [(name, value) for name, value in letter.headers if name != REPLAYED]
    if letter.last.topic == topics.reports.name and not force:
        headers.append((REPLAYED, b"1"))
    return [
        OutgoingRecord(letter.last.topic, letter.key, copy, number, tuple(headers))
        for number, copy in nature.copies(letter.last.partition, payload)
    ]


def _size(entry: OutgoingRecord) -> int:
    return size_of(entry.key, entry.value, entry.headers)
