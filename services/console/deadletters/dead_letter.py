"""One dead letter: a record that no service could decode, every time it was set aside, and what was made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from schemas.deadletter import DeadLetter
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
    headers: Sequence[tuple[str, bytes]]
    notes: Sequence[DeadLetter]
    resolution: Resolution | None = field(default=None)

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
        return digest(self.key, self.value)

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
