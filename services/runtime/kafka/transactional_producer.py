"""Writing as the one owner of something: everything of a unit of work becomes visible together, or not at all.

The transactional id is the owner's name. Opening a ledger ends the open transaction of whoever had it before and fences
that one: a process that slept through the loss of its ownership cannot write any more. It must then leave; nothing it
believes can be trusted.
"""

from collections.abc import Iterable
from typing import NamedTuple

from kafka.errors import (
    FencedInstanceIdError,
    InvalidProducerEpochError,
    InvalidProducerIdMappingError,
    KafkaError,
    ProducerFencedError,
)

from schemas.deadletter import Header
from services.runtime.kafka.clients import TRANSACTION_TIMEOUT_MS, producer
from services.runtime.kafka.record_headers import sendable
from services.runtime.settings import Settings

_FENCING = (ProducerFencedError, InvalidProducerEpochError, InvalidProducerIdMappingError, FencedInstanceIdError)


class ProducerError(Exception):
    """A unit of work did not become visible; its owner must start afresh from what is in Kafka."""


class FencedError(ProducerError):
    """Someone else owns this now."""


class OutgoingRecord(NamedTuple):
    """A record to be written. A value of None is a tombstone."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int = 0
    headers: tuple[Header, ...] = ()


def tells_of_fencing(error: KafkaError) -> bool:
    """Whether an error comes of another one that the producer was told before: that somebody else owns this now.

    Its sends carry that error along, its commit only has it in the text ("in an error state: ... ProducerFencedError").
    """
    return any(kind.__name__ in repr(error) for kind in _FENCING)


class TransactionalProducer:
    """The transactional writer of one owner. Used by one thread."""

    def __init__(self, settings: Settings, owner: str) -> None:
        self._owner = owner
        self._producer = producer(
            settings,
            transactional_id=f"{settings.topic_prefix}-{owner}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            batch_size=400_000,
            compression_type="gzip",
        )
        try:
            self._producer.init_transactions()
        except KafkaError as error:
            self._producer.close(timeout=0)
            raise ProducerError(f"cannot become the owner of {owner}: {error}") from error

    def write(self, entries: Iterable[OutgoingRecord]) -> None:
        """Write all entries in one transaction, and return when they are committed.

        Raises:
            FencedError: another process took over the ownership; leave.
            LedgerError: Kafka did not take them; open a new ledger and start from what is in Kafka.

        """
        try:
            self._producer.begin_transaction()
            sent = [
                self._producer.send(
                    entry.topic, entry.value, key=entry.key, partition=entry.partition, headers=sendable(entry.headers)
                )
                for entry in entries
            ]
            self._producer.commit_transaction()
            for future in sent:
                future.get(timeout=0)  # a commit flushes, so each is settled; this raises what a failed one says
        except _FENCING as error:
            raise FencedError(f"another process owns {self._owner} now") from error
        except KafkaError as error:
            if tells_of_fencing(error):
                raise FencedError(f"another process owns {self._owner} now") from error
            raise ProducerError(f"Kafka did not take a unit of work of {self._owner}: {error!r}") from error

    def close(self) -> None:
        """Give up writing. The ownership stays with this name until someone else opens it."""
        self._producer.close(timeout=5)
