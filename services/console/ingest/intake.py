"""Publishes pushed reports to Kafka before the push is answered, and refuses pushes while the router is behind.

The backlog is the end of `ioc.reports` minus the router's progress, which the read model follows.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

from kafka import TopicPartition

from schemas.activity import ActivityItem
from schemas.level import Level
from schemas.progress import Progress
from services.console.ingest.expired import ALREADY_EXPIRED
from services.console.ingest.items import SEEN_IN_FUTURE, JudgedItem
from services.runtime.activity import ActivityLog
from services.runtime.kafka import clients
from services.runtime.kafka.transactional_producer import OutgoingRecord
from services.runtime.observability import trace
from services.runtime.observability.metrics import REPORTED
from services.runtime.polling.reporter import SCHEMA, Poll, batches
from services.runtime.settings import Settings

RETRY_AFTER_S = 5
_REMARKS = {
    SEEN_IN_FUTURE: (
        "items are dated in the future and were taken as seen at receipt",
        "correct the clock of the source, or the time zone that it writes",
    ),
    ALREADY_EXPIRED: (
        "items have expired already and are shared nowhere",
        "push a later last_seen or expires_at, or a longer aging for the source",
    ),
}
"""Activity text and remedy for accepted items, by reason."""
_LOOK_EVERY_S = 1.0
_ACKNOWLEDGED_WITHIN_S = 30.0


class BehindError(Exception):
    """The router is too far behind to take more reports; try again later."""


class Intake:
    """Publishes what sources push. Safe to use from any thread."""

    def __init__(
        self, settings: Settings, activity: ActivityLog, progress: Callable[[], Mapping[int, Progress]], most: int
    ) -> None:
        self._settings = settings
        self._activity = activity
        self._progress = progress
        self._most = most
        self._producer = clients.producer(settings, compression_type="gzip", linger_ms=5)
        self._lock = threading.Lock()
        self._looked_at = 0.0
        self._behind = 0

    def close(self) -> None:
        """Close the producer. Everything taken is in Kafka already."""
        self._producer.close(timeout=5)

    def check_room(self) -> None:
        """Check that the router's backlog is below the limit.

        Raises:
            BehindError: the backlog is too large.

        """
        behind = self.behind()
        if behind > self._most:
            raise BehindError(
                f"the router is {behind} batches behind, more than {self._most}; push again a little later"
            )

    def behind(self) -> int:
        """How many batches of reports are not merged yet. At most a second old."""
        with self._lock:
            if time.monotonic() - self._looked_at > _LOOK_EVERY_S:
                self._behind = self._look()
                self._looked_at = time.monotonic()
            return self._behind

    def take(self, source: str, judged: Sequence[JudgedItem], also: Sequence[OutgoingRecord] = ()) -> None:
        """Publish the accepted reports, and record refused or adjusted items as activity. `also` is sent with them.

        Raises:
            KafkaError: Kafka did not take all of them; repeating the push is safe.

        """
        reports = [one.report for one in judged if one.report]
        poll = Poll(source)
        topic = self._settings.topics.reports.name
        sent = [
            self._producer.send(
                topic, batch.encode(), key=source.encode(), partition=number,
                headers=[(trace.HEADER, trace.child(poll.traceparent).encode()), ("schema", SCHEMA)],
            )
            for number, batch in batches(poll, reports, self._settings.partitions)
        ]  # fmt: skip
        sent += [self._producer.send(one.topic, one.value, key=one.key) for one in also]
        for future in sent:
            future.get(timeout=_ACKNOWLEDGED_WITHIN_S)
        for verb, count in Counter(report.verb for report in reports).items():
            REPORTED.labels(source, verb).inc(count)
        self._activity.skipped(source, [_item(one) for one in judged if not one.report])
        for reason, (text, remedy) in _REMARKS.items():
            if items := [_item(one) for one in judged if one.report and one.reason == reason]:
                message = f"{len(items)} {text}"
                self._activity.tell(Level.WARNING, reason, message, connection=source, remedy=remedy, items=items)

    def _look(self) -> int:
        topic = self._settings.topics.reports
        parts = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        with closing(clients.consumer(self._settings)) as reader:
            ends = reader.end_offsets(parts)
            first = reader.beginning_offsets(parts)
        progress = self._progress()
        return sum(
            ends[part] - max(first[part], progress[part.partition].reports_next if part.partition in progress else 0)
            for part in parts
        )


def _item(judged: JudgedItem) -> ActivityItem:
    return ActivityItem(
        subject=f"item {judged.index}, line {judged.line}", reason=judged.reason or "", detail=judged.detail
    )
