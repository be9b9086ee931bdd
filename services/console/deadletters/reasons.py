"""Outcomes of a replay or drop, with the stable codes of why a dead letter is left unchanged."""

from dataclasses import dataclass
from enum import StrEnum

from schemas.resolution_state import ResolutionState


class Why(StrEnum):
    """Why a dead letter is left unchanged."""

    NEWER = "newer_exists"
    GONE = "original_gone"
    REPLAYED = "already_replayed"
    DROPPED = "already_dropped"
    UNREADABLE = "not_readable"
    NOWHERE = "nothing_reads_it"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one dead letter. `why` and `detail` are set if it was left unchanged."""

    id: str
    state: ResolutionState
    why: Why | None = None
    detail: str = ""

    @property
    def done(self) -> bool:
        """Whether the dead letter was replayed or dropped."""
        return self.why is None
