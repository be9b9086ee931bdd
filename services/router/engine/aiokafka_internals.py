"""The private parts of aiokafka (0.14) that the router uses, for lack of a public interface. No other module uses any.

- aiokafka cannot read header names that are not UTF-8. Importing this module puts a reader in front that reads such a
  batch again with `kafka_python_internals`.
- `read_committed` makes a consumer that other code made, such as Faust's, read committed records only.
"""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from aiokafka.consumer import fetcher
from kafka.record.default_records import DefaultRecordBatch

from services.runtime.kafka import kafka_python_internals as _tolerant  # noqa: F401  # makes `DefaultRecordBatch` so
from services.runtime.kafka.private_use import PrivateUse

USES: Final = (
    PrivateUse(
        "aiokafka.consumer.fetcher",
        ("from aiokafka.record.memory_records import MemoryRecords", "records = MemoryRecords(part_data[-1])"),
        "TolerantRecords stands in for MemoryRecords there. Where the release reads header names that are not UTF-8,"
        " delete it",
    ),
    PrivateUse(
        "aiokafka.consumer.fetcher:PartitionRecords",
        ("next_batch()",),
        "what it calls of MemoryRecords is what TolerantRecords has to have: has_next, next_batch, size_in_bytes",
    ),
    PrivateUse(
        "aiokafka.consumer.consumer:AIOKafkaConsumer.start",
        ("isolation_level=self._isolation_level",),
        "read_committed sets the attribute before start reads it; where there is a public way by now, take it",
    ),
)
_LENGTH: Final = struct.Struct(">i")
_LENGTH_AT, _OVERHEAD = 8, 12
"""The position of the length in a batch, and the number of bytes that the length does not count."""
_fast = fetcher.MemoryRecords


class _Batch:
    """A batch of aiokafka with tolerant records."""

    def __init__(self, batch: Any, raw: memoryview) -> None:  # noqa: ANN401  # compiled
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # as aiokafka has it
        return getattr(self._batch, name)

    def __next__(self) -> Any:  # noqa: ANN401  # aiokafka uses it for control batches, whose records have no headers
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._batch:
                yield record
                read += 1
        except (UnicodeDecodeError, fetcher.Errors.CorruptRecordException):
            # This fails as well if the batch is corrupt in another way.
            yield from islice(DefaultRecordBatch(bytearray(self._raw)), read, None)


class TolerantRecords:
    """The batches of one partition in one answer."""

    def __init__(self, raw: bytes) -> None:
        self._raw = memoryview(raw)
        self._at = 0
        self._records = _fast(raw)

    def size_in_bytes(self) -> int:
        """Return the size of all batches."""
        size: int = self._records.size_in_bytes()
        return size

    def has_next(self) -> bool:
        """Whether there is another complete batch."""
        there: bool = self._records.has_next()
        return there

    def next_batch(self) -> _Batch | None:
        """Return the next batch, or None."""
        batch = self._records.next_batch()
        if batch is None:
            return None
        (length,) = _LENGTH.unpack_from(self._raw, self._at + _LENGTH_AT)
        start, self._at = self._at, self._at + _OVERHEAD + length
        return _Batch(batch, self._raw[start : self._at])


fetcher.MemoryRecords = TolerantRecords


def read_committed(consumer: Any) -> None:  # noqa: ANN401  # untyped library
    """Make an `AIOKafkaConsumer` that is not started yet read committed records only."""
    consumer._isolation_level = "read_committed"
