"""The transactional producer of an owner: all records of a unit of work become visible together, or none.

The transactional id is the owner's name. Opening a producer ends the former owner's open transaction and fences it: a
process that missed the loss of its ownership can write no more. It must then end, because its state is out of date.
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
    """A unit of work did not become visible; its owner must start again from Kafka."""


class FencedError(ProducerError):
    """Another process is the owner now."""


class OutgoingRecord(NamedTuple):
    """A record to be written. A value of None is a tombstone."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int = 0
    headers: tuple[Header, ...] = ()


def tells_of_fencing(error: KafkaError) -> bool:
    """Whether an error follows from an earlier fencing error of the producer.

    Sends carry the earlier error; a commit only quotes it ("in an error state: ... ProducerFencedError").
    """
    return any(kind.__name__ in repr(error) for kind in _FENCING)


class TransactionalProducer:
    """Writes transactions as one owner. Used by one thread."""

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
        """Write all records in one transaction; returns when it is committed.

        Raises:
            FencedError: another process is the owner now; end.
            ProducerError: Kafka did not take them; open a new producer and start again from Kafka.

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
                future.get(timeout=0)  # done, because a commit flushes; raises the error of a failed send
        except _FENCING as error:
            raise FencedError(f"another process owns {self._owner} now") from error
        except KafkaError as error:
            if tells_of_fencing(error):
                raise FencedError(f"another process owns {self._owner} now") from error
            raise ProducerError(f"Kafka did not take a unit of work of {self._owner}: {error!r}") from error

    def close(self) -> None:
        """Close the producer. The transactional id stays with it until another process opens one."""
        self._producer.close(timeout=5)
