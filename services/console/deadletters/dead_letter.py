"""One dead letter: a record that no service could decode, every time it was set aside, and what was made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from schemas.deadletter import DeadLetter, Header
from schemas.record import Millis
from schemas.resolution import Resolution, digest
from schemas.resolution_state import ResolutionState


@dataclass(frozen=True, slots=True)
class ListedDeadLetter:
    """A record at its place of origin. Several services may have set it aside, and each again after a restart.

    `notes` are theirs, in order; `headers` are those that the record came with.
    """

    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]
    notes: Sequence[DeadLetter]
    resolution: Resolution | None = field(default=None)
    restored: bool = False
    """Whether the bytes of a stub were read from where the record still is."""

    @property
    def last(self) -> DeadLetter:
        """What the last service to set it aside noted."""
        return self.notes[-1]

    @property
    def id(self) -> str:
        """What people call it by."""
        return self.last.id

    @property
    def digest(self) -> str:
        """The name of its original bytes."""
        return self.last.checksum or digest(self.key, self.value)

    @property
    def is_stub(self) -> bool:
        """Whether its bytes are not known here: they were too many to be kept, and were not read from their place."""
        return self.last.is_stub and not self.restored

    @property
    def services(self) -> list[str]:
        """Who could not decode it."""
        return sorted({note.service for note in self.notes})

    @property
    def since(self) -> Millis:
        """When it was first set aside, as far as that is still known."""
        return min(note.at for note in self.notes)

    @property
    def state(self) -> ResolutionState:
        """What became of it."""
        return self.resolution.state if self.resolution else ResolutionState.OPEN

    @property
    def payload(self) -> bytes | None:
        """The value that a replay produces: the edited one if there is one, else the original."""
        if self.resolution and self.resolution.payload is not None:
            return orjson.dumps(self.resolution.payload)
        return self.value
