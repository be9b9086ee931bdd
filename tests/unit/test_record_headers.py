"""Headers that Kafka can hold and its Python clients cannot: names that are not UTF-8, values that are absent."""

from typing import Any

import pytest
from aiokafka.consumer import fetcher
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.memory_records import MemoryRecords as ClientRecords
from kafka.record.memory_records import MemoryRecordsBuilder

from schemas.deadletter import Header
from services.router.engine import aiokafka_internals
from services.runtime.kafka.record_headers import RawName, sendable


def _named(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return RawName(raw)


CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
NAMES = st.text(max_size=8) | st.binary(max_size=8).map(_named)
HEADERS = st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=8)), max_size=4)
BYTES = st.none() | st.binary(max_size=99)
RECORDS = st.lists(st.tuples(BYTES, BYTES, HEADERS), min_size=1)


def batch(records: list[tuple[bytes | None, bytes | None, list[Header]]], codec: str) -> bytes:
    builder = MemoryRecordsBuilder(magic=2, compression_type=CODECS[codec], batch_size=10**6)
    for key, value, headers in records:
        builder.append(1_700_000_000_000, key, value, sendable(headers))
    builder.close()
    return bytes(builder.buffer())


def as_bytes(found: Any) -> tuple[bytes | None, bytes | None, list[tuple[bytes, bytes | None]]]:
    return found.key, found.value, [(name.encode(), value) for name, value in found.headers]


@pytest.mark.parametrize("codec", CODECS)
@given(batches=st.lists(RECORDS, min_size=1, max_size=3))
def test_both_clients_read_whatever_a_record_has(codec: str, batches: Any) -> None:
    raw = b"".join(batch(records, codec) for records in batches)
    sent = [
        (key, value, [(name.encode(), found) for name, found in headers])
        for records in batches
        for key, value, headers in records
    ]
    for kind in (ClientRecords, fetcher.MemoryRecords):
        records, read = kind(raw), list[Any]()
        while records.has_next():
            next_batch = records.next_batch()
            assert next_batch is not None
            read += [as_bytes(record) for record in next_batch]
        assert read == sent


def test_a_name_that_is_not_utf_8_is_shown_with_escapes_and_written_as_it_was() -> None:
    name = RawName(b"a\xffb")
    assert name == "a\\xffb"
    assert name.encode() == b"a\xffb"


def test_the_router_reads_by_the_tolerant_reader() -> None:
    assert fetcher.MemoryRecords is aiokafka_internals.TolerantRecords
