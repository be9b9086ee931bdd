"""Uses of private parts of libraries, declared by the adapter module of each library.

tests/unit/test_library_internals.py fails when a release changes a used part, and prints what to check.
"""

from typing import NamedTuple


class PrivateUse(NamedTuple):
    """One use. The source at `place` must contain `fragments` in this order, apart from blanks."""

    place: str
    """`module:qualified.name`."""
    fragments: tuple[str, ...]
    look_at: str
    """What relies on the part, and what to check when it has changed."""
