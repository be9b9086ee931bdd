"""Telling people: activity records for the console, and the same counted and logged."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from schemas.activity import MAX_ITEMS, Activity, ActivityItem, Level
from services.runtime.chunks import chunks
from services.runtime.clock import now_ms
from services.runtime.kafka.clients import producer
from services.runtime.observability import log
from services.runtime.observability.metrics import SKIPPED
from services.runtime.settings import Settings

_LOG = log.get(__name__)


class ActivityLog:
    """Publishes activity of one service. Safe to use from any thread; never waits for Kafka."""

    def __init__(self, settings: Settings, service: str) -> None:
        self._topic = settings.topics.activity.name
        self._service = service
        self._producer = producer(settings, linger_ms=20)

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
        """Say something once; `code` is stable, for filters and alerts. `request` is the id of what it answers.

        `counts` are those of the items where nothing else is given.
        """
        _LOG.log(_LEVELS[level], message, code=code, connection=connection, remedy=remedy)
        counted = dict(Counter(item.reason for item in items) if counts is None else counts)
        for part in list(chunks(items, MAX_ITEMS)) or [()]:
            activity = Activity(
                at=now_ms(), service=self._service, connection=connection, level=level, code=code,
                message=message, remedy=remedy, request=request, counts=counted, items=part,
            )  # fmt: skip
            self._producer.send(self._topic, log.redact(activity.encode().decode()).encode())

    def skipped(self, connection: str, items: Iterable[ActivityItem]) -> None:
        """List and count what is skipped, each with its reason. Nothing is said where nothing is skipped."""
        items = list(items)
        for item in items:
            SKIPPED.labels(self._service, connection, item.reason).inc()
        if items:
            self.tell(Level.INFO, "skipped", f"{len(items)} skipped", connection=connection, items=items)

    def close(self) -> None:
        """Send what is still waiting and close."""
        self._producer.close(timeout=5)


_LEVELS = {Level.INFO: 20, Level.WARNING: 30, Level.ERROR: 40}
