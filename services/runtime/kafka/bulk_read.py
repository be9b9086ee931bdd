"""Bulk reads: a partition up to its present end. Services load their state from Kafka with these."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec

from schemas.deadletter import Header
from services.runtime.kafka.clients import admin, consumer
from services.runtime.settings import Settings


class Raw(NamedTuple):
    """A record as read from its partition."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


def read_to_end(reader: KafkaConsumer, partition: TopicPartition, start: int | None = None) -> Iterator[Raw]:
    """Assign one partition to the reader and yield its records from `start` (or the beginning) to its present end.

    The reader stays at the end, so a later poll misses nothing.
    """
    reader.assign([partition])
    if start is None:
        reader.seek_to_beginning(partition)
    else:
        reader.seek(partition, start)
    end = reader.end_offsets([partition])[partition]
    while reader.position(partition) < end:
        yield from poll(reader, partition, 500)


def read_each_to_end(
    reader: KafkaConsumer, partitions: Sequence[TopicPartition]
) -> Iterator[tuple[TopicPartition, Raw]]:
    """Assign partitions to the reader and yield their records, in order of arrival, up to their present ends."""
    reader.assign(partitions)
    if not partitions:
        return
    reader.seek_to_beginning(*partitions)
    ends = reader.end_offsets(partitions)
    while any(reader.position(partition) < end for partition, end in ends.items()):
        for partition, records in reader.poll(timeout_ms=500).items():
            for record in records:
                yield partition, Raw(record.offset, record.key, record.value, record.headers)


def poll(reader: KafkaConsumer, partition: TopicPartition, timeout_ms: int) -> list[Raw]:
    """Return the records of one poll."""
    records = reader.poll(timeout_ms=timeout_ms).get(partition, [])
    return [Raw(record.offset, record.key, record.value, record.headers) for record in records]


def read_everything(settings: Settings, topic: str, number: int = 0, start: int | None = None) -> Generator[Raw]:
    """Yield all records that a partition holds now, from `start` on, including those behind open transactions.

    Kafka shows committed records that follow another writer's open transaction only when that ends: this waits for it,
    for the transaction timeout at most.
    """
    partition = TopicPartition(topic, number)
    end = end_of(settings, partition)
    with closing(consumer(settings)) as reader:
        yield from read_to_end(reader, partition, start)
        while reader.position(partition) < end:
            yield from poll(reader, partition, 500)


def end_of(settings: Settings, partition: TopicPartition) -> int:
    """Return the end offset of a partition, including open transactions."""
    with closing(admin(settings)) as client:
        found: int = client.list_partition_offsets({partition: OffsetSpec.LATEST})[partition].offset
        return found


def latest(settings: Settings, topic: str, partition: int = 0) -> dict[bytes, bytes]:
    """Return the latest value per key of one partition, without keys whose latest record is a tombstone."""
    reader = consumer(settings)
    found: dict[bytes, bytes] = {}
    try:
        for record in read_to_end(reader, TopicPartition(topic, partition)):
            if record.key is None:
                continue
            if record.value is None:
                found.pop(record.key, None)
            else:
                found[record.key] = record.value
    finally:
        reader.close()
    return found
