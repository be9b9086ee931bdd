"""What a tenant was found not to accept, in its own words: where the vendor's documentation leaves that open."""

from schemas.note import RESERVED, Note
from schemas.record import Millis


class Refusal(Note):
    """A whole kind of entries that the tenant turns down, whatever their values."""

    kind: str
    """The kind, as the vendor's part of the pusher calls it."""
    tenant: str
    """Which tenant said so; a connection may be pointed to another one."""
    text: str
    """What it said."""
    at: Millis
    """When it said so last."""

    def key(self) -> bytes:
        """Its key in the applied topic: one for each kind."""
        return RESERVED + f"refusal/{self.kind}".encode()
