"""Whether a record that is to be produced again would undo something newer.

Invariant: the original must still be there, and nothing after it may speak of the same. A compacted topic loses a
record only to a newer one of its key, so one that is gone was superseded, even if that was a withdrawal which is gone
as well. Reports are kept for a time; what was said after one that is gone cannot be known.
"""

from collections.abc import Iterable

from schemas.topics import Topics
from services.console.deadletters.dead_letter import ListedDeadLetter
from services.console.deadletters.reasons import Why
from services.console.deadletters.topic_kinds import TopicKind, topic_kind_of
from services.runtime.kafka.bulk_read import read_everything
from services.runtime.settings import Settings


def stale(settings: Settings, letters: Iterable[ListedDeadLetter]) -> dict[str, tuple[Why, str]]:
    """Which letters would undo something, by id, and why. Each partition is read once."""
    parts: dict[tuple[str, int], list[ListedDeadLetter]] = {}
    for letter in letters:
        parts.setdefault((letter.last.topic, letter.last.partition), []).append(letter)
    found: dict[str, tuple[Why, str]] = {}
    for (topic, number), group in parts.items():
        nature = _of_interest(settings.topics, topic)
        if nature:
            found |= _look(settings, nature, topic, number, group)
    return found


def _of_interest(topics: Topics, topic: str) -> TopicKind | None:
    """Nothing is ever newer than a question."""
    return None if topic == topics.requests.name else topic_kind_of(topics, topic)


def _look(
    settings: Settings, nature: TopicKind, topic: str, number: int, letters: list[ListedDeadLetter]
) -> dict[str, tuple[Why, str]]:
    there: set[int] = set()
    awaited: dict[bytes, list[ListedDeadLetter]] = {}
    for letter in letters:
        # Also what the original spoke of where that can be told: an edit may have turned it to something else.
        for subject in nature.subjects(letter.key, letter.payload) | nature.subjects(letter.key, letter.value):
            awaited.setdefault(subject, []).append(letter)
    found: dict[str, tuple[Why, str]] = {}
    start = min(letter.last.offset for letter in letters)
    for record in read_everything(settings, topic, number, start):
        there.add(record.offset)
        for subject in nature.subjects(record.key, record.value):
            for letter in awaited.get(subject, ()):
                if record.offset > letter.last.offset:
                    why = f"offset {record.offset} of {topic}-{number} is newer and speaks of the same"
                    found[letter.id] = Why.NEWER, why
    for letter in letters:
        if letter.last.offset not in there and letter.id not in found:
            why = (
                "something newer of its key took its place, and was withdrawn since"
                if nature.compacted
                else "the topic does not go back that far, so what came after it cannot be known"
            )
            found[letter.id] = Why.GONE, why
    return found
