"""Connections whose worker failed unexpectedly: when each is started again, and what is reported meanwhile.

A failure concerns one connection; all others go on. Its worker starts again after a wait that doubles from two seconds
to five minutes, with jitter, or at once when the connection changes. It has recovered once it has done a unit of work
and stayed up for as long as that wait.
"""

import threading
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from schemas.deadletter import DeadLetter
from schemas.level import Level
from schemas.resources import Connection
from services.runtime.clock import now_ms
from services.runtime.deadletters import TooManyDeadLettersError
from services.runtime.kafka.clients import producer
from services.runtime.kafka.errors import KAFKA_ERRORS
from services.runtime.kafka.leases import LeaseLostError
from services.runtime.kafka.record_headers import sendable
from services.runtime.kafka.transactional_producer import FencedError, OutgoingRecord
from services.runtime.lifecycle import Context
from services.runtime.observability import log
from services.runtime.observability.metrics import WORKER_FAILURES
from services.runtime.settings import SettingsError
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.status import Status, known_state

STEADY_AFTER_S = 5.0
"""The least time that a worker stays up before it counts as working."""
_PACE = Pace(first_s=2.0, longest_s=300.0)
_SEND_WITHIN_S = 10.0
_OF_THE_PROCESS = (LeaseLostError, FencedError, SettingsError, MemoryError)
_NOT_PUBLISHED: tuple[type[Exception], ...] = (*KAFKA_ERRORS, TooManyDeadLettersError)
_REMEDY = (
    "none at first: the service starts the worker again, at growing intervals. If it keeps failing, read the service's "
    "log and report the error"
)
_LOG = log.get(__name__)


def ends_process(error: BaseException) -> bool:
    """Whether an error of a worker concerns the whole process: lost ownership, unusable settings, no memory."""
    return isinstance(error, _OF_THE_PROCESS) or not isinstance(error, Exception)


@dataclass(frozen=True, slots=True)
class _Failure:
    connection: Connection
    text: str
    count: int
    since: int
    wait_s: float
    due: float


class Failures:
    """The failures of a service's workers, by connection. Safe to use from any thread."""

    def __init__(self, context: Context, pace: Pace = _PACE) -> None:
        self._context = context
        self._pace = pace
        self._lock = threading.Lock()
        self._known: dict[str, _Failure] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def take(self, connection: Connection, error: Exception) -> None:
        """Record and publish that a worker failed. Call it from the worker's thread: publishing may take seconds."""
        name, before = connection.name, self._known.get(connection.name)
        text = log.redact(f"{type(error).__name__}: {DeadLetter.text_of(error)}")
        count = before.count + 1 if before else 1
        wait_s = self._pace.passing(count - 1)
        since = before.since if before else now_ms()
        failure = _Failure(connection, text, count, since, wait_s, time.monotonic() + wait_s)
        with self._lock:
            self._known[name] = failure
        _LOG.error(
            "a worker failed", connection=name, why=text, failures=count, wait_s=round(wait_s, 1), exc_info=error
        )
        if before is None or before.text != text:
            message = f"the worker of {name} failed and is started again: {text}"
            self._context.activity.tell(Level.ERROR, "worker_failed", message, connection=name, remedy=_REMEDY)
        self._publish(failure)

    def may_start(self, connection: Connection) -> bool:
        """Whether a worker may be started: none failed, its wait is over, or its connection has changed."""
        known = self._known.get(connection.name)
        return known is None or known.connection != connection or time.monotonic() >= known.due

    def steady_after_s(self, name: str) -> float:
        """Return how long a new worker must stay up before it counts as working, in seconds."""
        known = self._known.get(name)
        return max(STEADY_AFTER_S, known.wait_s) if known else STEADY_AFTER_S

    def show(self, name: str) -> None:
        """Update the gauge and the health remark of a connection."""
        known = self._known.get(name)
        WORKER_FAILURES.labels(self._context.service, name).set(known.count if known else 0)
        line = f"it failed {known.count} times in a row and is started again by itself: {known.text}" if known else None
        self._context.health.remark(f"worker of {name}", line)

    def over(self, name: str) -> None:
        """Report that a worker works again."""
        if self.forget(name):
            self._context.activity.tell(Level.INFO, "worker_recovered", f"{name} is worked for again", connection=name)
            self.show(name)

    def forget(self, name: str) -> bool:
        """Forget the failures of a connection. Returns whether there were any."""
        with self._lock:
            known = self._known.pop(name, None)
        self._context.health.remark(f"worker of {name}", None)
        return known is not None

    def names(self) -> list[str]:
        """Return the connections whose workers failed."""
        return list(self._known)

    def _publish(self, failure: _Failure) -> None:
        """Publish it in `ioc.connections`, with a plain producer: the worker's own ended with it."""
        settings, name = self._context.settings, failure.connection.name
        try:
            with closing(producer(settings)) as plain:

                def write(entries: Iterable[OutgoingRecord]) -> None:
                    for entry in entries:
                        headers = sendable(entry.headers)
                        plain.send(entry.topic, entry.value, key=entry.key, headers=headers).get(_SEND_WITHIN_S)

                status = Status(self._context, name, write)
                status.recall(known_state(self._context, name))
                status.say(failure=failure.text, failures=failure.count, failing_since=failure.since)
        except _NOT_PUBLISHED as error:
            _LOG.warning("cannot publish that a worker failed", connection=name, why=repr(error))
