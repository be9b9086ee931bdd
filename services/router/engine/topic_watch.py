"""Whether the topics that the router works with are still those that it began with.

A topic that was deleted and re-created has another id, however many records it holds by now. Offsets, state and
assignments that were learnt of the former one say nothing about it, so a fresh process must take over. While a topic is
missing Faust assigns none of its partitions, and says nothing; so the router is not ready then.
"""

from collections.abc import Collection

from schemas.topics import Topic
from services.runtime.exits import LostFootingError
from services.runtime.kafka.errors import KAFKA_ERRORS
from services.runtime.kafka.topics import topic_ids
from services.runtime.lifecycle import Context
from services.runtime.observability import log

TASK = "topic watch"
EVERY_S = 10.0
_BEAT_BOUND_S = 120.0

_LOG = log.get(__name__)


class TopicWatch:
    """Compares the ids of topics with those that `begin` found."""

    def __init__(self, context: Context, topics: Collection[Topic], every_s: float = EVERY_S) -> None:
        self._context = context
        self._names = [topic.name for topic in topics]
        self._every_s = every_s
        self._ids: dict[str, str] = {}
        self._missing: list[str] = []

    def begin(self) -> None:
        """Take the ids as they are now for the right ones.

        Raises:
            LostFootingError: a topic does not exist.
            KafkaError: Kafka does not answer.

        """
        self._ids = topic_ids(self._context.settings, self._names)
        if missing := self._names_not_in(self._ids):
            raise LostFootingError(f"{', '.join(missing)} existed a moment ago, and no longer")

    def id_of(self, topic: Topic) -> str:
        """The id that `begin` found."""
        return self._ids[topic.name]

    def run(self) -> None:
        """Watch until the process stops.

        Raises:
            LostFootingError: a topic was re-created, or is there again.

        """
        try:
            while not self._context.stop.is_set():
                self._context.health.beat(TASK, _BEAT_BOUND_S)
                try:
                    self.look()
                except KAFKA_ERRORS as error:
                    _LOG.warning("topics cannot be looked at", why=repr(error))
                    self._context.health.wait_for(TASK, f"Kafka does not tell which topics exist: {error!r}")
                self._context.stop.wait(self._every_s)
        finally:
            self._context.health.forget(TASK)

    def look(self) -> None:
        """Compare once. Raises as `run`, and KafkaError."""
        found = topic_ids(self._context.settings, self._names)
        changed = [name for name, known in found.items() if known != self._ids[name]]
        back = [name for name in self._missing if name in found]
        if changed or back:
            raise LostFootingError(f"{', '.join(changed or back)}: the topic was re-created, or was away for a while")
        self._missing = self._names_not_in(found)
        if not self._missing:
            self._context.health.done(TASK)
            return
        why = f"{', '.join(self._missing)} must exist; run: ioc-bridge topics apply"
        _LOG.warning("topics are missing", why=why)
        self._context.health.wait_for(TASK, why)

    def _names_not_in(self, found: Collection[str]) -> list[str]:
        return [name for name in self._names if name not in found]
