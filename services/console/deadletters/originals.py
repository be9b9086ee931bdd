"""Reads the original records of stubs from their topics, while they are still there."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace

from kafka.errors import UnknownTopicOrPartitionError

from schemas.deadletter import DeadLetter
from schemas.resolution import digest
from services.console.deadletters.dead_letter import ListedDeadLetter
from services.runtime.kafka.bulk_read import Raw, read_everything
from services.runtime.settings import Settings


def with_originals(settings: Settings, dead_letters: Iterable[ListedDeadLetter]) -> list[ListedDeadLetter]:
    """The same dead letters; stubs get the bytes of their originals where these still exist. Raises KafkaError."""
    return [_restored(settings, dead_letter) if dead_letter.is_stub else dead_letter for dead_letter in dead_letters]


def _restored(settings: Settings, dead_letter: ListedDeadLetter) -> ListedDeadLetter:
    found = _record_at(settings, dead_letter.last)
    if found is None or digest(found.key, found.value) != dead_letter.digest:
        return dead_letter
    return replace(
        dead_letter, key=found.key, value=found.value, headers=DeadLetter.original(found.headers), restored=True
    )


def _record_at(settings: Settings, note: DeadLetter) -> Raw | None:
    try:
        with closing(read_everything(settings, note.topic, note.partition, note.offset)) as records:
            found = next(records, None)
    except UnknownTopicOrPartitionError:
        return None
    # If the record is gone, reading from its offset yields a later one.
    return found if found is not None and found.offset == note.offset else None
