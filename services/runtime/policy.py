"""The policy of a service: read whole at start, then followed. `view` is consistent at any time."""

import threading
from typing import Protocol

from kafka import KafkaConsumer, TopicPartition

from schemas.policy import Policy
from schemas.record import UndecodableError
from schemas.resources import AnyResource, decode_resource
from schemas.resources.rule import RULE_ALL
from services.runtime.deadletters import DeadLetters
from services.runtime.exits import LostFootingError
from services.runtime.kafka.bulk_read import Raw, end_of, poll, read_to_end
from services.runtime.kafka.clients import consumer
from services.runtime.kafka.errors import KAFKA_ERRORS
from services.runtime.observability import log
from services.runtime.observability.health import Health
from services.runtime.observability.metrics import POLICY_VERSION
from services.runtime.settings import Settings
from services.runtime.supervision import SupervisedThread, Supervisor

TASK = "policy"
_BEAT_BOUND_S = 120.0
"""Writing a dead letter and reading the end offset may each take a minute while Kafka is slow."""
_STOP_WITHIN_S = 3.0
_CLOSE_WITHIN_MS = 2_000
_LOG = log.get(__name__)


class PolicyView(Protocol):
    """Gives access to the present policy."""

    @property
    def view(self) -> Policy:
        """A consistent view of the present policy."""


class PolicyFollower:
    """Follows `ioc.policy` in its own thread. `view` is replaced as a whole, never changed."""

    def __init__(self, settings: Settings, deadletters: DeadLetters, supervisor: Supervisor, health: Health) -> None:
        self._settings = settings
        self._deadletters = deadletters
        self._partition = TopicPartition(settings.topics.policy.name, 0)
        self._resources: dict[bytes, AnyResource] = {}
        self._stop = threading.Event()
        self._supervisor = supervisor
        self._health = health
        self._thread: SupervisedThread | None = None
        self._reader: KafkaConsumer | None = None
        self._caught_up = threading.Condition()
        self._requested = 0
        self._answered = 0
        self.view = Policy()
        self.changed = threading.Event()

    def start(self) -> None:
        """Read the policy up to its end, then follow it. Returns when `view` is whole."""
        self._reader = consumer(self._settings)
        self._take(list(read_to_end(self._reader, self._partition)), self._reader.position(self._partition))
        self._thread = self._supervisor.start_thread(TASK, self._follow, ending=self._stop)

    def current(self, within_s: float = 2.0) -> Policy:
        """Return the policy up to the end that `ioc.policy` has now, or the present `view` after `within_s` seconds.

        Use it before refusing a request: the policy that allows the request may have been applied a moment ago.
        """
        with self._caught_up:
            self._requested += 1
            request = self._requested
            self._caught_up.wait_for(lambda: self._answered >= request, within_s)
        return self.view

    def stop(self) -> None:
        """Stop following."""
        self._stop.set()
        self.changed.set()
        if (self._thread is None or self._thread.join(_STOP_WITHIN_S)) and self._reader:
            self._reader.close(timeout_ms=_CLOSE_WITHIN_MS)

    def _follow(self) -> None:
        assert self._reader
        while not self._stop.is_set():
            self._health.beat(TASK, _BEAT_BOUND_S)
            records = poll(self._reader, self._partition, 250)
            if self._reader.position(self._partition) < self.view.version:
                raise LostFootingError(f"{self._partition.topic} was re-created")
            if records:
                self._take(records, self._reader.position(self._partition))
            elif (request := self._requested) > self._answered:
                self._answer(self._reader, request)
        self._health.forget(TASK)

    def _answer(self, reader: KafkaConsumer, request: int) -> None:
        """Wake the callers of `current` up to this request, unless there are more records to read first."""
        try:
            end = end_of(self._settings, self._partition)
        except KAFKA_ERRORS as error:  # the next turn tries again
            _LOG.warning("cannot read the end offset of the policy", why=repr(error))
            return
        if reader.position(self._partition) >= end:
            with self._caught_up:
                self._answered = request
                self._caught_up.notify_all()

    def _take(self, records: list[Raw], version: int) -> None:
        for record in records:
            self._take_one(record)
        self.view = Policy.of([RULE_ALL, *self._resources.values()], version)
        POLICY_VERSION.set(version)
        for misfit in self.view.misfits():
            _LOG.warning(
                "resource does not fit",
                kind=misfit.kind,
                name=misfit.name,
                field=".".join(misfit.path),
                why=misfit.message,
            )
        self.changed.set()

    def _take_one(self, record: Raw) -> None:
        if record.key is None:
            return
        if record.value is None:
            self._resources.pop(record.key, None)
            return
        try:
            self._resources[record.key] = decode_resource(record.value)
            self._deadletters.limit.good(self._partition.topic, 0)
        except UndecodableError as error:
            # The previous version of the resource stays in force: a partial policy would withdraw entries by mistake.
            self._deadletters.set_aside(self._partition.topic, 0, record, error)
