"""The vendor's part of a pusher, as the loop sees it."""

from typing import Protocol

from services.runtime.reconciling.entry import Entry

FOREVER = float("inf")
"""What a unit returns when only a change of what is desired brings more work."""


class Pusher(Protocol):
    """The vendor's part."""

    def reconcile_once(self) -> float:
        """Do one unit of work and record it. Returns in how many seconds there may be more: 0 at once.

        Raises:
            StoppedError: the service stops.
            VendorError: the vendor cannot be worked with now; what was not recorded is tried again.

        """

    def try_entry(self, entry: Entry) -> None:
        """Do by itself with one entry what units do with each before they call the vendor. Raises whatever that raises.

        Where a unit failed unexpectedly, this tells which entries are to blame.
        """

    def close(self) -> None:
        """Close the connections."""
