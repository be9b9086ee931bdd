"""States of a dead letter. A module of its own, so that the command line's help does not import the records."""

from enum import StrEnum


class ResolutionState(StrEnum):
    """State of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DROPPED = "dropped"
