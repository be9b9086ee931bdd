"""What people made of a dead letter, kept in `ioc.resolutions` by the letter's id for as long as there is the letter.

Beside the letter, never in it: that one keeps the original bytes. What has no resolution is open.
"""

from hashlib import blake2b
from typing import Any

from schemas.record import Millis, Record
from schemas.resolution_state import ResolutionState


def digest(key: bytes | None, value: bytes | None) -> str:
    """A short name for a record's bytes: a resolution is on just these, not on whatever else came to have the id."""
    parts = (b"" if part is None else b"%d:" % len(part) + part for part in (key, value))
    return blake2b(b"\x1f".join(parts), digest_size=8).hexdigest()


class Resolution(Record):
    """What was made of one dead letter. `payload` is what a person put in the place of its value."""

    id: str
    """Id of the dead letter: `<topic>@<partition>:<offset>` of the original record."""
    digest: str
    """Of the original bytes that this is about."""
    state: ResolutionState
    """What became of it."""
    by: str
    """Who did that."""
    at: Millis
    """When that was."""
    reason: str = ""
    """Why it was dropped, if that was said."""
    replays: int = 0
    """How often it was replayed."""
    payload: dict[str, Any] | None = None
    """The value as somebody edited it; absent while it is the original one."""
    edited_by: str | None = None
    """Who edited it."""
    edited_at: Millis | None = None
    """When that was."""
