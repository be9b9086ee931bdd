"""The transactional producers of the owned partitions. They send whole record batches, a tenth of the cost per record.

Opening a partition's producer ends the former owner's transaction and fences it: so open first, then read the state.
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
    """A record to send. A value of None is a tombstone."""

    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


Transaction = Mapping[tuple[str, int], list[KeyedRecord]]
"""The records of one transaction, by topic and partition."""


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
        """Become the only writer of a partition. Does nothing if this process already is."""
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
        """Give up a partition."""
        if producer := self._producers.pop(partition, None):
            await producer.stop()

    async def send(self, partition: int, outgoing: Transaction) -> None:
        """Write a transaction; it is committed when this returns.

        Raises:
            KafkaError, ProducerError: it may or may not be committed; a new process finds out.

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
        except AssertionError as error:  # aiokafka's, about the state of a transaction
            raise ProducerError(f"the producer of partition {partition} is in a wrong state: {error!r}") from error

    async def set_group_offset(self, partition: int, topic: str, offset: int) -> None:
        """Set the consumer group to the offset of the state, before Faust seeks to the committed one."""
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
