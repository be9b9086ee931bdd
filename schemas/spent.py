"""What a pusher has spent of its vendor's quotas: beside its applied state, so that a fresh process keeps to them."""

from schemas.note import RESERVED, Note
from schemas.record import Millis

_MINUTES = 60


class Spent(Note):
    """Calls of one bucket within one minute. A record of an hour ago has made room for the latest by its key."""

    bucket: str
    """Which quota."""
    calls: int
    """How many calls left in that minute."""
    at: Millis
    """When the last of them did."""
    process: str
    """Which process made them: one that counts them already need not be told."""

    def key(self) -> bytes:
        """Its key in the applied topic: one for each minute of an hour."""
        return RESERVED + f"spent/{self.bucket}/{self.at // 60_000 % _MINUTES}".encode()
