"""One lane of a puller: when its turn is next, and what people are told of its trouble.

Invariant: trouble is told once when it begins, changes and ends. A wait that the vendor asked for is kept to the full.
"""

import time
from typing import Protocol

from schemas.activity import Level
from services.runtime import log, trace
from services.runtime.activity import ActivityLog
from services.runtime.book import Pace
from services.runtime.metrics import LAST_POLL, POLL_SECONDS, POLLS, VENDOR_RETRIES
from services.runtime.vendors.errors import ConflictError, ThrottledError, UnavailableError, VendorError

_PATIENCE = 5
"""Times in a row that a vendor may ask us to wait before that is told as trouble."""

_LOG = log.get(__name__)


class Lane(Protocol):
    """One thing of a connection that is polled at its own pace."""

    def poll(self) -> float:
        """Poll once and publish. Returns in how many seconds to poll again.

        Raises:
            StoppedError: asked to leave.
            VendorError: the vendor cannot be worked with now; nothing was published.
            LedgerError, LeaseLostError: someone else works for the connection.

        """


class Turn:
    """A lane's turns. `due` is when the next one is, by the monotonic clock."""

    def __init__(self, connection: str, lane: Lane, activity: ActivityLog, pace: Pace) -> None:
        self.due = 0.0
        self._connection = connection
        self._lane = lane
        self._activity = activity
        self._pace = pace
        self._failures = 0
        for outcome in ("ok", "error"):
            POLLS.labels(connection, outcome)  # there from the start, or the first of its kind is no increase
        self._told: tuple[object, ...] | None = None

    @property
    def may_hurry(self) -> bool:
        """Whether it may be taken early: not while the vendor is to be left alone for a while."""
        return self._failures == 0

    def take(self) -> None:
        """Poll, and see to when to poll again. Raises what the lane raises, but for the vendor's trouble."""
        began = time.monotonic()
        try:
            with trace.span("poll", connection=self._connection):
                wait = self._lane.poll()
        except VendorError as error:
            POLLS.labels(self._connection, "error").inc()
            VENDOR_RETRIES.labels(self._connection, error.route).inc()
            self._tell(error)
            wait = self._delay(error)
            self._failures += 1
        else:
            POLLS.labels(self._connection, "ok").inc()
            LAST_POLL.labels(self._connection).set_to_current_time()
            self._over()
        now = time.monotonic()
        POLL_SECONDS.labels(self._connection).observe(now - began)
        self.due = now + wait

    def _delay(self, error: VendorError) -> float:
        if isinstance(error, ThrottledError):
            return error.retry_after
        if not error.transient:
            return self._pace.lasting(self._failures)
        asked = error.retry_after if isinstance(error, UnavailableError) else None
        return max(asked or 0.0, self._pace.passing(self._failures))

    def _tell(self, error: VendorError) -> None:
        kind = getattr(error, "kind", None) or getattr(error, "status", None)
        trouble = (type(error), error.route, kind)
        patient = isinstance(error, ThrottledError | ConflictError) and self._failures < _PATIENCE
        if patient or trouble == self._told:
            _LOG.warning("poll failed, trying again", connection=self._connection, why=str(error))
            return
        self._told = trouble
        level = Level.WARNING if error.transient else Level.ERROR
        remedy = "nothing, unless it lasts" if error.transient else "do what the text says; no restart is needed"
        self._activity.tell(level, "trouble", str(error), connection=self._connection, remedy=remedy)

    def _over(self) -> None:
        self._failures = 0
        if self._told:
            self._told = None
            self._activity.tell(Level.INFO, "trouble_over", "goes on as it should", connection=self._connection)
