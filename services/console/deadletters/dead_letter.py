"""One dead letter: a record that services could not decode, with their notes and its resolution."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from schemas.deadletter import DeadLetter, Header
from schemas.record import Millis
from schemas.resolution import Resolution, digest
from schemas.resolution_state import ResolutionState


@dataclass(frozen=True, slots=True)
class ListedDeadLetter:
    """A dead letter with every note on it: several services may have written one, and each again after a restart.

    `notes` are in order of time; `headers` are those of the original record.
    """

    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]
    notes: Sequence[DeadLetter]
    resolution: Resolution | None = field(default=None)
    restored: bool = False
    """Whether the bytes of a stub were read from the original topic."""

    @property
    def last(self) -> DeadLetter:
        """The latest note."""
        return self.notes[-1]

    @property
    def id(self) -> str:
        """The id: `<topic>@<partition>:<offset>`."""
        return self.last.id

    @property
    def digest(self) -> str:
        """The digest of the original key and value."""
        return self.last.checksum or digest(self.key, self.value)

    @property
    def is_stub(self) -> bool:
        """Whether its bytes are missing: too many to copy, and not restored from the original topic."""
        return self.last.is_stub and not self.restored

    @property
    def services(self) -> list[str]:
        """The services that could not decode it, sorted."""
        return sorted({note.service for note in self.notes})

    @property
    def since(self) -> Millis:
        """When the oldest note that is still stored was written."""
        return min(note.at for note in self.notes)

    @property
    def state(self) -> ResolutionState:
        """Its state; open without a resolution."""
        return self.resolution.state if self.resolution else ResolutionState.OPEN

    @property
    def payload(self) -> bytes | None:
        """The value that a replay produces: the edited one, else the original."""
        if self.resolution and self.resolution.payload is not None:
            return orjson.dumps(self.resolution.payload)
        return self.value
