"""Record headers as Kafka defines them: any bytes as a name, any bytes or none as a value.

kafka-python cannot read a header name that is not UTF-8, nor send a header without a value. `kafka_python_internals`
changes that for every client that `clients` makes.
"""

from collections.abc import Iterable
from typing import Final

from kafka.record.default_records import DefaultRecordBatchBuilder

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


NO_VALUE: Final = _NoValue()


def sendable(headers: Iterable[Header]) -> list[tuple[str, bytes]]:
    """Return headers in the form that `KafkaProducer.send` accepts. Names and values stay byte for byte."""
    return [(name, NO_VALUE if value is None else value) for name, value in headers]


def size_of(key: bytes | None, value: bytes | None, headers: Iterable[Header]) -> int:
    """Return the encoded size of a record's key, value and headers, in bytes."""
    size: int = DefaultRecordBatchBuilder.size_of(key, value, list(headers))
    return size


def read_name(raw: bytes) -> str:
    """Return a header name from its bytes, whatever they are."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return RawName(raw)
