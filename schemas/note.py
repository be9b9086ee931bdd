"""What a pusher notes for the process after it, beside its applied entries, under keys that no entry has."""

from abc import abstractmethod

from schemas.record import Record

RESERVED = b"\x00"
"""What reserved keys begin with. No key of an entry does."""


class Note(Record):
    """Base of notes. A note of a kind that a reader does not know is none of its business."""

    @abstractmethod
    def key(self) -> bytes:
        """Its key in the applied topic. A later note under the same key takes its place; a tombstone ends it."""
