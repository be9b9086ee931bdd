"""The resolution of a dead letter, kept in `ioc.resolutions` by its id as long as the dead letter exists.

It is a record of its own, because the dead letter keeps the original bytes. Without a resolution it is open.
"""

from hashlib import blake2b
from typing import Any

from schemas.record import Millis, Record
from schemas.resolution_state import ResolutionState


def digest(key: bytes | None, value: bytes | None) -> str:
    """A digest of a record's key and value. A resolution applies to these bytes, not to others with the same id."""
    parts = (b"" if part is None else b"%d:" % len(part) + part for part in (key, value))
    return blake2b(b"\x1f".join(parts), digest_size=8).hexdigest()


class Resolution(Record):
    """What people did with one dead letter. `payload` is the edited value."""

    id: str
    """Id of the dead letter: `<topic>@<partition>:<offset>` of the original record."""
    digest: str
    """Digest of the original bytes."""
    state: ResolutionState
    """State of the dead letter."""
    by: str
    """Who set this state."""
    at: Millis
    """When this state was set."""
    reason: str = ""
    """Why it was dropped, if given."""
    replays: int = 0
    """How often it was replayed."""
    payload: dict[str, Any] | None = None
    """The edited value; absent if it was not edited."""
    edited_by: str | None = None
    """Who edited it."""
    edited_at: Millis | None = None
    """When it was edited."""
