"""What an adapter relies on inside a library that the library does not promise: one `PrivateUse` for each.

There is one adapter module for each library. tests/unit/test_library_internals.py fails at the first release that has
changed what is named here, and prints what to look at.
"""

from typing import NamedTuple


class PrivateUse(NamedTuple):
    """One use. The source at `place` must contain `fragments`, in this order; blanks do not matter."""

    place: str
    """`module:qualified.name`."""
    fragments: tuple[str, ...]
    look_at: str
    """What relies on it, and what to check when it has changed."""
