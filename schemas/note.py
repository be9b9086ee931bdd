"""Notes of a pusher for its successor, kept beside its applied entries under reserved keys."""

from abc import abstractmethod

from schemas.record import Record

RESERVED = b"\x00"
"""Prefix of reserved keys. No key of an entry begins with it."""


class Note(Record):
    """Base of notes. Readers ignore notes of unknown kinds."""

    @abstractmethod
    def key(self) -> bytes:
        """The key in the applied topic. A later note with the same key replaces it; a tombstone deletes it."""
