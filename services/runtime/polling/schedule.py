"""The schedule of one stream of a puller. The breaker reports errors."""

import time
from typing import Protocol

from services.runtime.observability import trace
from services.runtime.observability.metrics import LAST_POLL, POLL_SECONDS, POLLS, VENDOR_RETRIES
from services.runtime.vendors.breaker import Circuit
from services.runtime.vendors.errors import VendorError


class Stream(Protocol):
    """A part of a connection that is polled on its own schedule. `paced`: the vendor sets the time of the next poll."""

    paced: bool

    def poll(self) -> float:
        """Poll once and publish. Returns the seconds until the next poll.

        Raises:
            StoppedError: the service stops.
            VendorError: the vendor failed; nothing was published.
            ProducerError, LeaseLostError: another process works for the connection.

        """


class Schedule:
    """When a stream is polled. `due` is the time of the next poll, by the monotonic clock."""

    def __init__(self, connection: str, stream: Stream, circuit: Circuit) -> None:
        self.due = 0.0
        self._connection = connection
        self._stream = stream
        self._circuit = circuit
        for outcome in ("ok", "error"):
            POLLS.labels(connection, outcome)  # starts at 0, so that the first poll counts as an increase

    @property
    def may_hurry(self) -> bool:
        """Whether the next poll may be early: not while the circuit is open."""
        return not self._circuit.in_trouble

    def hurry(self) -> None:
        """Make the next poll due now, as a person requests, unless the vendor sets its time."""
        if self._circuit.in_trouble:
            self._circuit.hurry()
            self.due = self._circuit.due
        elif not self._stream.paced:
            self.due = 0.0

    def take(self) -> bool:
        """Poll, and schedule the next poll. Returns whether it succeeded.

        Raises the errors of `Stream.poll` except VendorError.
        """
        began = time.monotonic()
        self._circuit.begin()
        try:
            with trace.span("poll", connection=self._connection):
                wait = self._stream.poll()
        except VendorError as error:
            POLLS.labels(self._connection, "error").inc()
            VENDOR_RETRIES.labels(self._connection, error.route).inc()
            wait, has_succeeded = self._circuit.failed(error), False
        else:
            POLLS.labels(self._connection, "ok").inc()
            LAST_POLL.labels(self._connection).set_to_current_time()
            self._circuit.passed()
            has_succeeded = True
        now = time.monotonic()
        POLL_SECONDS.labels(self._connection).observe(now - began)
        self.due = now + wait
        return has_succeeded
