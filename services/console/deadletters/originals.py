"""Reading the originals of dead letters that are kept as stubs: from where they were, as long as they are there."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace

from kafka.errors import UnknownTopicOrPartitionError

from schemas.deadletter import DeadLetter
from schemas.resolution import digest
from services.console.deadletters.dead_letter import ListedDeadLetter
from services.runtime.kafka.bulk_read import Raw, read_everything
from services.runtime.settings import Settings


def with_originals(settings: Settings, letters: Iterable[ListedDeadLetter]) -> list[ListedDeadLetter]:
    """The same letters; stubs with the bytes of their originals where those still are. Raises KafkaError."""
    return [_restored(settings, letter) if letter.is_stub else letter for letter in letters]


def _restored(settings: Settings, letter: ListedDeadLetter) -> ListedDeadLetter:
    found = _record_at(settings, letter.last)
    if found is None or digest(found.key, found.value) != letter.digest:
        return letter
    return replace(letter, key=found.key, value=found.value, headers=DeadLetter.original(found.headers), restored=True)


def _record_at(settings: Settings, note: DeadLetter) -> Raw | None:
    try:
        with closing(read_everything(settings, note.topic, note.partition, note.offset)) as records:
            found = next(records, None)
    except UnknownTopicOrPartitionError:
        return None
    # Where it is gone, the next one that is there comes first.
    return found if found is not None and found.offset == note.offset else None
