"""Reads the router's progress: the latest record with the reserved key in each partition of `ioc.indicators`.

Every unit of work of the router ends with such a record, so it is found near the end.
"""

from contextlib import closing

from kafka import KafkaConsumer, TopicPartition

from schemas.progress import PROGRESS_KEY, Progress
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import read_to_end
from services.runtime.settings import Settings

_LOOK_BACK = 64


def read_progress(settings: Settings) -> dict[int, Progress | None]:
    """The progress by partition; None where the router has not worked yet.

    Raises:
        UndecodableError: a newer version wrote the record.
        KafkaError: Kafka does not answer.

    """
    topic = settings.topics.indicators.name
    with closing(clients.consumer(settings)) as reader:
        return {number: _last(reader, TopicPartition(topic, number)) for number in range(settings.partitions)}


def _last(reader: KafkaConsumer, partition: TopicPartition) -> Progress | None:
    first = reader.beginning_offsets([partition])[partition]
    start = end = reader.end_offsets([partition])[partition]
    back = _LOOK_BACK
    while start > first:
        start = max(first, end - back)
        back *= 16
        found = None
        for record in read_to_end(reader, partition, start):
            if record.key == PROGRESS_KEY and record.value is not None:
                found = record.value
        if found is not None:
            return Progress.decode(found)
    return None
