"""The circuit breaker of a connection: when its vendor is called again after failures, and what is reported meanwhile.

It opens on the third failure in a row (the sixth for throttling and conflicts), and at once on an error that only a
person can repair. After the wait it lets one unit of work pass and closes if the vendor answers that. Each stream of a
connection has its own circuit; the worst state counts. Failures of single entries do not matter.

Invariant: it reports once when it opens, when the error changes, and when it closes. A wait that the vendor requests is
kept in full. It never ends the process or makes it unready, since another process would meet the same vendor.
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
"""Failures in a row after which the breaker opens."""
PATIENCE = 6
"""The same for throttling and conflicts."""

_SEVERITY = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
_PASSES, _STAYS = "none, unless it lasts", "do what the text says; no restart is needed"
_LOG = log.get(__name__)
_Cause = tuple[object, ...]


class Breaker:
    """The breaker of one connection in this service. Used by one thread."""

    def __init__(self, context: Context, connection: str, status: Status, pace: Pace) -> None:
        self.connection = connection
        self.pace = pace
        self._activity = context.activity
        self._health = context.health
        self._service = context.service
        self._status = status
        self._circuits: list[Circuit] = []
        self._reported: set[_Cause] = set()
        self._recalled = status.latest.state is not BreakerState.CLOSED
        self._show()

    def circuit(self) -> "Circuit":
        """Add a circuit. After a restart it is half-open if the last published state was not closed."""
        made = Circuit(self, BreakerState.HALF_OPEN if self._recalled else BreakerState.CLOSED)
        self._circuits.append(made)
        self._show()
        return made

    @property
    def state(self) -> BreakerState:
        """The state of the worst circuit."""
        states = (circuit.state for circuit in self._circuits)
        return max(states, key=_SEVERITY.__getitem__, default=BreakerState.CLOSED)

    def opened(self, error: VendorError) -> None:
        """Publish that a circuit opened, or opened again. Raises ProducerError if that fails."""
        cause = _cause(error)
        remedy = _PASSES if error.transient else _STAYS
        same = self._recalled and self._status.latest.reason == str(error)
        self._recalled = False
        if cause in self._reported or same:
            _LOG.warning("the vendor still fails", connection=self.connection, why=str(error))
        else:
            level = Level.WARNING if error.transient else Level.ERROR
            self._activity.tell(level, "breaker_opened", str(error), connection=self.connection, remedy=remedy)
        self._reported.add(cause)
        self._publish(BreakerState.OPEN, str(error), remedy)

    def changed(self) -> None:
        """Publish that a circuit closed or became half-open. Raises as `opened`."""
        state = self.state
        if state is BreakerState.CLOSED and self._status.latest.state is not BreakerState.CLOSED:
            self._reported.clear()
            self._recalled = False
            self._activity.tell(Level.INFO, "breaker_closed", "the vendor answers again", connection=self.connection)
            self._publish(state, None, None)
        elif state is BreakerState.HALF_OPEN:
            self._publish(state, self._status.latest.reason, self._status.latest.remedy)
        self._show()

    def probing(self) -> None:
        """Note that a circuit lets one unit of work pass."""
        self._show()

    def _publish(self, state: BreakerState, reason: str | None, remedy: str | None) -> None:
        known = self._status.latest
        since = known.since if known.state is state else now_ms()
        self._status.say(state=state, since=since, reason=reason, remedy=remedy)
        self._show()

    def _show(self) -> None:
        state, known = self.state, self._status.latest
        BREAKER.labels(self._service, self.connection).set(_SEVERITY[state])
        line = f"its breaker is {state}: {known.reason}" if state is not BreakerState.CLOSED else None
        self._health.remark(f"connection {self.connection}", line)


class Circuit:
    """One circuit. `due` is when the next unit of work may start, by the monotonic clock."""

    def __init__(self, breaker: Breaker, state: BreakerState) -> None:
        self.due = 0.0
        self.state = state
        self._breaker = breaker
        self._failures = 0
        self._is_throttled = False
        self._answered = 0

    @property
    def in_trouble(self) -> bool:
        """Whether the vendor must not be called before `due`."""
        return self._failures > 0

    def hurry(self) -> None:
        """Let the next unit of work start now, as a person requests, unless the vendor requested a wait."""
        if not self._is_throttled:
            self.due = 0.0

    def begin(self) -> None:
        """Note that a unit of work starts."""
        self._answered = answered(self._breaker.connection)
        if self.state is BreakerState.OPEN:
            self.state = BreakerState.HALF_OPEN
            self._breaker.probing()

    def failed(self, error: VendorError) -> float:
        """Note that the unit of work failed. Returns in how many seconds the next one may start.

        Raises:
            ProducerError: the breaker opened, and that cannot be published.

        """
        delay = self._delay(error)
        self.due = time.monotonic() + delay
        self._is_throttled = isinstance(error, ThrottledError)
        self._failures += 1
        patience = PATIENCE if isinstance(error, ThrottledError | ConflictError) else OPENS_AFTER
        if self.state is not BreakerState.CLOSED or not error.transient or self._failures >= patience:
            self.state = BreakerState.OPEN
            self._breaker.opened(error)
        else:
            name, why = self._breaker.connection, str(error)
            _LOG.warning("a unit of work failed and is tried again", connection=name, why=why, wait_s=delay)
        return delay

    def passed(self) -> None:
        """Note that the unit of work succeeded; it closes the circuit if the vendor answered. Raises as `failed`."""
        before = self.state
        if answered(self._breaker.connection) > self._answered:
            self._failures, self._is_throttled, self.state = 0, False, BreakerState.CLOSED
        if before is not BreakerState.CLOSED:
            self._breaker.changed()

    def _delay(self, error: VendorError) -> float:
        pace = self._breaker.pace
        if isinstance(error, ThrottledError):
            return error.retry_after
        if not error.transient:
            return pace.lasting(self._failures)
        requested = error.retry_after if isinstance(error, UnavailableError) else None
        return max(requested or 0.0, pace.passing(self._failures))


def _cause(error: VendorError) -> _Cause:
    """Return what distinguishes errors for reporting. Not the route: all routes share token and host."""
    return type(error), getattr(error, "kind", None) or getattr(error, "status", None)
