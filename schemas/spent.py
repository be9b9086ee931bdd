"""Calls that a pusher has spent of its vendor's quotas, kept so that its successor respects them."""

from schemas.note import RESERVED, Note
from schemas.record import Millis

_MINUTES = 60


class Spent(Note):
    """Calls of one quota within one minute. Keys repeat every hour, so a new record replaces one of an hour ago."""

    bucket: str
    """The quota."""
    calls: int
    """Number of calls in that minute."""
    at: Millis
    """When the last call was made."""
    process: str
    """The process that made them, which already counts them."""

    def key(self) -> bytes:
        """The key in the applied topic: one for each minute of an hour."""
        return RESERVED + f"spent/{self.bucket}/{self.at // 60_000 % _MINUTES}".encode()
