"""Why a dead letter is left as it is. Stable codes."""

from dataclasses import dataclass
from enum import StrEnum

from schemas.resolution_state import ResolutionState


class Why(StrEnum):
    """Why something that was asked for is not done."""

    NEWER = "newer_exists"
    GONE = "original_gone"
    REPLAYED = "already_replayed"
    DROPPED = "already_dropped"
    UNREADABLE = "not_readable"
    NOWHERE = "nothing_reads_it"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one letter that was to be replayed or dropped. `why` and `detail` where it was left as it is."""

    id: str
    state: ResolutionState
    why: Why | None = None
    detail: str = ""

    @property
    def done(self) -> bool:
        """Whether it is done."""
        return self.why is None
