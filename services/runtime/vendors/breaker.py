"""A connection's circuit breaker: when its vendor is called again after trouble, and what people are told meanwhile.

Invariant: trouble is told once when the breaker opens, when the trouble is another, and when it closes; a wait that the
vendor asked for is kept to the full. It opens on the third failure in a row of the connection (the sixth where the
vendor only asked to wait, or somebody else was at it), and at once on what only a person can mend. When its time is
over one unit of work may go, and it closes only where the vendor answered that. Failures of single entries are not its
business. It never ends the process nor makes it unready: another process would meet the same vendor.

A connection has a circuit for each thing that is polled or written at a pace of its own; the worst one speaks for it.
"""

import time

from schemas.connection_state import BreakerState
from schemas.level import Level
from services.runtime.clock import now_ms
from services.runtime.lifecycle import Context
from services.runtime.observability import log
from services.runtime.observability.metrics import BREAKER
from services.runtime.vendors.errors import ConflictError, ThrottledError, UnavailableError, VendorError
from services.runtime.vendors.http import answered
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.status import Status

OPENS_AFTER = 3
"""Failures in a row after which the vendor is in trouble, not a call."""
PATIENCE = 6
"""Times in a row that a vendor may ask us to wait before that is trouble."""

_WORTH = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
_PASSES, _STAYS = "nothing, unless it lasts", "as the text says; no restart is needed"
_LOG = log.get(__name__)
_Trouble = tuple[object, ...]


class Breaker:
    """The breaker of one connection at this service. Used by one thread."""

    def __init__(self, context: Context, connection: str, status: Status, pace: Pace) -> None:
        self.connection = connection
        self.pace = pace
        self._activity = context.activity
        self._health = context.health
        self._service = context.service
        self._status = status
        self._circuits: list[Circuit] = []
        self._told: set[_Trouble] = set()
        self._recalled = status.latest.state is not BreakerState.CLOSED
        self._show()

    def circuit(self) -> "Circuit":
        """One more circuit. After a restart it goes on from what was said last: half-open where that was open."""
        made = Circuit(self, BreakerState.HALF_OPEN if self._recalled else BreakerState.CLOSED)
        self._circuits.append(made)
        self._show()
        return made

    @property
    def state(self) -> BreakerState:
        """That of the worst circuit."""
        return max((circuit.state for circuit in self._circuits), key=_WORTH.__getitem__, default=BreakerState.CLOSED)

    def opened(self, error: VendorError) -> None:
        """A circuit opened, or opened again. Raises ProducerError where that cannot be published."""
        trouble = _trouble(error)
        remedy = _PASSES if error.transient else _STAYS
        same = self._recalled and self._status.latest.reason == str(error)
        self._recalled = False
        if trouble in self._told or same:
            _LOG.warning("trouble goes on", connection=self.connection, why=str(error))
        else:
            level = Level.WARNING if error.transient else Level.ERROR
            self._activity.tell(level, "breaker_opened", str(error), connection=self.connection, remedy=remedy)
        self._told.add(trouble)
        self._publish(BreakerState.OPEN, str(error), remedy)

    def changed(self) -> None:
        """A circuit closed, or waits for something to do. Raises as `opened`."""
        state = self.state
        if state is BreakerState.CLOSED and self._status.latest.state is not BreakerState.CLOSED:
            self._told.clear()
            self._recalled = False
            self._activity.tell(Level.INFO, "breaker_closed", "goes on as it should", connection=self.connection)
            self._publish(state, None, None)
        elif state is BreakerState.HALF_OPEN:
            self._publish(state, self._status.latest.reason, self._status.latest.remedy)
        self._show()

    def probing(self) -> None:
        """A circuit lets one unit of work go."""
        self._show()

    def _publish(self, state: BreakerState, reason: str | None, remedy: str | None) -> None:
        known = self._status.latest
        since = known.since if known.state is state else now_ms()
        self._status.say(state=state, since=since, reason=reason, remedy=remedy)
        self._show()

    def _show(self) -> None:
        state, known = self.state, self._status.latest
        BREAKER.labels(self._service, self.connection).set(_WORTH[state])
        line = f"its breaker is {state}: {known.reason}" if state is not BreakerState.CLOSED else None
        self._health.remark(f"connection {self.connection}", line)


class Circuit:
    """One circuit. `due` is when a unit of work may go, by the monotonic clock."""

    def __init__(self, breaker: Breaker, state: BreakerState) -> None:
        self.due = 0.0
        self.state = state
        self._breaker = breaker
        self._failures = 0
        self._asked_to_wait = False
        self._answered = 0

    @property
    def in_trouble(self) -> bool:
        """Whether the vendor is to be left alone until `due`."""
        return self._failures > 0

    def hurry(self) -> None:
        """Let the next unit go now: a person asks for it. Not where the vendor asked to be left alone."""
        if not self._asked_to_wait:
            self.due = 0.0

    def begin(self) -> None:
        """A unit of work goes."""
        self._answered = answered(self._breaker.connection)
        if self.state is BreakerState.OPEN:
            self.state = BreakerState.HALF_OPEN
            self._breaker.probing()

    def failed(self, error: VendorError) -> float:
        """It failed: see to when the next may go. Returns in how many seconds that is.

        Raises:
            ProducerError: that the breaker opened cannot be published.

        """
        delay = self._delay(error)
        self.due = time.monotonic() + delay
        self._asked_to_wait = isinstance(error, ThrottledError)
        self._failures += 1
        patience = PATIENCE if isinstance(error, ThrottledError | ConflictError) else OPENS_AFTER
        if self.state is not BreakerState.CLOSED or not error.transient or self._failures >= patience:
            self.state = BreakerState.OPEN
            self._breaker.opened(error)
        else:
            _LOG.warning("failed, trying again", connection=self._breaker.connection, why=str(error), wait_s=delay)
        return delay

    def passed(self) -> None:
        """It did not fail. Where it called nobody, that shows nothing. Raises as `failed`."""
        was = self.state
        if answered(self._breaker.connection) > self._answered:
            self._failures, self._asked_to_wait, self.state = 0, False, BreakerState.CLOSED
        if was is not BreakerState.CLOSED:
            self._breaker.changed()

    def _delay(self, error: VendorError) -> float:
        pace = self._breaker.pace
        if isinstance(error, ThrottledError):
            return error.retry_after
        if not error.transient:
            return pace.lasting(self._failures)
        asked = error.retry_after if isinstance(error, UnavailableError) else None
        return max(asked or 0.0, pace.passing(self._failures))


def _trouble(error: VendorError) -> _Trouble:
    """What makes one trouble another than the one before. The route does not: all have the same token and host."""
    return type(error), getattr(error, "kind", None) or getattr(error, "status", None)
