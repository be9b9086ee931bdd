"""The transactional producer of each owned partition, and handing records over as whole record batches.

Opening a partition's producer ends the transaction of, and fences, whoever had the partition before: so fence first,
read second. One send a record costs ten times as much as whole batches.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from services.runtime.kafka.clients import MAX_REQUEST_BYTES, TRANSACTION_TIMEOUT_MS, security
from services.runtime.kafka.transactional_producer import ProducerError
from services.runtime.settings import Settings

_BATCH_BYTES = 900_000


@dataclass(slots=True)
class KeyedRecord:
    """A record to be sent. A value of None is a tombstone."""

    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


Parcel = Mapping[tuple[str, int], list[KeyedRecord]]
"""What one transaction writes: items by topic and partition."""


class PartitionProducers:
    """The producers of the owned partitions."""

    def __init__(self, settings: Settings, app: str) -> None:
        self._settings = settings
        self._app = app
        self._producers: dict[int, AIOKafkaProducer] = {}

    @property
    def partitions(self) -> set[int]:
        """The partitions that have a producer."""
        return set(self._producers)

    async def open(self, partition: int) -> None:
        """Become the one writer of a partition. Nothing happens where this process already is."""
        if partition in self._producers:
            return
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka_bootstrap.split(","),
            transactional_id=f"{self._app}-{partition}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_batch_size=_BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
            **security(self._settings),
        )
        await producer.start()
        self._producers[partition] = producer

    async def close(self, partition: int) -> None:
        """Give a partition up."""
        if producer := self._producers.pop(partition, None):
            await producer.stop()

    async def send(self, partition: int, outgoing: Parcel) -> None:
        """Write a parcel in one transaction; it is committed when this returns.

        Raises:
            KafkaError, ProducerError: it may or may not be; a fresh process finds out.

        """
        producer = self._producers[partition]
        try:
            await producer.begin_transaction()
            sent = [
                await producer.send_batch(batch, topic, partition=number)
                for (topic, number), items in outgoing.items()
                for batch in _batches(producer, items)
            ]
            await asyncio.gather(*sent)
            await producer.commit_transaction()
        except AssertionError as error:  # aiokafka's own, about the state of a transaction
            raise ProducerError(f"the producer of partition {partition} cannot be trusted: {error!r}") from error

    async def set_group_offset(self, partition: int, topic: str, offset: int) -> None:
        """Put the consumer group where the state says, before anyone seeks to what was committed."""
        producer = self._producers[partition]
        await producer.begin_transaction()
        await producer.send_offsets_to_transaction({TopicPartition(topic, partition): offset}, self._app)
        await producer.commit_transaction()


def _batches(producer: AIOKafkaProducer, items: Iterable[KeyedRecord]) -> Iterable[Any]:
    batch = producer.create_batch()
    for item in items:
        if batch.append(key=item.key, value=item.value, timestamp=None, headers=list(item.headers)) is None:
            batch.close()
            yield batch
            batch = producer.create_batch()
            batch.append(key=item.key, value=item.value, timestamp=None, headers=list(item.headers))
    batch.close()
    yield batch
