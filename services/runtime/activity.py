"""Activity: what a service reports to people, as records for the console and as log lines."""

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from kafka import KafkaProducer

from schemas.activity import MAX_ITEMS, Activity, ActivityItem
from schemas.level import Level
from services.runtime.chunks import chunks
from services.runtime.clock import now_ms
from services.runtime.kafka.clients import producer
from services.runtime.kafka.errors import KAFKA_ERRORS
from services.runtime.observability import log
from services.runtime.observability.metrics import ACTIVITY_LOST, SKIPPED
from services.runtime.settings import Settings
from services.runtime.supervision import Supervisor

MOST_WAITING = 10_000
"""Records that may wait for Kafka. Records beyond that are counted as lost; their log line was written."""
_BLOCKED_MS = 5_000
_PAUSE_S = 1.0
_TURN_S = 1.0
_CLOSE_WITHIN_S = 3.0
_LOG = log.get(__name__)


class ActivityLog:
    """Publishes the activity of one service from its own thread. Safe to use from any thread and event loop.

    `tell` never waits for Kafka. A record that Kafka does not take is logged and counted, but not seen in the console.
    """

    def __init__(self, settings: Settings, service: str, supervisor: Supervisor) -> None:
        self._settings = settings
        self._topic = settings.topics.activity.name
        self._service = service
        self._lost = ACTIVITY_LOST.labels(service)
        self._waiting: queue.Queue[bytes | None] = queue.Queue(MOST_WAITING)
        self._producer: KafkaProducer | None = None
        self._give_up_at: float | None = None
        self._closing = threading.Event()
        self._thread = supervisor.start_thread("activity", self._publish, ending=self._closing)

    def tell(
        self,
        level: Level,
        code: str,
        message: str,
        *,
        connection: str | None = None,
        remedy: str | None = None,
        items: Sequence[ActivityItem] = (),
        counts: Mapping[str, int] | None = None,
        request: str | None = None,
    ) -> None:
        """Publish and log one message. `code` is stable, for filters and alerts.

        `request` is the id of the request that this answers. `counts` defaults to the number of items per reason.
        """
        _LOG.log(_LEVELS[level], message, code=code, connection=connection, remedy=remedy)
        counted = dict(Counter(item.reason for item in items) if counts is None else counts)
        for part in list(chunks(items, MAX_ITEMS)) or [()]:
            activity = Activity(
                at=now_ms(), service=self._service, connection=connection, level=level, code=code,
                message=message, remedy=remedy, request=request, counts=counted, items=part,
            )  # fmt: skip
            try:
                self._waiting.put_nowait(log.redact(activity.encode().decode()).encode())
            except queue.Full:
                self._lose("too many records wait for Kafka")

    def skipped(self, connection: str, items: Iterable[ActivityItem]) -> None:
        """Publish and count skipped items, each with its reason. Publishes nothing when there are no items."""
        items = list(items)
        for item in items:
            SKIPPED.labels(self._service, connection, item.reason).inc()
        if items:
            self.tell(Level.INFO, "skipped", f"{len(items)} skipped", connection=connection, items=items)

    def close(self, within_s: float = _CLOSE_WITHIN_S) -> None:
        """Send what still waits, for `within_s` seconds at most, and close."""
        self._give_up_at = time.monotonic() + within_s
        self._closing.set()
        with suppress(queue.Full):  # the thread checks the time before each record
            self._waiting.put_nowait(None)
        self._thread.join(within_s + 1)

    def _publish(self) -> None:
        try:
            while not self._is_over():
                with suppress(queue.Empty):
                    # Only this record waits for the client; the others stay in the bounded queue.
                    record = self._waiting.get(timeout=_TURN_S)
                    if record is None:
                        break
                    self._send(record)
        finally:
            while not self._waiting.empty():
                if self._waiting.get_nowait() is not None:
                    self._lose("the process ended first")
            if self._producer is not None:
                self._producer.close(timeout=max(0.1, (self._give_up_at or 0) - time.monotonic()))

    def _send(self, record: bytes) -> None:
        while self._producer is None and not self._is_over():
            try:
                self._producer = producer(self._settings, linger_ms=20, max_block_ms=_BLOCKED_MS)
            except KAFKA_ERRORS as error:
                _LOG.warning("activity waits for Kafka", why=repr(error))
                self._closing.wait(_PAUSE_S)
        try:
            if self._producer is None:
                self._lose("the process ended first")
            else:
                self._producer.send(self._topic, record).add_errback(self._lose)
        except KAFKA_ERRORS as error:
            self._lose(error)

    def _is_over(self) -> bool:
        return self._give_up_at is not None and time.monotonic() >= self._give_up_at

    def _lose(self, why: object) -> None:
        self._lost.inc()
        _LOG.warning("an activity record did not reach the console", why=str(why))


_LEVELS = {Level.INFO: 20, Level.WARNING: 30, Level.ERROR: 40}
