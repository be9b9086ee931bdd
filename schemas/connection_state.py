"""The state of one connection in one service. Kept in `ioc.connections`, so that a restarted service knows it."""

from enum import StrEnum

from schemas.record import Millis, Record


class BreakerState(StrEnum):
    """State of a circuit breaker, from harmless to severe."""

    CLOSED = "closed"
    """The vendor is called normally."""
    HALF_OPEN = "half-open"
    """The open period is over. The next call decides whether the breaker closes."""
    OPEN = "open"
    """The vendor is not called for a while. Work waits until the trouble is over."""


class ConnectionState(Record):
    """A service's latest state of one connection."""

    connection: str
    """Name of the connection."""
    service: str
    """The service that works for it."""
    state: BreakerState = BreakerState.CLOSED
    """State of its breaker."""
    since: Millis
    """When the breaker entered this state."""
    reason: str | None = None
    """The last error of the vendor or the network, in one line; absent while closed."""
    remedy: str | None = None
    """What to do about it."""
    failure: str | None = None
    """The unexpected error that last ended its worker; absent while it works."""
    failures: int | None = None
    """How often in a row the worker failed and was restarted."""
    failing_since: Millis | None = None
    """When the first of these failures happened."""
    answered: str | None = None
    """Id of the latest completed request for a drift check."""

    def key(self) -> bytes:
        """The record's key: one record for each connection and service."""
        return state_key(self.connection, self.service)


def state_key(connection: str, service: str) -> bytes:
    """The key of a service's state of a connection."""
    return f"{connection}/{service}".encode()
