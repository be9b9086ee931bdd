"""Roles of API callers."""

from enum import StrEnum


class Role(StrEnum):
    """A viewer reads; an editor also changes things."""

    VIEWER = "viewer"
    EDITOR = "editor"
