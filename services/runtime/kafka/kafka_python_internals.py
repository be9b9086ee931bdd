"""The private parts of kafka-python (3.0) that are used, for lack of a public interface. No other module uses any.

- kafka-python cannot read a header name that is not UTF-8, nor send a header without a value. Importing this module
  changes both, for all clients of this process.
- `resume_join` makes the next poll continue a join that the timeout of the last one interrupted.

Source of the record format: Apache Kafka, "Record Batch" (the message format, version 2).
"""

from typing import Any, Final

from kafka.record.default_records import DefaultRecord, DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.util import decode_varint

from schemas.deadletter import Header
from services.runtime.kafka.private_use import PrivateUse
from services.runtime.kafka.record_headers import NO_VALUE, read_name

USES: Final = (
    PrivateUse(
        "kafka.record.default_records:DefaultRecordBatch._read_msg",
        ("buffer = self._buffer", "pos = self._pos", "length, pos = decode_varint(buffer, pos)", "start_pos = pos",
         "_, pos = decode_varint(buffer, pos)", "ts_delta, pos", "offset_delta, pos", "key_len, pos", "value_len, pos",
         "header_count, pos", "h_key_len, pos", ".decode(", "self._pos = pos"),
        "_read_by_hand does the same for a record whose header names are not UTF-8: compare the two. Where the release"
        " reads such names by itself, delete _read_tolerantly and _read_by_hand",
    ),
    PrivateUse(
        "kafka.record.default_records:DefaultRecordBatchBuilder.append",
        ("def append(self, offset, timestamp, key, value, headers,",),
        "_append_any takes the headers from the last positional argument",
    ),
    PrivateUse(
        "kafka.record.memory_records:MemoryRecordsBuilder.append",
        ("self._builder.append(offset, timestamp, key, value, headers)",),
        "_append_any takes the headers from the last positional argument",
    ),
    PrivateUse(
        "kafka.producer.kafka:KafkaProducer.send",
        ("isinstance(item[1], bytes)", "All headers items must be (str, bytes)"),
        "where the release sends headers without a value, delete NO_VALUE, `sendable` and _append_any",
    ),
    PrivateUse(
        "kafka.coordinator.base:BaseCoordinator.join_group_async",
        ("while self.need_rejoin():", "if self._join_task is None or self._join_task.is_done:",
         "self._join_task = None"),
        "resume_join asks for a rejoin while a join is under way: see whether a poll now goes on with it by itself",
    ),
    PrivateUse(
        "kafka.coordinator.base:BaseCoordinator.request_rejoin",
        ("self.rejoin_needed = True",),
        "resume_join calls it, to have the next poll go on with the join",
    ),
    PrivateUse(
        "kafka.consumer.group:KafkaConsumer.__init__",
        ("self._coordinator = ConsumerCoordinator(",),
        "resume_join reaches the coordinator by this name",
    ),
)  # fmt: skip
_read = DefaultRecordBatch._read_msg
_append = DefaultRecordBatchBuilder.append


def resume_join(consumer: Any) -> None:  # noqa: ANN401  # untyped library
    """Make the next poll of a `KafkaConsumer` continue a join that the timeout of this one interrupted.

    kafka-python continues it only while a rejoin is due. If the rejoin was due because the topic's partitions became
    known, it no longer is once they are assigned, and the member would wait for ever without heartbeats.
    """
    coordinator = consumer._coordinator
    if coordinator._join_task is not None:
        coordinator.request_rejoin()


def _read_tolerantly(batch: Any) -> Any:  # noqa: ANN401  # untyped library
    try:
        return _read(batch)
    except UnicodeDecodeError:
        return _read_by_hand(batch)


def _read_by_hand(batch: Any) -> Any:  # noqa: ANN401  # untyped library
    """Read the record at the batch's position like `_read_msg`, but with any header names."""
    buffer = batch._buffer
    length, start = decode_varint(buffer, batch._pos)
    _, at = decode_varint(buffer, start)  # attributes, which no record has
    later_by, at = decode_varint(buffer, at)
    offset, at = decode_varint(buffer, at)
    key, at = _bytes(buffer, at)
    value, at = _bytes(buffer, at)
    count, at = decode_varint(buffer, at)
    headers: list[Header] = []
    for _ in range(count):
        raw, at = _bytes(buffer, at)
        found, at = _bytes(buffer, at)
        headers.append((read_name(raw or b""), found))
    batch._pos = start + length
    appended = batch.timestamp_type == batch.LOG_APPEND_TIME
    timestamp = batch.max_timestamp if appended else batch.first_timestamp + later_by
    return DefaultRecord(length, batch.base_offset + offset, timestamp, batch.timestamp_type, key, value, headers)


def _bytes(buffer: Any, at: int) -> tuple[bytes | None, int]:  # noqa: ANN401  # any buffer
    size, at = decode_varint(buffer, at)
    return (None, at) if size < 0 else (bytes(buffer[at : at + size]), at + size)


def _append_any(*record: Any, **more: Any) -> Any:  # noqa: ANN401  # untyped library
    """Append a record with any headers. The last positional argument of `append` holds the headers."""
    *before, headers = record
    if any(found is NO_VALUE for _, found in headers):
        headers = [(name, None if found is NO_VALUE else found) for name, found in headers]
    return _append(*before, headers, **more)


DefaultRecordBatch._read_msg = _read_tolerantly
DefaultRecordBatchBuilder.append = _append_any
