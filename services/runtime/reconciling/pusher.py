"""The interface of the vendor's part of a pusher."""

from typing import Protocol

from services.runtime.reconciling.entry import Entry

FOREVER = float("inf")
"""Returned by a unit of work when only a change of the desired entries brings more work."""


class Pusher(Protocol):
    """The vendor's part of a pusher."""

    def reconcile_once(self) -> float:
        """Do one unit of work and record it. Returns the seconds until the next one; 0 is at once.

        Raises:
            StoppedError: the service stops.
            VendorError: the vendor failed; unrecorded entries are tried again.

        """

    def try_entry(self, entry: Entry) -> None:
        """Do with one entry what a unit does with each before it calls the vendor. Raises any error of that.

        Finds the entries that made a unit fail unexpectedly.
        """

    def close(self) -> None:
        """Close the connections."""
