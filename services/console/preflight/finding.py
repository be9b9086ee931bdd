"""What comes of checking one thing, and how one call is tried."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.resources import Connection
from services.runtime.vendors.errors import VendorError
from services.runtime.vendors.retry import RetryPolicy

PATIENCE = RetryPolicy(attempts=2, total_s=20.0, longest_wait_s=5.0, throttled_s=5.0)
NOTHING = "ioc-bridge-check"
"""A name that no object has, and the name of the iterator index that a check uses."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. Where it failed, `text` says what to change."""

    connection: str
    what: str
    ok: bool
    text: str = ""


def tried(connection: Connection, what: str, call: Callable[[], object]) -> Finding:
    """Make a call; what the vendor says against it is the finding."""
    try:
        call()
    except VendorError as error:
        return Finding(connection.name, what, ok=False, text=error.text)
    return Finding(connection.name, what, ok=True)
