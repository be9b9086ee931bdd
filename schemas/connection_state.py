"""How one service gets on with one connection. Kept in `ioc.connections`, so that who starts later knows it."""

from enum import StrEnum

from schemas.record import Millis, Record


class BreakerState(StrEnum):
    """Whether the vendor is called, of the least harm first."""

    CLOSED = "closed"
    """As it should be."""
    HALF_OPEN = "half-open"
    """It was open, its time is over, and one call shall show whether the trouble is; nothing has been to call since."""
    OPEN = "open"
    """The vendor is left alone for a while. What is to be done waits, and is done when the trouble is over."""


class ConnectionState(Record):
    """What one service last said of one connection."""

    connection: str
    """Name of the connection."""
    service: str
    """The service that works for it."""
    state: BreakerState = BreakerState.CLOSED
    """Whether its calls go through."""
    since: Millis
    """Since when."""
    reason: str | None = None
    """What the vendor, or the way there, did last, in one line; absent while closed."""
    remedy: str | None = None
    """What to do about it."""
    failure: str | None = None
    """The unexpected error that ended its worker last; absent while it works."""
    failures: int | None = None
    """How often in a row it failed so, and was started again."""
    failing_since: Millis | None = None
    """When it first did."""
    answered: str | None = None
    """Id of the latest request to compare that was carried out."""

    def key(self) -> bytes:
        """Its key: one record for each connection and service."""
        return state_key(self.connection, self.service)


def state_key(connection: str, service: str) -> bytes:
    """The key of what a service says of a connection."""
    return f"{connection}/{service}".encode()
