"""What may have become of a dead letter: a vocabulary of its own, since the command line's help needs nothing more."""

from enum import StrEnum


class ResolutionState(StrEnum):
    """What became of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DROPPED = "dropped"
