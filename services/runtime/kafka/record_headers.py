"""Record headers as Kafka defines them: any bytes as a name, any bytes or none as a value.

kafka-python (3.0.12) cannot read a header name that is not UTF-8, nor send a header without a value. Importing this
module replaces two private functions of it: `DefaultRecordBatch._read_msg` and `DefaultRecordBatchBuilder.append`.
tests/unit/test_record_headers.py fails if a release changes them. Source: Apache Kafka, "Record Batch" (the message
format, version 2).
"""

from collections.abc import Iterable
from typing import Any, Final

from kafka.record.default_records import DefaultRecord, DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.util import decode_varint

from schemas.deadletter import Header


class RawName(str):
    """A header name that is not UTF-8. Shown with escapes; written as its original bytes."""

    __slots__ = ("raw",)
    raw: bytes

    def __new__(cls, raw: bytes) -> "RawName":
        """Make the name from its bytes."""
        made = super().__new__(cls, raw.decode(errors="backslashreplace"))
        made.raw = raw
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002  # the names are str's
        """Return the original bytes."""
        return self.raw


class _NoValue(bytes):
    """Stands for a missing value until the record is built, because kafka-python sends bytes only."""


_NO_VALUE: Final = _NoValue()
_read = DefaultRecordBatch._read_msg  # noqa: SLF001
_append = DefaultRecordBatchBuilder.append


def sendable(headers: Iterable[Header]) -> list[tuple[str, bytes]]:
    """Return headers in the form that `KafkaProducer.send` accepts. Names and values stay byte for byte."""
    return [(name, _NO_VALUE if value is None else value) for name, value in headers]


def size_of(key: bytes | None, value: bytes | None, headers: Iterable[Header]) -> int:
    """Return the encoded size of a record's key, value and headers, in bytes."""
    size: int = DefaultRecordBatchBuilder.size_of(key, value, list(headers))
    return size


def _read_tolerantly(batch: Any) -> Any:  # noqa: ANN401  # untyped library
    try:
        return _read(batch)
    except UnicodeDecodeError:
        return _read_by_hand(batch)


def _read_by_hand(batch: Any) -> Any:  # noqa: ANN401  # untyped library
    """Read the record at the batch's position like `_read_msg`, but with any header names."""
    buffer = batch._buffer  # noqa: SLF001
    length, start = decode_varint(buffer, batch._pos)  # noqa: SLF001
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
        headers.append((_name(raw or b""), found))
    batch._pos = start + length  # noqa: SLF001
    appended = batch.timestamp_type == batch.LOG_APPEND_TIME
    timestamp = batch.max_timestamp if appended else batch.first_timestamp + later_by
    return DefaultRecord(length, batch.base_offset + offset, timestamp, batch.timestamp_type, key, value, headers)


def _bytes(buffer: Any, at: int) -> tuple[bytes | None, int]:  # noqa: ANN401  # any buffer
    size, at = decode_varint(buffer, at)
    return (None, at) if size < 0 else (bytes(buffer[at : at + size]), at + size)


def _name(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return RawName(raw)


def _append_any(*record: Any, **more: Any) -> Any:  # noqa: ANN401  # untyped library
    """Append a record with any headers. The last positional argument of `append` holds the headers."""
    *before, headers = record
    if any(found is _NO_VALUE for _, found in headers):
        headers = [(name, None if found is _NO_VALUE else found) for name, found in headers]
    return _append(*before, headers, **more)


DefaultRecordBatch._read_msg = _read_tolerantly  # noqa: SLF001
DefaultRecordBatchBuilder.append = _append_any
