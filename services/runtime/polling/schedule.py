"""One lane of a puller: when its turn is next. What people are told of its trouble is the breaker's business."""

import time
from typing import Protocol

from services.runtime.observability import trace
from services.runtime.observability.metrics import LAST_POLL, POLL_SECONDS, POLLS, VENDOR_RETRIES
from services.runtime.vendors.breaker import Circuit
from services.runtime.vendors.errors import VendorError


class Stream(Protocol):
    """One thing of a connection that is polled at its own pace. `paced`: the vendor says when to come again."""

    paced: bool

    def poll(self) -> float:
        """Poll once and publish. Returns in how many seconds to poll again.

        Raises:
            StoppedError: the service stops.
            VendorError: the vendor cannot be worked with now; nothing was published.
            ProducerError, LeaseLostError: someone else works for the connection.

        """


class Schedule:
    """A lane's turns. `due` is when the next one is, by the monotonic clock."""

    def __init__(self, connection: str, stream: Stream, circuit: Circuit) -> None:
        self.due = 0.0
        self._connection = connection
        self._stream = stream
        self._circuit = circuit
        for outcome in ("ok", "error"):
            POLLS.labels(connection, outcome)  # there from the start, or the first of its kind is no increase

    @property
    def may_hurry(self) -> bool:
        """Whether it may be taken early: not while the vendor is to be left alone for a while."""
        return not self._circuit.in_trouble

    def hurry(self) -> None:
        """Take the next one now, as a person asks, unless the vendor says when to come."""
        if self._circuit.in_trouble:
            self._circuit.hurry()
            self.due = self._circuit.due
        elif not self._stream.paced:
            self.due = 0.0

    def take(self) -> bool:
        """Poll, and see to when to poll again. Returns whether it went well.

        Raises what the lane raises, but for the vendor's trouble.
        """
        began = time.monotonic()
        self._circuit.begin()
        try:
            with trace.span("poll", connection=self._connection):
                wait = self._stream.poll()
        except VendorError as error:
            POLLS.labels(self._connection, "error").inc()
            VENDOR_RETRIES.labels(self._connection, error.route).inc()
            wait, well = self._circuit.failed(error), False
        else:
            POLLS.labels(self._connection, "ok").inc()
            LAST_POLL.labels(self._connection).set_to_current_time()
            self._circuit.passed()
            well = True
        now = time.monotonic()
        POLL_SECONDS.labels(self._connection).observe(now - began)
        self.due = now + wait
        return well
