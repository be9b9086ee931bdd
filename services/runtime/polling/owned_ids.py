"""Remote ids of the entries that our pusher wrote, so that a puller recognises our rows even without our mark."""

from kafka import KafkaConsumer, TopicPartition

from schemas.desired import RELEASED, Applied
from schemas.note import RESERVED
from schemas.record import UndecodableError
from services.runtime.kafka.bulk_read import read_to_end
from services.runtime.kafka.clients import consumer
from services.runtime.lifecycle import Context


class OwnedIds:
    """Follows the applied topic of one connection, which may be missing. Used by one thread."""

    def __init__(self, context: Context, connection: str) -> None:
        self._context = context
        self._partition = TopicPartition(context.settings.topics.applied(connection).name, 0)
        self._reader: KafkaConsumer | None = None
        self._next: int | None = None
        self._ids: dict[bytes, str] = {}

    def ids(self) -> frozenset[str]:
        """Return the remote ids of our entries as recorded until now. Released entries are not ours."""
        if self._reader is None:
            self._reader = consumer(self._context.settings)
        if not self._reader.partitions_for_topic(self._partition.topic):
            return frozenset()
        for record in read_to_end(self._reader, self._partition, self._next):
            if record.key is not None and not record.key.startswith(RESERVED):
                self._take(record.key, record.value)
        self._next = self._reader.position(self._partition)
        return frozenset(self._ids.values())

    def close(self) -> None:
        """Close the connections."""
        if self._reader:
            self._reader.close()

    def _take(self, key: bytes, value: bytes | None) -> None:
        try:
            applied = Applied.decode(value) if value else None
        except UndecodableError:
            return  # the pusher reads it as well, and keeps it as a dead letter; the previous state of the key stays
        self._ids.pop(key, None)
        released = applied and applied.reason and applied.reason.code == RELEASED.code
        if applied and applied.remote_id is not None and not released:
            self._ids[key] = applied.remote_id
