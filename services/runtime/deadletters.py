"""Dead letters: records that cannot be decoded, kept with their original bytes.

Invariant: a faulty release does not drain a topic into the dead letters. Past a share or a run length per partition,
the service stops and the records stay in their topic.
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
"""Client-side limit, above any broker's: the broker decides for each topic how large a record may be."""
_STUB_KEY = 1_000
_REMEMBERED = 10_000
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


class TooManyDeadLettersError(Exception):
    """Too many records of a partition are undecodable: the fault is probably in this release, not in the records."""


class Limit:
    """Counts decoded and undecodable records per partition, and raises when there are too many of the latter."""

    def __init__(self) -> None:
        self._recent: dict[tuple[str, int], deque[bool]] = defaultdict(lambda: deque(maxlen=WINDOW))
        self._run: dict[tuple[str, int], int] = defaultdict(int)

    def begin(self, topic: str, partition: int) -> None:
        """Forget the counts of a partition: it is read from its beginning again."""
        self._recent.pop((topic, partition), None)
        self._run.pop((topic, partition), None)

    def good(self, topic: str, partition: int, count: int = 1) -> None:
        """Count `count` decodable records."""
        if not count:
            return
        self._run[topic, partition] = 0
        self._recent[topic, partition].extend([True] * min(count, WINDOW))

    def bad(self, topic: str, partition: int) -> None:
        """Count one undecodable record.

        Raises:
            TooManyDeadLettersError: the limit is reached.

        """
        recent = self._recent[topic, partition]
        recent.append(False)
        self._run[topic, partition] += 1
        share = recent.count(False) / len(recent)
        if self._run[topic, partition] > MAX_RUN or (len(recent) >= MIN_IN_WINDOW and share > MAX_SHARE):
            raise TooManyDeadLettersError(
                f"{share:.0%} of the last {len(recent)} records of {topic}-{partition} are undecodable, "
                f"{self._run[topic, partition]} in a row; the service stops and leaves the rest in the topic: "
                "check whether this release is older than the one that wrote them"
            )


class DeadLetters:
    """Writes the dead letters of one service."""

    def __init__(self, settings: Settings, service: str) -> None:
        self._settings = settings
        self._service = service
        self._producer: KafkaProducer | None = None
        self._lock = threading.Lock()
        self._known: deque[tuple[str, int, int]] = deque(maxlen=_REMEMBERED)
        self.limit = Limit()

    def set_aside(self, topic: str, partition: int, record: Raw, error: Exception) -> None:
        """Publish an undecodable record as a dead letter; returns when Kafka has acknowledged it.

        Does nothing for a record that this process has published before. Waits for Kafka for up to a minute:
        call it through `asyncio.to_thread` from a coroutine.

        Raises:
            TooManyDeadLettersError: the limit is reached; the record was not published.

        """
        _refuse_event_loop()
        place = (topic, partition, record.offset)
        with self._lock:
            self.limit.bad(topic, partition)
            if place in self._known:
                return
            dead_letter = DeadLetter(
                topic=topic,
                partition=partition,
                offset=record.offset,
                service=self._service,
                error=DeadLetter.text_of(error),
                at=now_ms(),
            )
            self._publish(record, dead_letter)
            self._known.append(place)
        DEAD_LETTERS.labels(self._service, topic).inc()
        _LOG.error(
            "kept an undecodable record as a dead letter", id=dead_letter.id, topic=topic, partition=partition,
            offset=record.offset, why=str(error),
        )  # fmt: skip

    def _publish(self, record: Raw, dead_letter: DeadLetter) -> None:
        """Send the copy, or a stub without the value where the copy is too large for the broker."""
        headers = [*DeadLetter.original(record.headers), *dead_letter.headers()]
        try:
            self._send(record.key, record.value, headers)
        except _TOO_LARGE:
            self.close()  # an idempotent producer of kafka-python is of no use after a refusal
            size = size_of(record.key, record.value, record.headers)
            stub = dead_letter.model_copy(update={"size": size, "checksum": digest(record.key, record.value)})
            key = record.key if record.key is None or len(record.key) <= _STUB_KEY else None
            self._send(key, b"", stub.headers())

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
    raise RuntimeError("a dead letter is written from a thread only: Kafka may take a minute; use asyncio.to_thread")
