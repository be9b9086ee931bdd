"""Kinds of entries that a tenant does not accept, learnt from its refusals where the documentation is silent."""

from schemas.note import RESERVED, Note
from schemas.record import Millis


class Refusal(Note):
    """A kind of entries that the tenant refuses, whatever their values."""

    kind: str
    """Name of the kind in the pusher of the vendor."""
    tenant: str
    """The tenant; a connection may be changed to another one."""
    text: str
    """The tenant's error text."""
    at: Millis
    """When it last refused the kind."""

    def key(self) -> bytes:
        """The key in the applied topic: one for each kind."""
        return RESERVED + f"refusal/{self.kind}".encode()
