"""Levels of activity. A module of its own, so that the command line's help does not import the records."""

from enum import StrEnum


class Level(StrEnum):
    """Level of an activity."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
