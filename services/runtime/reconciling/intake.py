"""Intake: checks the records of a destination before the entry store gets them.

Invariant: a record that is undecodable, under a wrong key or too large becomes a dead letter, and the previous state of
its key stays: no entry is written or withdrawn because of it.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from kafka import TopicPartition

from schemas.canonical import MAX_LENGTH, indicator_id
from schemas.desired import Applied, Desired, entry_key
from schemas.note import RESERVED
from schemas.record import UndecodableError
from schemas.types import IndicatorType
from schemas.vendors.vendor import Vendor
from services.runtime.deadletters import DeadLetters
from services.runtime.kafka.bulk_read import Raw
from services.runtime.reconciling.notes import Notes

_KEY_BYTES: Final = 5 * MAX_LENGTH
_CONTENT_LENGTH: Final = 200
"""Bounds of key and content, so that the applied record of an entry is never too large for Kafka."""
_R = TypeVar("_R", Applied, Desired)


class Intake:
    """The intake of one destination. Used by one thread."""

    def __init__(self, deadletters: DeadLetters, notes: Notes, vendor: Vendor) -> None:
        self._deadletters = deadletters
        self._notes = notes
        self._vendor = vendor

    def take(
        self, partition: TopicPartition, record: Raw, kind: type[_R], into: Callable[[str, _R | None], None]
    ) -> None:
        """Check one record and pass it to `into`.

        Raises:
            TooManyDeadLettersError: too many records are undecodable.

        """
        if record.key is None:
            return
        if record.key.startswith(RESERVED):
            self._notes.take(record.key, record.value)
            return
        try:
            key = _checked_key(record.key)
            entry = None if record.value is None else kind.decode(record.value)
            if entry:
                _check(key, entry)
                check_target(self._vendor, entry)
        except UndecodableError as error:
            self._deadletters.set_aside(partition.topic, partition.partition, record, error)
        else:
            self._deadletters.limit.good(partition.topic, partition.partition)
            into(key, entry)


def check_target(vendor: Vendor, entry: Applied | Desired) -> None:
    """Refuse an entry for a kind of target that connections of the vendor do not have.

    Raises:
        UndecodableError: no pusher could write it there.

    """
    if not isinstance(entry.target, vendor.targets):
        raise UndecodableError(
            f"{entry.target.id}: {vendor.name} connections have no {entry.target.kind} target; they have "
            f"{', '.join(vendor.target_kinds)}"
        )


def _checked_key(raw: bytes) -> str:
    if len(raw) > _KEY_BYTES:
        raise UndecodableError(f"{raw[:100]!r}… has {len(raw)} bytes; the key of an entry has {_KEY_BYTES} at most")
    try:
        key = raw.decode()
        IndicatorType(key.partition("/")[2].partition(":")[0])
    except ValueError as error:
        raise UndecodableError(f"{raw[:100]!r} is not a key of the form <target id>/<type>:<value>") from error
    return key


def _check(key: str, entry: Applied | Desired) -> None:
    if key != entry_key(entry.target.id, indicator_id(entry.type, entry.value)):
        raise UndecodableError(f"the record under {key!a} is about another entry")
    if len(entry.content) > _CONTENT_LENGTH:
        raise UndecodableError(f"content has {len(entry.content)} characters; a digest has {_CONTENT_LENGTH} at most")
