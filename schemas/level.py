"""How much an activity matters: a vocabulary of its own, since the command line's help needs nothing more."""

from enum import StrEnum


class Level(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
