"""Records that cannot be decoded are set aside with their original bytes; too many in a row stop the service.

A bad release must not drain a topic into the dead letters: past a share or a run length, per partition, the service
stops instead and the records stay where they are.
"""

from collections import defaultdict, deque

from kafka import KafkaProducer

from schemas.deadletter import DeadLetter
from services.runtime.clock import now_ms
from services.runtime.kafka.bulk_read import Raw
from services.runtime.kafka.clients import producer
from services.runtime.observability import log
from services.runtime.observability.metrics import DEAD_LETTERS
from services.runtime.settings import Settings

_LOG = log.get(__name__)

MAX_RUN = 50
WINDOW = 1_000
MAX_SHARE = 0.05
MIN_IN_WINDOW = 200


class TooManyDeadLettersError(Exception):
    """So much of a partition is undecodable that the fault is more likely here than there."""


class Limit:
    """Decides, from the outcomes seen so far, whether one more dead letter of a partition is tolerable."""

    def __init__(self) -> None:
        self._recent: dict[tuple[str, int], deque[bool]] = defaultdict(lambda: deque(maxlen=WINDOW))
        self._run: dict[tuple[str, int], int] = defaultdict(int)

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
        self.limit = Limit()

    def set_aside(self, topic: str, partition: int, record: Raw, error: Exception) -> None:
        """Keep an undecodable record where people can see it, acknowledged by Kafka before this returns.

        Raises:
            TooManyDeadLettersError: the limit is reached; the record was not set aside.

        """
        self.limit.bad(topic, partition)
        letter = DeadLetter(
            topic=topic,
            partition=partition,
            offset=record.offset,
            service=self._service,
            error=str(error)[:500],
            at=now_ms(),
        )
        if self._producer is None:
            self._producer = producer(self._settings)
        name = self._settings.topics.deadletters.name
        # A tombstone decodes always, so there is a value wherever there is a dead letter.
        headers = [*DeadLetter.original(record.headers), *letter.headers()]
        self._producer.send(name, record.value, key=record.key, headers=headers).get(timeout=30)
        DEAD_LETTERS.labels(self._service, topic).inc()
        _LOG.error(
            "set aside an undecodable record", id=letter.id, topic=topic, partition=partition, offset=record.offset,
            why=str(error),
        )  # fmt: skip

    def close(self) -> None:
        """Close the connection to Kafka."""
        if self._producer:
            self._producer.close(timeout=5)
