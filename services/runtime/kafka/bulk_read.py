"""Read a whole topic, up to where it ends now: how a service learns state that it kept in Kafka."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec

from schemas.deadletter import Header
from services.runtime.kafka.clients import admin, consumer
from services.runtime.settings import Settings


class Raw(NamedTuple):
    """A record as it stands in its partition."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


def read_to_end(reader: KafkaConsumer, partition: TopicPartition, start: int | None = None) -> Iterator[Raw]:
    """Assign one partition to the reader and yield its records from `start` (or the beginning) to its present end.

    The reader stays at the end afterwards, so that following on misses nothing.
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
    """Assign several partitions to the reader and yield the records of all up to their present ends, as they come."""
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
    """What one poll brings."""
    records = reader.poll(timeout_ms=timeout_ms).get(partition, [])
    return [Raw(record.offset, record.key, record.value, record.headers) for record in records]


def read_everything(settings: Settings, topic: str, number: int = 0, start: int | None = None) -> Generator[Raw]:
    """All that a partition of a topic holds now, from `start` on, also behind the open transaction of another writer.

    Where several writers share a topic, committed records that follow somebody's open transaction are not shown before
    that ends, which takes no longer than the transaction timeout.
    """
    partition = TopicPartition(topic, number)
    end = end_of(settings, partition)
    with closing(consumer(settings)) as reader:
        yield from read_to_end(reader, partition, start)
        while reader.position(partition) < end:
            yield from poll(reader, partition, 500)


def end_of(settings: Settings, partition: TopicPartition) -> int:
    """Where a partition ends now, with what was just committed and is not shown yet, and with open transactions."""
    with closing(admin(settings)) as client:
        found: int = client.list_partition_offsets({partition: OffsetSpec.LATEST})[partition].offset
        return found


def latest(settings: Settings, topic: str, partition: int = 0) -> dict[bytes, bytes]:
    """The latest value per key of one partition; withdrawn keys are gone."""
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
