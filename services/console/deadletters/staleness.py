"""Finds dead letters whose replay would undo something newer.

A replay is safe if the original is still in its topic and no later record has the same subject. Compaction removes a
record only after a newer one of its key, so a missing original was superseded. `ioc.reports` has a retention time, so
what followed a missing report is unknown.
"""

from collections.abc import Iterable

from schemas.topics import Topics
from services.console.deadletters.dead_letter import ListedDeadLetter
from services.console.deadletters.reasons import Why
from services.console.deadletters.topic_kinds import TopicKind, topic_kind_of
from services.runtime.kafka.bulk_read import read_everything
from services.runtime.settings import Settings


def stale(settings: Settings, dead_letters: Iterable[ListedDeadLetter]) -> dict[str, tuple[Why, str]]:
    """The dead letters that would undo something newer, by id, with code and text. Reads each partition once."""
    parts: dict[tuple[str, int], list[ListedDeadLetter]] = {}
    for dead_letter in dead_letters:
        parts.setdefault((dead_letter.last.topic, dead_letter.last.partition), []).append(dead_letter)
    found: dict[str, tuple[Why, str]] = {}
    for (topic, number), group in parts.items():
        kind = _of_interest(settings.topics, topic)
        if kind:
            found |= _look(settings, kind, topic, number, group)
    return found


def _of_interest(topics: Topics, topic: str) -> TopicKind | None:
    """The kind of a topic in which newer records matter; None for requests, which supersede nothing."""
    return None if topic == topics.requests.name else topic_kind_of(topics, topic)


def _look(
    settings: Settings, kind: TopicKind, topic: str, number: int, dead_letters: list[ListedDeadLetter]
) -> dict[str, tuple[Why, str]]:
    there: set[int] = set()
    awaited: dict[bytes, list[ListedDeadLetter]] = {}
    for dead_letter in dead_letters:
        # Include the subjects of the original: an edit may have changed them.
        for subject in kind.subjects(dead_letter.key, dead_letter.payload) | kind.subjects(
            dead_letter.key, dead_letter.value
        ):
            awaited.setdefault(subject, []).append(dead_letter)
    found: dict[str, tuple[Why, str]] = {}
    start = min(dead_letter.last.offset for dead_letter in dead_letters)
    for record in read_everything(settings, topic, number, start):
        there.add(record.offset)
        for subject in kind.subjects(record.key, record.value):
            for dead_letter in awaited.get(subject, ()):
                if record.offset > dead_letter.last.offset:
                    why = f"offset {record.offset} of {topic}-{number} is newer and has the same subject"
                    found[dead_letter.id] = Why.NEWER, why
    for dead_letter in dead_letters:
        if dead_letter.last.offset not in there and dead_letter.id not in found:
            why = (
                "a newer record of its key replaced it and was deleted since"
                if kind.compacted
                else "the topic no longer holds it, so later records may be missing too"
            )
            found[dead_letter.id] = Why.GONE, why
    return found
