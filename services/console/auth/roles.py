"""What somebody may do."""

from enum import StrEnum


class Role(StrEnum):
    """A viewer reads; an editor changes things as well."""

    VIEWER = "viewer"
    EDITOR = "editor"
