"""Records that cannot be decoded are set aside with their original bytes; too many in a row stop the service.

A bad release must not drain a topic into the dead letters: past a share or a run length, per partition, the service
stops instead and the records stay where they are.
"""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Iterable

from kafka import KafkaProducer
from kafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

from schemas.deadletter import DeadLetter, Header
from schemas.resolution import digest
from services.runtime.clock import now_ms
from services.runtime.kafka.bulk_read import Raw
from services.runtime.kafka.clients import producer
from services.runtime.kafka.record_headers import sendable, size_of
from services.runtime.observability import log
from services.runtime.observability.metrics import DEAD_LETTERS
from services.runtime.settings import Settings

_LOG = log.get(__name__)

MAX_RUN = 50
WINDOW = 1_000
MAX_SHARE = 0.05
MIN_IN_WINDOW = 200
_MAX_BYTES = 100_000_000
"""The broker decides how large a record may be, and may have another limit for each topic."""
_STUB_KEY = 1_000
_REMEMBERED = 10_000
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


class TooManyDeadLettersError(Exception):
    """So much of a partition is undecodable that the fault is more likely here than there."""


class Limit:
    """Decides, from the outcomes seen so far, whether one more dead letter of a partition is tolerable."""

    def __init__(self) -> None:
        self._recent: dict[tuple[str, int], deque[bool]] = defaultdict(lambda: deque(maxlen=WINDOW))
        self._run: dict[tuple[str, int], int] = defaultdict(int)

    def begin(self, topic: str, partition: int) -> None:
        """A partition is read from its beginning: what was seen of it before does not count."""
        self._recent.pop((topic, partition), None)
        self._run.pop((topic, partition), None)

    def good(self, topic: str, partition: int, count: int = 1) -> None:
        """So many records of a partition were decodable."""
        if not count:
            return
        self._run[topic, partition] = 0
        self._recent[topic, partition].extend([True] * min(count, WINDOW))

    def bad(self, topic: str, partition: int) -> None:
        """One was not.

        Raises:
            TooManyDeadLettersError: it is one too many.

        """
        recent = self._recent[topic, partition]
        recent.append(False)
        self._run[topic, partition] += 1
        share = recent.count(False) / len(recent)
        if self._run[topic, partition] > MAX_RUN or (len(recent) >= MIN_IN_WINDOW and share > MAX_SHARE):
            raise TooManyDeadLettersError(
                f"{share:.0%} of the last {len(recent)} records of {topic}-{partition} are undecodable, "
                f"{self._run[topic, partition]} in a row: stopping before more are set aside; "
                "is this release older than the one that wrote them?"
            )


class DeadLetters:
    """Sets records aside on behalf of one service."""

    def __init__(self, settings: Settings, service: str) -> None:
        self._settings = settings
        self._service = service
        self._producer: KafkaProducer | None = None
        self._lock = threading.Lock()
        self._known: deque[tuple[str, int, int]] = deque(maxlen=_REMEMBERED)
        self.limit = Limit()

    def set_aside(self, topic: str, partition: int, record: Raw, error: Exception) -> None:
        """Keep an undecodable record where people can see it, acknowledged by Kafka before this returns.

        One that this process has set aside already, and met again, is not kept twice.
        Waits for Kafka, for a minute or so; coroutines call it by `asyncio.to_thread`.

        Raises:
            TooManyDeadLettersError: the limit is reached; the record was not set aside.

        """
        _refuse_event_loop()
        place = (topic, partition, record.offset)
        with self._lock:
            self.limit.bad(topic, partition)
            if place in self._known:
                return
            letter = DeadLetter(
                topic=topic,
                partition=partition,
                offset=record.offset,
                service=self._service,
                error=DeadLetter.text_of(error),
                at=now_ms(),
            )
            self._keep(record, letter)
            self._known.append(place)
        DEAD_LETTERS.labels(self._service, topic).inc()
        _LOG.error(
            "set aside an undecodable record", id=letter.id, topic=topic, partition=partition, offset=record.offset,
            why=str(error),
        )  # fmt: skip

    def _keep(self, record: Raw, letter: DeadLetter) -> None:
        """Send the copy, or a stub where the broker, which has the last word on sizes, takes no copy."""
        # A tombstone decodes always, so there is a value wherever there is a dead letter.
        headers = [*DeadLetter.original(record.headers), *letter.headers()]
        try:
            self._send(record.key, record.value, headers)
        except _TOO_LARGE:
            self.close()  # an idempotent producer of kafka-python is of no use after a refusal
            size = size_of(record.key, record.value, record.headers)
            found = letter.model_copy(update={"size": size, "checksum": digest(record.key, record.value)})
            key = record.key if record.key is None or len(record.key) <= _STUB_KEY else None
            self._send(key, b"", found.headers())

    def _send(self, key: bytes | None, value: bytes | None, headers: Iterable[Header]) -> None:
        if self._producer is None:
            self._producer = producer(self._settings, compression_type="gzip", max_request_size=_MAX_BYTES)
        topic = self._settings.topics.deadletters.name
        self._producer.send(topic, value, key=key, headers=sendable(headers)).get(timeout=30)

    def close(self) -> None:
        """Close the connection to Kafka."""
        if self._producer:
            self._producer.close(timeout=5)
            self._producer = None


def _refuse_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # what it raises where there is none
        return
    raise RuntimeError("a record is set aside from a thread only: Kafka may take a minute; use asyncio.to_thread")
